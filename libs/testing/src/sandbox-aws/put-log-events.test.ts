// Goal: PutLogEvents stores what AWS would store and refuses what AWS would refuse, at each limit's N-1, N and N+1.
// Method: the real SDK against a running sandbox with a held clock. Doubles: none.
import { gzipSync } from 'node:zlib';
import { ACCOUNT, ADMIN, REGION, startWorld } from './fixtures';
import { logs, logsClient, refusalOf, saying } from './sdk-clients';
import type { SandboxAws } from './start-sandbox-aws';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
const NOW_MS = Date.now();
const REF = { account: ACCOUNT, region: REGION, group: 'g', stream: 's' };

let sandbox: SandboxAws;
let client: logs.CloudWatchLogsClient;

beforeAll(async () => {
  sandbox = await startWorld({ nowMs: () => NOW_MS });
  client = logsClient({ endpoint: sandbox.url, credentials: ADMIN });
});

beforeEach(() => {
  sandbox.deleteLogGroup(REF);
  sandbox.seed({
    accounts: [ACCOUNT],
    logGroups: [{ account: ACCOUNT, region: REGION, name: 'g', streams: ['s'] }],
  });
});

afterAll(async () => {
  client.destroy();
  await sandbox.stop();
});

function put(logEvents: logs.InputLogEvent[], more: Partial<logs.PutLogEventsCommandInput> = {}) {
  return client.send(
    new logs.PutLogEventsCommand({ logGroupName: 'g', logStreamName: 's', logEvents, ...more }),
  );
}

function event(timestamp = NOW_MS, message = 'hello'): logs.InputLogEvent {
  return { timestamp, message };
}

function stored() {
  return sandbox.logEvents(REF).map(({ message }) => message);
}

describe('what is accepted', () => {
  test('events are stored with their own time and in order', async () => {
    const answer = await put([event(NOW_MS - 2, 'first'), event(NOW_MS - 1, 'second, ü€😀')]);
    expect(answer.rejectedLogEventsInfo).toBeUndefined();
    expect(answer.nextSequenceToken).toMatch(/^\d{56}$/u);
    expect(sandbox.logEvents(REF)).toEqual([
      { timestamp: NOW_MS - 2, message: 'first', ingestedAtMs: NOW_MS, sequence: 0 },
      { timestamp: NOW_MS - 1, message: 'second, ü€😀', ingestedAtMs: NOW_MS, sequence: 1 },
    ]);
  });

  test('a batch sent twice is kept twice and counted as duplicates', async () => {
    await put([event(), event(NOW_MS, 'other')]);
    await put([event(), event(NOW_MS, 'other')]);
    expect(stored()).toEqual(['hello', 'other', 'hello', 'other']);
    expect(sandbox.duplicateLogEvents(REF)).toBe(2);
    expect(sandbox.duplicateLogEvents()).toBe(2);
  });

  test('any sequence token is ignored', async () => {
    await put([event()], { sequenceToken: 'nonsense' });
    await put([event()], { sequenceToken: '0' });
    expect(stored()).toHaveLength(2);
  });

  test('calls in parallel on one stream lose nothing', async () => {
    await Promise.all([...Array(20).keys()].map((n) => put([event(NOW_MS, String(n))])));
    expect(stored()).toHaveLength(20);
    expect(sandbox.duplicateLogEvents(REF)).toBe(0);
  });

  /** Puts one event in a body that is changed before it is signed, and said to be gzip. */
  async function putAsGzip(pack: (body: string) => Buffer): Promise<unknown> {
    const zipping = logsClient({ endpoint: sandbox.url, credentials: ADMIN });
    zipping.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { body: string; headers: Record<string, string> };
        const body = pack(request.body);
        request.headers['content-encoding'] = 'gzip';
        request.headers['content-length'] = String(body.length);
        return next({ ...args, request: Object.assign(request, { body }) });
      },
      { step: 'build', priority: 'low' },
    );
    const command = { logGroupName: 'g', logStreamName: 's', logEvents: [event()] };
    return zipping.send(new logs.PutLogEventsCommand(command)).finally(() => zipping.destroy());
  }

  test('a gzip body is unpacked after its signature has been checked', async () => {
    await putAsGzip((body) => gzipSync(body));
    expect(stored()).toEqual(['hello']);
  });

  test.each<[string, (body: string) => Buffer]>([
    ['cut off', (body) => gzipSync(body).subarray(0, -12)],
    ['damaged', (body) => gzipSync(body).fill(0, 12, 24)],
    ['not gzip at all', () => Buffer.from('{}')],
  ])('a gzip body that is %s is refused whole', async (_, pack) => {
    expect(await refusalOf(putAsGzip(pack))).toMatchObject({
      code: 'SerializationException',
      httpStatus: 400,
    });
    expect(stored()).toEqual([]);
  });

  test('a gzip body that unpacks to more than the sandbox takes is refused before it is unpacked whole', async () => {
    const bomb = gzipSync(Buffer.alloc(33 * 1024 ** 2));
    expect(await refusalOf(putAsGzip(() => bomb))).toMatchObject({ httpStatus: 413 });
  });
});

describe('what makes the whole call fail', () => {
  const refusal = (events: logs.InputLogEvent[]) => refusalOf(put(events));
  /** Messages of `bytes` in all, over `count` events of the same time. */
  const batchOf = (bytes: number, count: number) =>
    [...Array(count).keys()].map((n) => {
      const share = Math.floor(bytes / count) + (n < bytes % count ? 1 : 0);
      return event(NOW_MS, 'x'.repeat(share));
    });

  test.each([
    ['1,048,575 bytes', 1_048_575, false],
    ['1,048,576 bytes', 1_048_576, false],
    ['1,048,577 bytes', 1_048_577, true],
  ])('%s, as AWS counts them, in 100 events', async (_name, bytes, isRefused) => {
    const events = batchOf(bytes - 26 * 100, 100);
    if (!isRefused) {
      await put(events);
      expect(stored()).toHaveLength(100);
      return;
    }
    expect(await refusal(events)).toEqual({
      code: 'InvalidParameterException',
      httpStatus: 400,
      message: 'Upload too large: 1048577 bytes exceeds limit of 1048576',
    });
    expect(stored()).toEqual([]);
  });

  test('bytes are counted in UTF-8: three per euro sign', async () => {
    const fits = '€'.repeat(349_516);
    await put([event(NOW_MS, `${fits}xx`)]);
    expect(await refusal([event(NOW_MS, `${fits}€`)])).toMatchObject({
      message: 'Log event too large: 1048577 bytes exceeds limit of 1048576',
    });
    expect(stored()).toHaveLength(1);
  });

  test.each([
    [1_048_549, false],
    [1_048_550, false],
    [1_048_551, true],
  ])('a lone message of %d bytes', async (bytes, isRefused) => {
    const events = [event(NOW_MS, 'x'.repeat(bytes))];
    const outcome = isRefused ? (await refusal(events)).message : (await put(events)) && 'stored';
    expect(outcome).toBe(
      isRefused ? 'Log event too large: 1048577 bytes exceeds limit of 1048576' : 'stored',
    );
  });

  test.each([
    [9_999, false],
    [10_000, false],
    [10_001, true],
  ])('%d events', async (count, isRefused) => {
    const events = batchOf(count, count);
    if (isRefused) {
      expect(await refusal(events)).toMatchObject({
        code: 'InvalidParameterException',
        message: saying('Member must have length less than or equal to 10000'),
      });
    } else {
      await put(events);
    }
    expect(stored()).toHaveLength(isRefused ? 0 : count);
  });

  test('no events', async () => {
    expect(await refusal([])).toMatchObject({
      code: 'InvalidParameterException',
      message: saying('Member must have length greater than or equal to 1'),
    });
  });

  test('an empty message, which is named by its place', async () => {
    expect(await refusal([event(), event(NOW_MS, '')])).toMatchObject({
      code: 'InvalidParameterException',
      message: saying("'logEvents.2.member.message'"),
    });
    expect(stored()).toEqual([]);
  });

  test('a time before 1970', async () => {
    expect(await refusal([event(-1)])).toMatchObject({
      code: 'InvalidParameterException',
      message: saying('Member must have value greater than or equal to 0'),
    });
  });

  test('events out of order', async () => {
    expect(await refusal([event(NOW_MS), event(NOW_MS - 1)])).toEqual({
      code: 'InvalidParameterException',
      httpStatus: 400,
      message: 'Log events in a single PutLogEvents request must be in chronological order.',
    });
  });

  test.each([
    ['one millisecond less than 24 hours', DAY_MS - 1, false],
    ['24 hours', DAY_MS, false],
    ['one millisecond more than 24 hours', DAY_MS + 1, true],
  ])('a span of %s', async (_name, spanMs, isRefused) => {
    const events = [event(NOW_MS - spanMs), event(NOW_MS)];
    const outcome = isRefused ? (await refusal(events)).message : (await put(events)) && 'stored';
    expect(outcome).toBe(
      isRefused
        ? 'The batch of log events in a single PutLogEvents request cannot span more than 24 hours.'
        : 'stored',
    );
  });

  test('members of the wrong type are a serialization problem', async () => {
    const wrong = [{ timestamp: NOW_MS, message: 7 }] as unknown as logs.InputLogEvent[];
    expect(await refusal(wrong)).toMatchObject({ code: 'SerializationException' });
  });
});

describe('what is refused event by event', () => {
  test.each([
    ['14 days less a millisecond old', 14 * DAY_MS - 1, false],
    ['14 days old', 14 * DAY_MS, false],
    ['14 days and a millisecond old', 14 * DAY_MS + 1, true],
  ])('an event %s', async (_name, ageMs, isRejected) => {
    const answer = await put([event(NOW_MS - ageMs)]);
    expect(answer.rejectedLogEventsInfo).toEqual(
      isRejected ? { tooOldLogEventEndIndex: 1 } : undefined,
    );
    expect(stored()).toHaveLength(isRejected ? 0 : 1);
  });

  test.each([
    ['2 hours less a millisecond ahead', 2 * HOUR_MS - 1, false],
    ['2 hours ahead', 2 * HOUR_MS, false],
    ['2 hours and a millisecond ahead', 2 * HOUR_MS + 1, true],
  ])('an event %s', async (_name, aheadMs, isRejected) => {
    const answer = await put([event(NOW_MS + aheadMs)]);
    expect(answer.rejectedLogEventsInfo).toEqual(
      isRejected ? { tooNewLogEventStartIndex: 0 } : undefined,
    );
    expect(stored()).toHaveLength(isRejected ? 0 : 1);
  });

  test('the end of the too old is exclusive, the start of the too new inclusive, and the rest is stored', async () => {
    sandbox.resetCounters();
    const answer = await put([
      event(NOW_MS - 20 * DAY_MS, 'old 0'),
      event(NOW_MS - 19 * DAY_MS, 'old 1'),
      event(NOW_MS - 1, 'good 2'),
      event(NOW_MS, 'good 3'),
      event(NOW_MS + 3 * HOUR_MS, 'new 4'),
      event(NOW_MS + 300 * DAY_MS, 'new 5'),
    ]);
    expect(answer.rejectedLogEventsInfo).toEqual({
      tooOldLogEventEndIndex: 2,
      tooNewLogEventStartIndex: 4,
    });
    expect(stored()).toEqual(['good 2', 'good 3']);
    expect(sandbox.counters().logEvents).toMatchObject({ rejectedTooNew: 2, rejectedTooOld: 2 });
  });

  test('events older than the retention are expired, those older than 14 days too old', async () => {
    sandbox.seed({
      accounts: [ACCOUNT],
      logGroups: [{ account: ACCOUNT, region: REGION, name: 'g', retentionDays: 1 }],
    });
    const answer = await put([
      event(NOW_MS - 15 * DAY_MS, 'too old'),
      event(NOW_MS - 2 * DAY_MS, 'expired'),
      event(NOW_MS - DAY_MS, 'just kept'),
    ]);
    expect(answer.rejectedLogEventsInfo).toEqual({
      tooOldLogEventEndIndex: 1,
      expiredLogEventEndIndex: 2,
    });
    expect(stored()).toEqual(['just kept']);
  });

  test('a batch of which everything is refused is still answered with 200', async () => {
    const answer = await put([event(0), event(NOW_MS + 3 * HOUR_MS)]);
    expect(answer.$metadata.httpStatusCode).toBe(200);
    expect(answer.rejectedLogEventsInfo).toEqual({
      tooOldLogEventEndIndex: 1,
      tooNewLogEventStartIndex: 1,
    });
    expect(stored()).toEqual([]);
  });
});

describe('existence and entity', () => {
  test.each([
    ['group', { logGroupName: 'absent' }, 'The specified log group does not exist.'],
    ['stream', { logStreamName: 'absent' }, 'The specified log stream does not exist.'],
  ])('a %s that is not there', async (_name, names, message) => {
    expect(await refusalOf(put([event()], names))).toEqual({
      code: 'ResourceNotFoundException',
      httpStatus: 400,
      message,
    });
  });

  test('the same names in another Region are another group', async () => {
    const elsewhere = logsClient({
      endpoint: sandbox.url,
      credentials: ADMIN,
      region: 'us-gov-west-1',
    });
    const command = new logs.PutLogEventsCommand({
      logGroupName: 'g',
      logStreamName: 's',
      logEvents: [event()],
    });
    expect(await refusalOf(elsewhere.send(command))).toMatchObject({
      code: 'UnrecognizedClientException',
    });
    elsewhere.destroy();
    const inUsEast = logsClient({ endpoint: sandbox.url, credentials: ADMIN, region: 'us-east-1' });
    expect(await refusalOf(inUsEast.send(command))).toMatchObject({
      code: 'ResourceNotFoundException',
    });
    inUsEast.destroy();
  });

  test.each([
    [{ keyAttributes: { Type: 'Service', Name: 'api', Environment: 'prod' } }, undefined],
    [{ keyAttributes: { Type: 'Nonsense', Name: 'api' } }, 'InvalidTypeValue'],
    [{ keyAttributes: { Type: 'Service', Colour: 'red' } }, 'InvalidKeyAttributes'],
    [{ keyAttributes: { Name: 'api', Environment: 'prod' } }, 'MissingRequiredFields'],
    [{ keyAttributes: { Type: 'Service', Name: 'x'.repeat(513) } }, 'EntitySizeTooLarge'],
    [
      {
        keyAttributes: { Type: 'Service', Name: 'api' },
        attributes: Object.fromEntries([...Array(11).keys()].map((n) => [`a${String(n)}`, 'v'])),
      },
      'InvalidAttributes',
    ],
  ])('the entity %j is answered with %s, and the events are stored', async (entity, problem) => {
    const answer = await put([event()], { entity });
    expect(answer.rejectedEntityInfo?.errorType).toBe(problem);
    expect(stored()).toHaveLength(1);
  });
});

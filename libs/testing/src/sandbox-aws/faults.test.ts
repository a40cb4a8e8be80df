// Goal: everything that goes wrong with AWS can be made to go wrong here, for exactly the calls that are meant, and is over when
// it is said to be. Method: the real SDK. Doubles: none.
import { ACCOUNT, ADMIN, allow, OTHER_ADMIN, REGION, startWorld } from './fixtures';
import type { FaultSpec } from './fault-spec';
import { logs, logsClient, refusalOf, s3, s3Client, sts, stsClient } from './sdk-clients';
import type { SandboxAws } from './start-sandbox-aws';
import type { TakenLogEvents } from './taken-log-events';

const REF = { account: ACCOUNT, region: REGION, group: 'g', stream: 's' };
let sandbox: SandboxAws;
let logsBy: logs.CloudWatchLogsClient;
let s3By: s3.S3Client;
let stsBy: sts.STSClient;

beforeAll(async () => {
  sandbox = await startWorld();
  logsBy = logsClient({ endpoint: sandbox.url, credentials: ADMIN });
  s3By = s3Client({ endpoint: sandbox.url, credentials: ADMIN });
  stsBy = stsClient({ endpoint: sandbox.url, credentials: ADMIN });
});

beforeEach(() => {
  sandbox.clearFaults();
  sandbox.deleteLogGroup(REF);
  sandbox.removeBucket('the-bucket');
  sandbox.seed({
    accounts: [ACCOUNT],
    logGroups: [{ account: ACCOUNT, region: REGION, name: 'g', streams: ['s', 't'] }],
    buckets: [{ name: 'the-bucket', region: REGION, account: ACCOUNT }],
  });
});

afterAll(async () => {
  for (const client of [logsBy, s3By, stsBy]) client.destroy();
  await sandbox.stop();
});

function put(message = 'hello', logStreamName = 's', by = logsBy) {
  const logEvents = [{ timestamp: Date.now(), message }];
  return by.send(new logs.PutLogEventsCommand({ logGroupName: 'g', logStreamName, logEvents }));
}

function putObject(Key = 'key') {
  return s3By.send(new s3.PutObjectCommand({ Bucket: 'the-bucket', Key, Body: 'content' }));
}

function whoAmI() {
  return stsBy.send(new sts.GetCallerIdentityCommand({}));
}

function storedMessages() {
  return sandbox.logEvents(REF).map(({ message }) => message);
}

describe('errors', () => {
  test.each([
    ['throttle', {}, 'ThrottlingException 400', 'SlowDown 503', 'Throttling 400'],
    ['deny', {}, 'AccessDeniedException 400', 'AccessDenied 403', 'AccessDenied 403'],
    ['server-error', {}, 'InternalFailure 500', 'InternalError 500', 'InternalFailure 500'],
    [
      'server-error',
      { httpStatus: 503 },
      'ServiceUnavailableException 503',
      'ServiceUnavailable 503',
      'ServiceUnavailable 503',
    ],
    [
      'error',
      { code: 'LimitExceededException', message: 'x', httpStatus: 400 },
      'LimitExceededException 400',
      'LimitExceededException 400',
      'LimitExceededException 400',
    ],
  ])('%s %j has each service’s own words', async (kind, more, ...expected) => {
    sandbox.addFault({ action: { kind, ...more } as FaultSpec['action'] });
    const refusals = [];
    for (const call of [put, putObject, whoAmI]) refusals.push(await refusalOf(call()));
    expect(refusals.map(({ code, httpStatus }) => `${code} ${String(httpStatus)}`)).toEqual(
      expected,
    );
    expect(storedMessages()).toEqual([]);
    expect(sandbox.objects('the-bucket')).toEqual([]);
  });

  test('a denial names the principal and the action', async () => {
    sandbox.addFault({ action: { kind: 'deny' } });
    expect((await refusalOf(put())).message).toBe(
      `User: arn:aws:iam::${ACCOUNT}:user/admin is not authorized to perform: logs:PutLogEvents with an explicit deny in a service control policy`,
    );
  });

  test('a throttle can say when to come back', async () => {
    sandbox.addFault({ action: { kind: 'throttle', retryAfterSeconds: 7 } });
    const error = await put().catch((thrown: unknown) => thrown);
    expect((error as logs.CloudWatchLogsServiceException).$response?.headers['retry-after']).toBe(
      '7',
    );
  });
});

describe('which calls are hit', () => {
  test('a number of times, after some that are left alone', async () => {
    const id = sandbox.addFault({ action: { kind: 'throttle' }, skip: 1, times: 2 });
    const outcomes: string[] = [];
    for (let call = 0; call < 5; call += 1) {
      outcomes.push(
        await put().then(
          () => 'ok',
          () => 'hit',
        ),
      );
    }
    expect(outcomes).toEqual(['ok', 'hit', 'hit', 'ok', 'ok']);
    expect(sandbox.faults()).toMatchObject([{ id, hits: 2, matched: 3 }]);
  });

  test('a share of them, the same ones for the same seed', async () => {
    const draw = async (seed: number) => {
      const id = sandbox.addFault({ action: { kind: 'throttle' }, probability: 0.5, seed });
      const outcomes: string[] = [];
      for (let call = 0; call < 40; call += 1)
        outcomes.push(
          await put().then(
            () => '.',
            () => 'x',
          ),
        );
      sandbox.removeFault(id);
      return outcomes.join('');
    };
    const first = await draw(7);
    expect(await draw(7)).toBe(first);
    expect(await draw(8)).not.toBe(first);
    expect(first.replaceAll('.', '').length).toBeGreaterThan(8);
    expect(first.replaceAll('x', '').length).toBeGreaterThan(8);
  });

  test.each([
    [{ service: 'logs' as const }, true],
    [{ service: 's3' as const }, false],
    [{ operation: 'PutLogEvents' }, true],
    [{ operation: 'CreateLogStream' }, false],
    [{ accessKeyId: ADMIN.accessKeyId }, true],
    [{ accessKeyId: OTHER_ADMIN.accessKeyId }, false],
    [{ account: ACCOUNT }, true],
    [{ account: '222222222222' }, false],
    [{ region: REGION }, true],
    [{ logGroup: 'g' }, true],
    [{ logGroup: 'h' }, false],
    [{ logGroup: 'g', logStream: 's' }, true],
    [{ logGroup: 'g', logStream: 't' }, false],
    [{ bucket: 'the-bucket' }, false],
    [{ roleArn: 'arn:aws:iam::111111111111:role/x' }, false],
  ])('a fault for %j', async (match, isHit) => {
    sandbox.addFault({ match, action: { kind: 'throttle' } });
    const outcome = await put().then(
      () => false,
      () => true,
    );
    expect(outcome).toBe(isHit);
  });

  test('those of one role’s sessions', async () => {
    const RoleArn = `arn:aws:iam::${ACCOUNT}:role/worker`;
    const trustPolicy = {
      Statement: { Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'sts:AssumeRole' },
    };
    sandbox.seed({
      accounts: [ACCOUNT],
      roles: [{ arn: RoleArn, trustPolicy, policies: [allow('*', '*')] }],
    });
    const { Credentials } = await stsBy.send(
      new sts.AssumeRoleCommand({ RoleArn, RoleSessionName: 'tests' }),
    );
    const worker = logsClient({
      endpoint: sandbox.url,
      credentials: {
        accessKeyId: Credentials?.AccessKeyId ?? '',
        secretAccessKey: Credentials?.SecretAccessKey ?? '',
        sessionToken: Credentials?.SessionToken ?? '',
      },
    });
    sandbox.addFault({ match: { roleArn: RoleArn }, action: { kind: 'throttle' } });
    await put();
    expect(await refusalOf(put('hello', 's', worker))).toMatchObject({
      code: 'ThrottlingException',
    });
    const again = stsBy.send(new sts.AssumeRoleCommand({ RoleArn, RoleSessionName: 'tests' }));
    expect(await refusalOf(again)).toMatchObject({ code: 'Throttling' });
    worker.destroy();
  });

  test('an unsigned or wrongly signed call meets its own refusal first', async () => {
    sandbox.addFault({ action: { kind: 'throttle' } });
    const stranger = logsClient({
      endpoint: sandbox.url,
      credentials: { ...ADMIN, secretAccessKey: 'x' },
    });
    expect(await refusalOf(put('hello', 's', stranger))).toMatchObject({
      code: 'InvalidSignatureException',
    });
    stranger.destroy();
  });

  test('a fault that makes no sense is refused', () => {
    expect(() => sandbox.addFault({ action: { kind: 'latency', forMs: -1 } })).toThrow();
    expect(() => sandbox.addFault({ action: { kind: 'throttle' }, probability: 2 })).toThrow();
    expect(() =>
      sandbox.addFault({ match: { bukcet: 'x' } as never, action: { kind: 'deny' } }),
    ).toThrow();
  });
});

describe('answers that do not come', () => {
  test('a hanging call is served once the fault is cleared', async () => {
    const id = sandbox.addFault({ action: { kind: 'hang' } });
    const call = put();
    await untilHit();
    expect(storedMessages()).toEqual([]);
    sandbox.removeFault(id);
    await call;
    expect(storedMessages()).toEqual(['hello']);
  });

  test('a hanging call whose client gives up never takes effect', async () => {
    const id = sandbox.addFault({ action: { kind: 'hang' } });
    const controller = new AbortController();
    const logEvents = [{ timestamp: Date.now(), message: 'never' }];
    const command = new logs.PutLogEventsCommand({
      logGroupName: 'g',
      logStreamName: 's',
      logEvents,
    });
    const call = logsBy.send(command, { abortSignal: controller.signal });
    await untilHit();
    controller.abort();
    expect(await refusalOf(call)).toMatchObject({ code: 'AbortError' });
    await untilCounted('ClientGone');
    sandbox.removeFault(id);
    await put('after');
    expect(storedMessages()).toEqual(['after']);
  });

  test('a call may hang, or be late, for a while only', async () => {
    for (const kind of ['hang', 'latency'] as const) {
      sandbox.addFault({ action: { kind, forMs: 60 }, times: 1 });
      const startedAtMs = performance.now();
      await put();
      expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(55);
    }
    expect(storedMessages()).toHaveLength(2);
  });

  test('latencies of several faults add up, and an error behind them still comes', async () => {
    sandbox.addFault({ action: { kind: 'latency', forMs: 30 } });
    sandbox.addFault({ action: { kind: 'latency', forMs: 30 } });
    sandbox.addFault({ action: { kind: 'throttle' } });
    const startedAtMs = performance.now();
    expect(await refusalOf(put())).toMatchObject({ code: 'ThrottlingException' });
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(55);
  });

  test('a connection is reset before anything happens', async () => {
    sandbox.addFault({ action: { kind: 'connection-reset' }, times: 1 });
    expect((await refusalOf(put())).message).toMatch(/ECONNRESET|socket hang up/u);
    expect(storedMessages()).toEqual([]);
    await put();
    expect(storedMessages()).toEqual(['hello']);
  });

  test('an answer is lost after the events have been stored', async () => {
    sandbox.addFault({ action: { kind: 'lose-answer' }, times: 1 });
    expect((await refusalOf(put())).message).toMatch(/ECONNRESET|socket hang up/u);
    expect(storedMessages()).toEqual(['hello']);
  });

  test('an answer is lost after the object has been stored, and the retry finds it there', async () => {
    sandbox.addFault({ match: { service: 's3' }, action: { kind: 'lose-answer' }, times: 1 });
    const once = () =>
      s3By.send(
        new s3.PutObjectCommand({ Bucket: 'the-bucket', Key: 'once', Body: 'x', IfNoneMatch: '*' }),
      );
    expect((await refusalOf(once())).message).toMatch(/ECONNRESET|socket hang up/u);
    expect(await refusalOf(once())).toMatchObject({ code: 'PreconditionFailed', httpStatus: 412 });
  });

  test('an answer is lost after a session has been issued', async () => {
    const RoleArn = `arn:aws:iam::${ACCOUNT}:role/worker`;
    const before = sandbox.identities().sessions;
    sandbox.addFault({
      match: { operation: 'AssumeRole' },
      action: { kind: 'lose-answer' },
      times: 1,
    });
    const call = stsBy.send(new sts.AssumeRoleCommand({ RoleArn, RoleSessionName: 'tests' }));
    expect((await refusalOf(call)).message).toMatch(/ECONNRESET|socket hang up/u);
    expect(sandbox.identities().sessions).toBe(before + 1);
  });

  test('stopping the sandbox ends the calls that hang', async () => {
    const other = await startWorld();
    const by = logsClient({ endpoint: other.url, credentials: ADMIN });
    other.addFault({ action: { kind: 'hang' } });
    const call = refusalOf(by.send(new logs.DescribeLogGroupsCommand({})));
    await untilHit(other);
    await other.stop();
    expect((await call).message).toMatch(/ECONNRESET|socket hang up/u);
    by.destroy();
  });
});

describe('half-accepting PutLogEvents', () => {
  const messages = ['0', '1', '2', '3'];
  const putFour = () => {
    const timestamp = Date.now();
    const logEvents = messages.map((message, index) => ({ timestamp: timestamp + index, message }));
    return logsBy.send(
      new logs.PutLogEventsCommand({ logGroupName: 'g', logStreamName: 's', logEvents }),
    );
  };

  test.each([
    ['too-old', 1, { tooOldLogEventEndIndex: 1 }, ['1', '2', '3']],
    ['too-old', 9, { tooOldLogEventEndIndex: 4 }, []],
    ['expired', 3, { expiredLogEventEndIndex: 3 }, ['3']],
    ['too-new', 1, { tooNewLogEventStartIndex: 3 }, ['0', '1', '2']],
    ['too-old', undefined, { tooOldLogEventEndIndex: 2 }, ['2', '3']],
  ] as const)('%s, %s of four', async (rejectedAs, rejectedCount, info, kept) => {
    sandbox.addFault({
      action: { kind: 'half-accept', rejectedAs, ...(rejectedCount && { rejectedCount }) },
      times: 1,
    });
    const answer = await putFour();
    expect(answer.$metadata.httpStatusCode).toBe(200);
    expect(answer.rejectedLogEventsInfo).toEqual(info);
    expect(storedMessages()).toEqual(kept);
    expect((await putFour()).rejectedLogEventsInfo).toBeUndefined();
  });

  test('leaves every other operation alone', async () => {
    sandbox.addFault({ action: { kind: 'half-accept' }, times: 1 });
    await whoAmI();
    await putObject();
    expect((await putFour()).rejectedLogEventsInfo).toEqual({ tooOldLogEventEndIndex: 2 });
  });
});

describe('counters', () => {
  test('count calls and refusals by operation and code', async () => {
    sandbox.resetCounters();
    await put();
    await refusalOf(put('hello', 'absent'));
    sandbox.addFault({ match: { service: 's3' }, action: { kind: 'throttle' }, times: 1 });
    await refusalOf(putObject());
    expect(sandbox.counters()).toMatchObject({
      calls: {
        'logs:PutLogEvents': { calls: 2, mostAtOnce: 1, errors: { ResourceNotFoundException: 1 } },
        's3:PutObject': { calls: 1, mostAtOnce: 1, errors: { SlowDown: 1 } },
      },
      logEvents: { batches: 1, accepted: 1, acceptedMessageBytes: 5 },
      objects: { put: 0 },
    });
  });

  test('do not grow with the names clients make up', async () => {
    sandbox.resetCounters();
    for (const Action of ['MadeUp1', 'MadeUp2']) {
      await fetch(sandbox.url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ Action }),
      });
    }
    expect(Object.keys(sandbox.counters().calls)).toEqual(['sts:Unknown']);
  });
});

describe('who asks to be told of it', () => {
  test('hears of every call that put log events, of whom, and whether the answer is lost', async () => {
    const taken: TakenLogEvents[] = [];
    const told = await startWorld({ onTaken: (call) => taken.push(call) });
    const by = logsClient({ endpoint: told.url, credentials: ADMIN });
    told.seed({ logGroups: [{ account: ACCOUNT, region: REGION, name: 'g', streams: ['s'] }] });
    await put('kept', 's', by);
    told.addFault({ match: {}, action: { kind: 'lose-answer' }, times: 1 });
    await put('unanswered', 's', by).catch(() => undefined);
    await refusalOf(put('refused', 'no-such-stream', by));
    told.deleteLogStream(REF);
    expect(taken).toMatchObject([
      { account: ACCOUNT, stream: 's', events: [{ message: 'kept' }], isAnswerLost: false },
      { account: ACCOUNT, stream: 's', events: [{ message: 'unanswered' }], isAnswerLost: true },
    ]);
    expect(taken[0]?.userAgent).toMatch(/^aws-sdk-js/);
    by.destroy();
    await told.stop();
  });

  test('and a late answer comes after what it answers for', async () => {
    sandbox.addFault({ match: {}, action: { kind: 'late-answer', forMs: 300 } });
    const askedAt = Date.now();
    let isAnswered = false;
    const answer = put().then(() => (isAnswered = true));
    await sandbox.waitFor(() => storedMessages().length === 1);
    expect(isAnswered).toBe(false);
    await answer;
    expect(Date.now() - askedAt).toBeGreaterThanOrEqual(299);
  });
});

/** Until the newest fault has hit a call: the test's signal that the call is waiting. */
async function untilHit(of = sandbox): Promise<void> {
  while ((of.faults().at(-1)?.hits ?? 0) === 0) await nextTurn();
}

async function untilCounted(code: string): Promise<void> {
  while (sandbox.counters().calls['logs:PutLogEvents']?.errors[code] === undefined)
    await nextTurn();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

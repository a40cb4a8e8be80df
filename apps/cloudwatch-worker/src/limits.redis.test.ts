// Where our count and AWS's meet: what fills a batch to the last byte, log event and millisecond is taken whole, one more makes another
// batch, and a log event that is a millisecond too old or too new is refused alone. The sandbox states AWS's limits on its own.
import { CloudWatchSink, sharedTransport } from '@logferry/aws';
import {
  Destination,
  imbalance,
  laneFinder,
  type AwsSession,
  type Ledger,
  type LogEvent,
} from '@logferry/core';
import {
  BatchConsumer,
  BatchProducer,
  BatchStore,
  cutToFit,
  encodeFragment,
  openQueue,
  patientRedis,
  type Fragment,
  type RedisClient,
} from '@logferry/queue';
import {
  aLogEvent,
  creationMemory,
  startRedis,
  startSandboxAws,
  until,
  type SandboxAws,
  type TestRedis,
} from '@logferry/testing';
import { deliverLogEvents } from './deliver-log-events';

const account = '123456789012';
const region = 'eu-central-1';
const keys = { accessKeyId: 'AKIALOGFERRY00000001', secretAccessKey: 'a-secret-of-the-sandbox' };
const session: AwsSession = { ...keys, sessionToken: '', expiresAt: Number.MAX_SAFE_INTEGER };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** AWS's clock stands still, so that a millisecond is one. */
const awsNowMs = Date.now();
const BATCH_BYTES = 1_048_576;

let server: TestRedis;
let redis: RedisClient;
let store: BatchStore;
let aws: SandboxAws;
let producer: BatchProducer;
let consumer: BatchConsumer;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

beforeAll(async () => {
  [server, aws] = await Promise.all([
    startRedis({ settings: { appendonly: 'no' } }),
    startSandboxAws({ port: 0, nowMs: () => awsNowMs }),
  ]);
  process.env.AWS_ENDPOINT_URL = aws.url;
  redis = patientRedis(server);
  store = new BatchStore(redis, 0);
});

beforeEach(async () => {
  await redis.flushall();
  aws.reset();
  const Statement = [{ Effect: 'Allow', Action: 'logs:*', Resource: '*' }];
  const policies = [{ Version: '2012-10-17', Statement }];
  aws.seed({
    accounts: [account],
    users: [{ account, name: 'logferry', accessKeys: [keys], policies }],
    logGroups: [{ account, region, name: 'group', streams: ['stream'] }],
  });
  producer = new BatchProducer(redis, store, { groupCommitMs: 1, onEnqueueError: raise });
  const sink = new CloudWatchSink(sharedTransport(), { clientsMax: 1, memory: creationMemory() });
  const directory = {
    destination: () => Promise.resolve(aDestination()),
    hasWideRole: () => Promise.resolve(false),
  };
  const sessions = {
    withSession: <T>(_: string, __: unknown, use: (session: AwsSession) => Promise<T>) =>
      use(session),
  };
  consumer = new BatchConsumer(redis, store, deliverLogEvents(directory, sessions, sink), {
    sink: 'cloudwatch',
    concurrency: 4,
    attemptsMax: 1,
    hold: { windowMs: Infinity, tenantBytesMax: () => Infinity },
    observer: { delivered: ignore, failed: ignore, held: ignore, resumed: ignore, error: raise },
  });
});

afterEach(async () => {
  await Promise.all([consumer.close(1_000), producer.close()]);
});

afterAll(async () => {
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
  redis.disconnect();
  await Promise.all([server.stop(), aws.stop()]);
});

function ignore(): void {
  // What is looked at is what arrived.
}

function raise(error: unknown): never {
  throw error;
}

function aDestination(oversize: Destination['oversize'] = 'split'): Destination {
  return Destination.parse({
    id: 'cw',
    type: 'cloudwatch',
    region,
    credentials: { kind: 'web_identity', roleArn: `arn:aws:iam::${account}:role/logferry` },
    cloudwatch: { logGroup: 'group', logStream: 'stream', lingerMs: 0 },
    oversize,
  });
}

/** As ingest takes them: encoded, and cut where one is larger than AWS takes. Resolves when all of it is settled. */
async function send(
  events: readonly LogEvent[],
  oversize?: Destination['oversize'],
): Promise<Ledger> {
  const [first] = events;
  if (first === undefined) throw new Error('nothing to send');
  const lane = laneFinder('acme', aDestination(oversize))(first);
  const fragments = events.flatMap((event): Fragment[] => {
    const fragment = encodeFragment(lane, event);
    return fragment.bytes <= lane.limits.logEventBytesMax ? [fragment] : cutToFit(lane, event);
  });
  const append = { fragmentsByLane: new Map([[lane, fragments]]), filteredByTenant: new Map() };
  await producer.append(append, 1);
  return until(async () => {
    const ledger = await store.ledger('acme', 'cw');
    expect(imbalance(ledger)).toBe(0);
    return ledger.waiting === 0 && ledger;
  });
}

const batches = (): number => aws.counters().logEvents.batches;
const refusedCalls = () => aws.counters().calls['logs:PutLogEvents']?.errors;
const arrived = () => aws.logEvents({ account, region, group: 'group', stream: 'stream' });

/** So many log events, which take so many bytes together as AWS counts them. */
function ofBytes(bytes: number, count: number, character = 'x'): LogEvent[] {
  const width = Buffer.byteLength(character);
  return Array.from({ length: count }, (_, i) => {
    const share = Math.floor(bytes / count) + (i < bytes % count ? 1 : 0) - 26;
    const wide = character.repeat(Math.floor(share / width));
    return aLogEvent({ timeMs: awsNowMs, message: wide + 'x'.repeat(share % width) });
  });
}

const atTimes = (...timesMs: number[]): LogEvent[] =>
  timesMs.map((timeMs, i) => aLogEvent({ timeMs, message: `m${i}` }));

const MORE = [
  ['less than', -1, 1],
  ['exactly', 0, 1],
  ['more than', 1, 2],
] as const;

test.each(MORE)('one byte %s what a call takes: %d', async (_, more, expected) => {
  for (const [round, character] of ['x', 'é', '€', '😀'].entries()) {
    const ledger = await send(ofBytes(BATCH_BYTES + more, 1_024, character));
    expect(ledger).toMatchObject({ delivered: 1_024 * (round + 1), rejected: 0 });
    expect(batches()).toBe(expected * (round + 1));
  }
  expect(refusedCalls()).toEqual({});
});

test.each(MORE)('one log event %s what a call takes: %d', async (_, more, expected) => {
  const count = 10_000 + more;
  expect(await send(ofBytes(27 * count, count))).toMatchObject({ delivered: count, rejected: 0 });
  expect([batches(), refusedCalls()]).toEqual([expected, {}]);
});

test.each(MORE)('one millisecond %s the span of a call: %d', async (_, more, expected) => {
  const ledger = await send(atTimes(awsNowMs - DAY_MS - more, awsNowMs));
  expect(ledger).toMatchObject({ delivered: 2, rejected: 0 });
  expect([batches(), refusedCalls()]).toEqual([expected, {}]);
});

test.each([
  ['less than', -1, 1],
  ['exactly', 0, 1],
  ['more than', 1, 2],
])('a log event of one byte %s what AWS takes: %d', async (_, more, parts) => {
  const [event] = ofBytes(BATCH_BYTES + more, 1, 'é');
  expect(await send([event ?? aLogEvent()])).toMatchObject({ delivered: parts, rejected: 0 });
  expect(refusedCalls()).toEqual({});
  expect(arrived().map(({ message }) => message.startsWith('['))).toEqual(
    parts === 1 ? [false] : [true, true],
  );
});

test('a log event that is truncated is one that AWS takes', async () => {
  const [event] = ofBytes(5 * BATCH_BYTES, 1, '😀');
  expect(await send([event ?? aLogEvent()], 'truncate')).toMatchObject({ delivered: 1 });
  expect([batches(), refusedCalls()]).toEqual([1, {}]);
});

test.each([
  ['older than 14 days', [-14 * DAY_MS - 1, -14 * DAY_MS], 'cloudwatch.log_event_too_old'],
  ['more than 2 hours ahead', [2 * HOUR_MS + 1, 2 * HOUR_MS], 'cloudwatch.log_event_too_new'],
] as const)('a log event %s is refused alone, to the millisecond', async (_, times, reason) => {
  const [refused, taken] = times.map((offsetMs) => awsNowMs + offsetMs);
  const ledger = await send(atTimes(refused ?? 0, taken ?? 0));
  expect(ledger).toMatchObject({
    delivered: 1,
    rejected: 1,
    rejectedBy: { [reason]: 1 },
  });
  expect(arrived().map(({ timestamp }) => timestamp)).toEqual([taken]);
  expect(batches()).toBe(1);
});

test('a log event older than the retention of its group is refused alone, and the ends of a batch together', async () => {
  aws.seed({ logGroups: [{ account, region, name: 'group', retentionDays: 1 }] });
  const ledger = await send(
    atTimes(awsNowMs - DAY_MS - 1, awsNowMs - DAY_MS, awsNowMs - 2 * HOUR_MS),
  );
  expect(ledger).toMatchObject({
    delivered: 2,
    rejected: 1,
    rejectedBy: { 'cloudwatch.log_event_expired': 1 },
  });
  expect(arrived().map(({ message }) => message)).toEqual(['m1', 'm2']);
});

test('what is refused is kept with its reason, and it is exactly that', async () => {
  aws.seed({ logGroups: [{ account, region, name: 'group', retentionDays: 1 }] });
  aws.addFault({ action: { kind: 'half-accept', rejectedAs: 'too-new', rejectedCount: 1 } });
  await send(atTimes(...[-25, -24.5, -3, -2, -1].map((hours) => awsNowMs + hours * HOUR_MS)));
  const queue = openQueue(redis, 'cloudwatch', 0);
  const kept = await until(async () => {
    const jobs = await queue.getFailed();
    return jobs.length === 2 && Promise.all(jobs.map(({ id }) => store.peek(id ?? '')));
  });
  await queue.close();
  const byReason = new Map(
    kept.map((dead) => [
      dead?.batch.reason,
      dead?.logEvents.map((text) => (JSON.parse(text) as { message: string }).message),
    ]),
  );
  expect(byReason).toEqual(
    new Map([
      ['cloudwatch.log_event_expired', ['m0', 'm1']],
      ['cloudwatch.log_event_too_new', ['m4']],
    ]),
  );
  expect(arrived().map(({ message }) => message)).toEqual(['m2', 'm3']);
});

test('the longest names and the strangest are taken', async () => {
  for (const name of ['AWS/x', 'x'.repeat(600), 'é:*\u0000', '😀'.repeat(300)]) {
    const destination = Destination.parse({
      ...aDestination(),
      cloudwatch: { logGroup: '{attributes.name}', logStream: '{attributes.name}', lingerMs: 0 },
    });
    const event = aLogEvent({ timeMs: awsNowMs, attributes: { name } });
    const lane = laneFinder('acme', destination)(event);
    const append = {
      fragmentsByLane: new Map([[lane, [encodeFragment(lane, event)]]]),
      filteredByTenant: new Map(),
    };
    await producer.append(append, 1);
  }
  await until(async () => (await store.ledger('acme', 'cw')).delivered === 4);
  expect(aws.logGroups()).toHaveLength(5);
});

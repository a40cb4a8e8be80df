// A whole worker on a real Redis that is stopped, hangs and comes back. How a batch is written is in the hand of each test.
import {
  Destination,
  Failure,
  imbalance,
  sessionKey,
  type Keep,
  type Ledger,
  type SessionReply,
} from '@logferry/core';
import {
  BatchProducer,
  BatchStore,
  encodeFragment,
  Holds,
  KeptBatches,
  openQueue,
  patientRedis,
  Replays,
  type Deliver,
  type Hold,
  type RedisClient,
} from '@logferry/queue';
import { Secret } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import {
  aCloudWatchLane,
  aLogEvent,
  startRedis,
  startSessionBroker,
  startStopwatch,
  until,
  type SessionBroker,
  type TestRedis,
} from '@logferry/testing';
import { deliverableDestination, type Sessions } from './deliverable';
import { WorkerProcess } from './worker-process';

const DEADLINE_MS = 400;
/** What closing may take beyond its deadline on a machine that is busy. */
const SLACK_MS = 1_000;
const lane = aCloudWatchLane({ lingerMs: 0 });

let server: TestRedis;
let redis: RedisClient;
let store: BatchStore;
let config: ConfigStore;
let producer: BatchProducer;
let broker: SessionBroker;
let reply: () => SessionReply;
let worker: WorkerProcess | undefined;

beforeAll(async () => {
  [server, broker] = await Promise.all([startRedis(), startSessionBroker(() => reply())]);
  redis = patientRedis(server);
  redis.on('error', () => undefined);
  store = new BatchStore(redis, 0);
  config = new ConfigStore(redis);
  producer = new BatchProducer(redis, store, { groupCommitMs: 1, onEnqueueError: raise });
});

beforeEach(async () => {
  await redis.flushall();
  broker.asked.length = 0;
  reply = () => ({
    session: {
      accessKeyId: 'ASIA1',
      secretAccessKey: 'horse',
      sessionToken: 'staple',
      expiresAt: Date.now() + 3_600_000,
    },
    issuedFor: sessionKey(aDestination()),
  });
  await config.putTenant({ id: 'acme' });
  await config.putDestination('acme', aDestination());
});

afterEach(async () => {
  await server.resume();
  await server.start();
  await worker?.close();
  worker = undefined;
});

afterAll(async () => {
  await producer.close();
  redis.disconnect();
  await Promise.all([server.stop(), broker.stop()]);
});

function raise(error: unknown): never {
  throw error;
}

function aDestination(over: { enabled?: boolean; keep?: Keep } = {}): Destination {
  return Destination.parse({
    id: 'cw',
    type: 'cloudwatch',
    region: 'eu-central-1',
    credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
    cloudwatch: { logGroup: 'group', logStream: 'stream' },
    ...over,
  });
}

/** As a newer version would write it, or a hand that slipped. */
async function putUnreadable(id: string): Promise<void> {
  await redis.hset(
    '{lf}:destinations:acme',
    id,
    JSON.stringify({ ...aDestination(), type: 'gcs' }),
  );
}

/** With a single attempt, a batch that is counted as tried in vain is a dead letter. */
function startWorker(
  write: (sessions: Sessions) => Deliver,
  { shards = 1, deadlineMs = DEADLINE_MS } = {},
): WorkerProcess {
  return new WorkerProcess({
    app: 'a-worker',
    sink: 'cloudwatch',
    config: {
      logLevel: 'silent',
      shutdownDeadlineMs: deadlineMs,
      metricsToken: undefined,
      redisUrl: server.url,
      shards,
      deadLetterRetentionMs: 14 * 86_400_000,
      deadLetterTenantBytesMax: 0,
      brokerTlsDir: undefined,
      brokerHost: '127.0.0.1',
      brokerPort: broker.port,
      brokerSecret: new Secret('what all workers know'),
      host: '127.0.0.1',
      port: 0,
      concurrency: 4,
      attemptsMax: 1,
      holdWindowMs: 60_000,
      holdMemoryPercentMax: 10,
      keepMemoryPercentMax: 60,
      keepTenantMemoryPercentMax: 20,
      clientsMax: 10,
      requestTimeoutMs: 1_000,
    },
    deliver: (parts) => async (batch, payload) => {
      await deliverableDestination(parts.directory, batch);
      return write(parts.broker)(batch, payload);
    },
  });
}

async function send(count = 1): Promise<void> {
  const fragments = Array.from({ length: count }, (_, i) =>
    encodeFragment(lane, aLogEvent({ message: `m${i}` })),
  );
  await producer.append(
    { fragmentsByLane: new Map([[lane, fragments]]), filteredByTenant: new Map() },
    count,
  );
}

async function ledger(): Promise<Ledger> {
  const found = await store.ledger('acme', 'cw');
  expect(imbalance(found)).toBe(0);
  return found;
}

const delivered = async (count: number): Promise<boolean> => (await ledger()).delivered === count;

const missing = async (): Promise<string[]> => (await worker?.readiness.missing()) ?? [];

async function closingMs(): Promise<number> {
  const ranMs = startStopwatch();
  await worker?.close();
  return ranMs();
}

const never: () => Deliver = () => () => new Promise(() => undefined);

test('what waits is delivered with a session of its destination, and the ledger balances', async () => {
  const written: string[] = [];
  worker = startWorker((sessions) => async ({ tenantId }, payload) => {
    await sessions.withSession(tenantId, aDestination(), async ({ accessKeyId }) => {
      written.push(`${accessKeyId}: ${(await payload.load()).body('', '').toString()}`);
    });
    return { rejected: [] };
  });
  await send(2);
  await until(() => delivered(2));
  expect(written).toEqual([
    'ASIA1: {"timestamp":1795258080000,"message":"m0"},\n{"timestamp":1795258080000,"message":"m1"}',
  ]);
  expect(await ledger()).toMatchObject({ accepted: 2, waiting: 0 });
});

test.each<[string, () => Promise<unknown>]>([
  ['disabled', () => config.putDestination('acme', aDestination({ enabled: false }))],
  ['missing', () => config.deleteDestination('acme', 'cw')],
  ['unreadable', () => putUnreadable('cw')],
])(
  'while its destination is %s a batch is held, and goes on by itself when it is back',
  async (_, away) => {
    await away();
    const written: string[] = [];
    worker = startWorker(() => ({ id }) => {
      written.push(id);
      return Promise.resolve({ rejected: [] });
    });
    await send(3);
    const held = (): Promise<Hold | undefined> => new Holds(redis, 0).find('cloudwatch', 'acme/cw');
    await until(async () => (await held())?.kind === 'suspended');
    expect(await ledger()).toMatchObject({ waiting: 3, deadLettered: 0 });
    expect(written).toEqual([]);
    // Long before its next probe: what was changed is tried at once.
    await config.putDestination('acme', aDestination());
    await until(() => delivered(3));
    expect(written).toHaveLength(1);
    expect(broker.asked).toEqual([]);
    expect(await held()).toBeUndefined();
  },
);

test('a destination that cannot be read keeps nothing from its neighbours of the same tenant', async () => {
  await putUnreadable('another');
  worker = startWorker(() => () => Promise.resolve({ rejected: [] }));
  await send();
  await until(() => delivered(1));
});

test('what its destination keeps is replayed by whichever worker runs, and given up when that is switched off', async () => {
  const kept = new KeptBatches(store);
  const replays = new Replays(store, kept);
  const place = { tenantId: 'acme', destinationId: 'cw', sink: 'cloudwatch' } as const;
  const keep = { bytesMax: 1_000_000, isEvent: false };
  const write = () => () => Promise.resolve({ rejected: [], keep });
  await config.putDestination('acme', aDestination({ keep: { forMs: 600_000, bytesMax: 1e9 } }));
  worker = startWorker(write);
  await send(2);
  await until(() => delivered(2));
  expect(await kept.state(place)).toMatchObject({ batches: 1, logEvents: 2 });
  await worker.close();
  const range = { by: 'delivered', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER } as const;
  const begun = await replays.begin({ ...place, ...range, isMarked: false, isOrdered: false });
  worker = startWorker(write);
  await until(() => delivered(4), { timeoutMs: 20_000 });
  const id = 'id' in begun ? begun.id : '';
  await until(async () => (await replays.find(id))?.state === 'done', { timeoutMs: 20_000 });
  expect(await kept.state(place)).toMatchObject({ batches: 1 });
  expect(await ledger()).toMatchObject({ accepted: 4, delivered: 4, waiting: 0 });
  expect(await worker.metrics.registry.metrics()).toMatch(/^logferry_kept_batches\{.*\} 1$/m);
  await config.putDestination('acme', aDestination());
  await until(async () => (await kept.state(place)).batches === 0, { timeoutMs: 30_000 });
  expect(await store.tenantBytes('acme')).toBe(0);
}, 90_000);

test('what the broker says of a role that is not trusted holds the batch too', async () => {
  reply = () => ({ failure: 'credential.trust_denied' });
  worker = startWorker((sessions) => async ({ tenantId }) => {
    await sessions.withSession(tenantId, aDestination(), () => Promise.resolve());
    return { rejected: [] };
  });
  const queue = openQueue(redis, 'cloudwatch', 0);
  await send();
  const [job] = await until(async () => {
    const delayed = await queue.getDelayed();
    return delayed.length === 1 && delayed;
  });
  const code = 'credential.trust_denied';
  expect(await store.batch(job?.id ?? '')).toMatchObject({ lastFailure: code });
  const hold = await new Holds(redis, 0).find('cloudwatch', 'acme/cw');
  expect(hold).toMatchObject({ kind: 'suspended', code });
  expect(await ledger()).toMatchObject({ waiting: 1, deadLettered: 0 });
  await queue.close();
});

test('a worker is ready only while Redis answers', async () => {
  worker = startWorker(never);
  for (const [goesAway, comesBack] of [
    [() => server.kill(), () => server.start()],
    [() => server.pause(), () => server.resume()],
  ] as const) {
    await until(async () => (await missing()).length === 0);
    await goesAway();
    await until(async () => (await missing()).length > 0);
    expect(await missing()).toEqual(['redis']);
    await comesBack();
  }
  await until(async () => (await missing()).length === 0);
}, 60_000);

test('a worker tells what dead letters there are, and a scrape does not wait for a Redis that is away', async () => {
  worker = startWorker(() => () => Promise.reject(new Failure('cloudwatch.unavailable')));
  const { registry } = worker.metrics;
  const shown = /^logferry_dead_letter_batches{app="a-worker"} (\d+)/m;
  await send();
  await until(async () => shown.exec(await registry.metrics())?.[1] === '1');
  await server.pause();
  const text = await registry.metrics();
  expect(text).not.toMatch(shown);
  expect(text).toContain('process_cpu_seconds_total');
});

test.each([1, 3])(
  'an idle worker of %d shards stops within its deadline while Redis hangs',
  async (shards) => {
    worker = startWorker(never, { shards });
    await until(async () => (await missing()).length === 0);
    await server.pause();
    expect(await closingMs()).toBeLessThan(DEADLINE_MS + SLACK_MS);
  },
);

test('a worker that was started while Redis was away stops within its deadline', async () => {
  await server.kill();
  worker = startWorker(never);
  expect(await closingMs()).toBeLessThan(DEADLINE_MS + SLACK_MS);
});

test.each<[string, () => Promise<unknown>]>([
  ['hangs', () => server.pause()],
  ['is dead', () => server.kill()],
])('a worker with a batch under way stops within its deadline while Redis %s', async (_, stop) => {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let isBegun = false;
  worker = startWorker(() => async () => {
    isBegun = true;
    await released;
    return { rejected: [] };
  });
  await send();
  await until(() => isBegun);
  await stop();
  release();
  expect(await closingMs()).toBeLessThan(DEADLINE_MS + SLACK_MS);
  await server.resume();
  await server.start();
  expect(await ledger()).toMatchObject({ accepted: 1, deadLettered: 0, rejected: 0 });
});

test('a batch whose write hangs does not keep its worker from stopping, and the next worker delivers it', async () => {
  let isBegun = false;
  worker = startWorker(() => () => {
    isBegun = true;
    return new Promise(() => undefined);
  });
  await send();
  await until(() => isBegun);
  expect(await closingMs()).toBeLessThan(DEADLINE_MS + SLACK_MS);
  expect(await ledger()).toMatchObject({ waiting: 1, delivered: 0 });
  worker = startWorker(() => () => Promise.resolve({ rejected: [] }));
  await until(() => delivered(1), { timeoutMs: 30_000 });
  expect(await ledger()).toMatchObject({ waiting: 0, deadLettered: 0 });
}, 40_000);

test('a worker that stops waits for the write that is under way, and for its settling', async () => {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let isBegun = false;
  worker = startWorker(
    () => async () => {
      isBegun = true;
      await released;
      return { rejected: [] };
    },
    { deadlineMs: 10_000 },
  );
  await send();
  await until(() => isBegun);
  const closing = worker.close();
  release();
  await closing;
  expect(await ledger()).toMatchObject({ delivered: 1, waiting: 0 });
});

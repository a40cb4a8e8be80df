// The whole worker in this process, with a real Redis and a CloudWatch Logs that refuses what AWS refuses.
import {
  Destination,
  type CloudWatchDestination,
  imbalance,
  sessionKey,
  type Ledger,
} from '@logferry/core';
import {
  BatchProducer,
  BatchStore,
  encodeFragment,
  openQueue,
  patientRedis,
  type RedisClient,
} from '@logferry/queue';
import { startHttpApp, type RunningApp } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import {
  aCloudWatchLane,
  aLogEvent,
  startRedis,
  startSandboxAws,
  startSessionBroker,
  startStopwatch,
  until,
  withEnvironment,
  type SandboxAws,
  type SessionBroker,
  type TestRedis,
} from '@logferry/testing';
import { WorkerProcess } from '@logferry/worker';
import { WorkerModule } from './worker.module';

const account = '123456789012';
const region = 'eu-central-1';
const keys = { accessKeyId: 'AKIALOGFERRY00000001', secretAccessKey: 'a-secret-of-the-sandbox' };
const DEADLINE_MS = 500;
const lane = aCloudWatchLane({ lingerMs: 0 });

let server: TestRedis;
let redis: RedisClient;
let store: BatchStore;
let producer: BatchProducer;
let aws: SandboxAws;
let broker: SessionBroker;
let app: RunningApp;
/** What is stored, and what the broker issues sessions for. */
let destination: Destination;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

beforeAll(async () => {
  [server, aws, broker] = await Promise.all([
    startRedis({ settings: { appendonly: 'no' } }),
    startSandboxAws({ port: 0 }),
    startSessionBroker(() => ({
      session: { ...keys, sessionToken: '', expiresAt: Date.now() + 3_600_000 },
      issuedFor: sessionKey(destination),
    })),
  ]);
  process.env.AWS_ENDPOINT_URL = aws.url;
  redis = patientRedis(server);
  store = new BatchStore(redis, 0);
  producer = new BatchProducer(redis, store, { groupCommitMs: 1, onEnqueueError: raise });
});

beforeEach(async () => {
  await redis.flushall();
  aws.reset();
  const allow = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'logs:*', Resource: '*' }],
  };
  aws.seed({
    accounts: [account],
    users: [{ account, name: 'logferry', accessKeys: [keys], policies: [allow] }],
  });
  await new ConfigStore(redis).putTenant({ id: 'acme' });
  await configure(aDestination());
  app = await startWorker();
});

afterEach(async () => {
  aws.clearFaults();
  await app.close();
});

afterAll(async () => {
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
  await producer.close();
  redis.disconnect();
  await Promise.all([server.stop(), aws.stop(), broker.stop()]);
});

function raise(error: unknown): never {
  throw error;
}

function aDestination(options: Partial<CloudWatchDestination['cloudwatch']> = {}): Destination {
  return Destination.parse({
    id: 'cw',
    type: 'cloudwatch',
    region,
    credentials: { kind: 'web_identity', roleArn: `arn:aws:iam::${account}:role/logferry` },
    cloudwatch: { logGroup: 'group', logStream: 'stream', ...options },
  });
}

async function configure(changed: Destination): Promise<void> {
  destination = changed;
  await new ConfigStore(redis).putDestination('acme', changed);
}

function startWorker(): Promise<RunningApp> {
  return withEnvironment(
    {
      REDIS_URL: server.url,
      LOGFERRY_LOG_LEVEL: 'silent',
      LOGFERRY_SHUTDOWN_DEADLINE_MS: String(DEADLINE_MS),
      LOGFERRY_BROKER_TCP_PORT: String(broker.port),
      LOGFERRY_BROKER_SECRET: 'what all workers know',
      LOGFERRY_CLOUDWATCH_WORKER_PORT: '0',
    },
    () => startHttpApp(WorkerModule, (nest) => nest.get(WorkerProcess).parts),
  );
}

async function send(messages: readonly string[]): Promise<void> {
  const nowMs = Date.now();
  const fragments = messages.map((message, i) =>
    encodeFragment(lane, aLogEvent({ timeMs: nowMs + i, message })),
  );
  await producer.append(
    { fragmentsByLane: new Map([[lane, fragments]]), filteredByTenant: new Map() },
    messages.length,
  );
}

async function ledger(): Promise<Ledger> {
  const found = await store.ledger('acme', 'cw');
  expect(imbalance(found)).toBe(0);
  return found;
}

const arrived = (): string[] =>
  aws
    .logEvents({ account, region, group: 'group', stream: 'stream' })
    .map((event) => event.message);

test('what waits is delivered, and the worker says that it is ready', async () => {
  await send(['one', 'two']);
  await until(async () => (await ledger()).delivered === 2);
  expect(arrived()).toEqual(['one', 'two']);
  expect((await fetch(`http://127.0.0.1:${app.ports.http}/health/ready`)).status).toBe(200);
});

test('of a batch that AWS took in part, exactly what it refused is kept, and counted with its reason', async () => {
  aws.addFault({ action: { kind: 'half-accept', rejectedAs: 'too-new', rejectedCount: 2 } });
  await send(['a', 'b', 'c', 'd']);
  await until(async () => (await ledger()).waiting === 0);
  expect(await ledger()).toMatchObject({
    delivered: 2,
    rejected: 2,
    rejectedBy: { 'cloudwatch.log_event_too_new': 2 },
  });
  expect(arrived()).toEqual(['a', 'b']);
  const queue = openQueue(redis, 'cloudwatch', 0);
  const [job] = await until(async () => {
    const failed = await queue.getFailed();
    return failed.length === 1 && failed;
  });
  await queue.close();
  const kept = (await store.peek(job?.id ?? ''))?.logEvents ?? [];
  expect(kept.map((text) => (JSON.parse(text) as { message: string }).message)).toEqual(['c', 'd']);
});

test('five hundred new streams at once are created by three workers, and AWS never has to slow them down', async () => {
  const others = [await startWorker(), await startWorker()];
  const streams = Array.from({ length: 500 }, (_, i) => `deployment-${i}`);
  await producer.append(
    {
      fragmentsByLane: new Map(
        streams.map((logStream) => {
          const target = { sink: 'cloudwatch', logGroup: 'group', logStream } as const;
          const own = aCloudWatchLane({ id: `acme/cw/group\n${logStream}`, target, lingerMs: 0 });
          return [own, [encodeFragment(own, aLogEvent({ timeMs: Date.now(), message: 'm' }))]];
        }),
      ),
      filteredByTenant: new Map(),
    },
    1,
  );
  await until(async () => (await ledger()).delivered === 500, { timeoutMs: 50_000 });
  await Promise.all(others.map((other) => other.close()));
  const { calls } = aws.counters();
  expect(calls['logs:CreateLogStream']?.errors).not.toHaveProperty('ThrottlingException');
  expect(calls['logs:CreateLogGroup']?.errors).not.toHaveProperty('ThrottlingException');
  // Each worker may meet the missing group once, and none is created twice for being slow.
  expect(calls['logs:CreateLogStream']?.calls).toBeLessThan(500 + 3 * 32);
  expect(await ledger()).toMatchObject({ accepted: 500, waiting: 0, rejected: 0, deadLettered: 0 });
}, 60_000);

test('a new group has its retention also if AWS took it only the second time, and calls may be packed', async () => {
  await configure(aDestination({ retentionDays: 30, compression: 'gzip' }));
  aws.addFault({
    match: { operation: 'PutRetentionPolicy' },
    action: { kind: 'throttle' },
    times: 1,
  });
  await app.close();
  app = await startWorker();
  await send(['one', 'two']);
  await until(async () => (await ledger()).delivered === 2);
  expect(aws.logGroups()).toMatchObject([{ group: 'group', retentionDays: 30 }]);
  expect(arrived()).toEqual(['one', 'two']);
  expect(await redis.keys('lf:reminder:*')).toEqual([]);
});

/** What the worker's own metrics say may be there twice, by reason. */
async function maybeRepeated(): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${app.ports.http}/metrics`)).text();
  const lines = text.matchAll(/^logferry_cloudwatch_maybe_repeated_\w+\{why="(\w+)".*\} (\d+)$/gm);
  return Object.fromEntries([...lines].map(([, why = '', count]) => [why, Number(count)]));
}

test('of calls whose answers are lost, what may be there twice is counted, and is what is there twice', async () => {
  await send(['before']);
  await until(async () => (await ledger()).delivered === 1);
  aws.addFault({
    match: { operation: 'PutLogEvents' },
    action: { kind: 'lose-answer' },
    times: 3, // the call, its repetition at once, and the first of the next delivery
  });
  await send(['one', 'two']);
  await until(async () => (await ledger()).delivered === 3, { timeoutMs: 20_000 });
  const twice = arrived().length - 3;
  expect(twice).toBe(3 * 2);
  expect(await maybeRepeated()).toEqual({ unanswered: twice });
}, 30_000);

test('while AWS hangs a worker stops within its deadline, and the next one delivers', async () => {
  const hung = aws.addFault({ action: { kind: 'hang' } });
  await send(['waits']);
  await until(() => aws.faults().some(({ id, hits }) => id === hung && hits > 0));
  const ranMs = startStopwatch();
  await app.close();
  expect(ranMs()).toBeLessThan(DEADLINE_MS + 1_000);
  expect(await ledger()).toMatchObject({ waiting: 1, delivered: 0 });
  app = await startWorker();
  aws.clearFaults();
  await until(async () => (await ledger()).delivered === 1, { timeoutMs: 30_000 });
  expect(arrived()).toContain('waits');
  expect(await maybeRepeated()).toEqual({ taken_over: 1 });
}, 40_000);

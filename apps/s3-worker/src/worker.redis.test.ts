// The whole worker in this process, with a real Redis and an S3 that refuses what S3 refuses.
import { Destination, imbalance, sessionKey, type Ledger } from '@logferry/core';
import {
  BatchProducer,
  BatchStore,
  encodeFragment,
  patientRedis,
  type RedisClient,
} from '@logferry/queue';
import { startHttpApp, type RunningApp } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import {
  anS3Lane,
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
const bucket = 'acme-logs';
const keys = { accessKeyId: 'AKIALOGFERRY00000001', secretAccessKey: 'a-secret-of-the-sandbox' };
const DEADLINE_MS = 500;
const lane = anS3Lane({ lingerMs: 0 });

let server: TestRedis;
let redis: RedisClient;
let store: BatchStore;
let producer: BatchProducer;
let aws: SandboxAws;
let broker: SessionBroker;
let app: RunningApp;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

beforeAll(async () => {
  [server, aws, broker] = await Promise.all([
    startRedis({ settings: { appendonly: 'no' } }),
    startSandboxAws({ port: 0 }),
    startSessionBroker(() => ({
      session: { ...keys, sessionToken: '', expiresAt: Date.now() + 3_600_000 },
      issuedFor: sessionKey(aDestination()),
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
    Statement: [{ Effect: 'Allow', Action: 's3:PutObject', Resource: '*' }],
  };
  aws.seed({
    accounts: [account],
    users: [{ account, name: 'logferry', accessKeys: [keys], policies: [allow] }],
    buckets: [{ name: bucket, region, account }],
  });
  const config = new ConfigStore(redis);
  await config.putTenant({ id: 'acme' });
  await config.putDestination('acme', aDestination());
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

function aDestination(): Destination {
  return Destination.parse({
    id: 's3',
    type: 's3',
    region,
    credentials: { kind: 'web_identity', roleArn: `arn:aws:iam::${account}:role/logferry` },
    s3: { bucket },
  });
}

function startWorker(): Promise<RunningApp> {
  return withEnvironment(
    {
      REDIS_URL: server.url,
      LOGFERRY_LOG_LEVEL: 'silent',
      LOGFERRY_SHUTDOWN_DEADLINE_MS: String(DEADLINE_MS),
      LOGFERRY_BROKER_TCP_PORT: String(broker.port),
      LOGFERRY_BROKER_SECRET: 'what all workers know',
      LOGFERRY_S3_WORKER_PORT: '0',
      LOGFERRY_S3_WORKER_FORCE_PATH_STYLE: 'true',
      LOGFERRY_S3_WORKER_REQUEST_TIMEOUT_MS: '20000',
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
  const found = await store.ledger('acme', 's3');
  expect(imbalance(found)).toBe(0);
  return found;
}

/** The messages of each object. */
const arrived = (): string[][] =>
  aws.objects(bucket).map(({ content }) =>
    (content?.toString() ?? '')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { message: string }).message),
  );

test('what waits is delivered as one object, and the worker says that it is ready', async () => {
  await send(['one', 'two']);
  await until(async () => (await ledger()).delivered === 2);
  expect(arrived()).toEqual([['one', 'two']]);
  expect((await fetch(`http://127.0.0.1:${app.ports.http}/health/ready`)).status).toBe(200);
});

test('an answer that was lost twice costs an attempt and no second object', async () => {
  aws.addFault({ action: { kind: 'lose-answer' }, times: 2 });
  await send(['once']);
  await until(async () => (await ledger()).delivered === 1);
  expect(aws.counters().calls['s3:PutObject']?.calls).toBe(3);
  expect(arrived()).toEqual([['once']]);
  expect(aws.counters().objects.overwritten).toBe(0);
});

test('while S3 hangs a worker stops within its deadline, and the next one stores one object', async () => {
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
  expect(arrived()).toEqual([['waits']]);
}, 40_000);

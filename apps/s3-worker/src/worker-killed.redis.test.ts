// A worker in a process of its own that is killed while it uploads an object in parts, and the one that comes after it.
import { Destination, imbalance, laneFinder, S3, sessionKey } from '@logferry/core';
import {
  BatchProducer,
  BatchStore,
  encodeFragment,
  patientRedis,
  type RedisClient,
} from '@logferry/queue';
import { ConfigStore } from '@logferry/store';
import {
  aLogEvent,
  startBuiltApp,
  startRedis,
  startSandboxAws,
  startSessionBroker,
  until,
  type BuiltApp,
  type SandboxAws,
  type SessionBroker,
  type TestRedis,
} from '@logferry/testing';
import { randomBytes } from 'node:crypto';

const account = '123456789012';
const region = 'eu-central-1';
const bucket = 'acme-logs';
const keys = { accessKeyId: 'AKIALOGFERRY00000001', secretAccessKey: 'a-secret-of-the-sandbox' };
const destination = Destination.parse({
  id: 's3',
  type: 's3',
  region,
  credentials: { kind: 'web_identity', roleArn: `arn:aws:iam::${account}:role/logferry` },
  s3: { bucket, objectBytesMax: S3.objectBytesMax, lingerMs: 500 },
});

let server: TestRedis;
let redis: RedisClient;
let aws: SandboxAws;
let broker: SessionBroker;
const workers: BuiltApp[] = [];

beforeAll(async () => {
  [server, aws, broker] = await Promise.all([
    startRedis({ settings: { appendonly: 'no' } }),
    startSandboxAws({ port: 0 }),
    startSessionBroker(() => ({
      session: { ...keys, sessionToken: '', expiresAt: Date.now() + 3_600_000 },
      issuedFor: sessionKey(destination),
    })),
  ]);
  redis = patientRedis(server);
  const Action = ['s3:PutObject', 's3:AbortMultipartUpload'];
  const policy = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*' }] };
  aws.seed({
    accounts: [account],
    users: [{ account, name: 'logferry', accessKeys: [keys], policies: [policy] }],
    buckets: [{ name: bucket, region, account }],
  });
  const config = new ConfigStore(redis);
  await config.putTenant({ id: 'acme' });
  await config.putDestination('acme', destination);
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  redis.disconnect();
  await Promise.all([server.stop(), aws.stop(), broker.stop()]);
});

async function startWorker(): Promise<BuiltApp> {
  const worker = startBuiltApp('s3-worker', {
    REDIS_URL: server.url,
    AWS_ENDPOINT_URL: aws.url,
    LOGFERRY_LOG_LEVEL: 'error',
    LOGFERRY_BROKER_TCP_PORT: String(broker.port),
    LOGFERRY_BROKER_SECRET: 'what all workers know',
    LOGFERRY_S3_WORKER_PORT: '0',
    LOGFERRY_S3_WORKER_FORCE_PATH_STYLE: 'true',
  });
  workers.push(worker);
  await worker.ready;
  return worker;
}

test('what a killed worker has uploaded is aborted by the next, which delivers it all, once', async () => {
  const store = new BatchStore(redis, 0);
  const producer = new BatchProducer(redis, store, {
    groupCommitMs: 1,
    onEnqueueError: () => undefined,
  });
  const laneOf = laneFinder('acme', destination);
  const events = Array.from({ length: 14 }, (_, i) =>
    aLogEvent({
      timeMs: Date.UTC(2026, 10, 21) + i,
      message: randomBytes(480_000).toString('hex'),
    }),
  );
  const lane = laneOf(aLogEvent({ timeMs: Date.UTC(2026, 10, 21) }));
  const fragments = events.map((event) => encodeFragment(lane, event));
  const fragmentsByLane = new Map([[lane, fragments]]);
  await producer.append({ fragmentsByLane, filteredByTenant: new Map() }, 14_000_000);

  const operation = 'UploadPart';
  const hung = aws.addFault({ match: { operation }, action: { kind: 'hang' }, skip: 1 });
  const first = await startWorker();
  await until(() => aws.faults().some(({ id, hits }) => id === hung && hits > 0), {
    timeoutMs: 30_000,
  });
  await first.stop();
  expect(aws.uploads(bucket)).toMatchObject([{ parts: 1 }]);
  aws.clearFaults();

  await startWorker();
  await until(async () => (await store.ledger('acme', 's3')).delivered === events.length, {
    timeoutMs: 60_000,
  });
  expect(imbalance(await store.ledger('acme', 's3'))).toBe(0);
  const text = fragments.map((fragment) => `${fragment.text}\n`).join('');
  expect(aws.objects(bucket).map(({ content }) => content?.toString() === text)).toEqual([true]);
  expect([aws.uploads(bucket), aws.counters().objects.put]).toEqual([[], 1]);
  await producer.close();
}, 120_000);

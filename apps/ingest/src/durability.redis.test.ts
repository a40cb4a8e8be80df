// LOGFERRY_INGEST_DURABILITY=fsync: what is acknowledged is on Redis's disk, or nothing is acknowledged.
import { Destination } from '@logferry/core';
import { BatchStore, failFastRedis, type RedisClient } from '@logferry/queue';
import type { RunningApp } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import { startRedis, until, withEnvironment, type TestRedis } from '@logferry/testing';
import { startIngest } from './main';

const PLATFORM = 'the-key-of-the-platform';

let server: TestRedis;
let redis: RedisClient;
let app: RunningApp;
let url: string;

beforeAll(async () => {
  server = await startRedis({ settings: { appendfsync: 'no' } });
  redis = failFastRedis(server);
  await until(() => redis.status === 'ready');
  const store = new ConfigStore(redis);
  await store.putTenant({ id: 'acme' });
  await store.putDestination(
    'acme',
    Destination.parse({
      id: 's3',
      type: 's3',
      region: 'eu-central-1',
      credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
      s3: { bucket: 'acme-logs' },
    }),
  );
  app = await startWith({ REDIS_URL: server.url });
  url = `http://127.0.0.1:${app.ports.http}`;
});

afterAll(async () => {
  await app.close();
  redis.disconnect();
  await server.stop();
});

function startWith(settings: Record<string, string>): Promise<RunningApp> {
  return withEnvironment(
    {
      LOGFERRY_LOG_LEVEL: 'silent',
      LOGFERRY_INGEST_PORT: '0',
      LOGFERRY_INGEST_PLATFORM_KEY: PLATFORM,
      LOGFERRY_INGEST_DURABILITY: 'fsync',
      ...settings,
    },
    startIngest,
  );
}

async function post(): Promise<number> {
  const { status } = await fetch(`${url}/v1/tenants/acme/events?type=audit`, {
    method: 'POST',
    body: '{"message":"Apply complete!"}',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${PLATFORM}` },
  });
  return status;
}

const readiness = async (): Promise<{ waitingFor?: string[] }> =>
  (await (await fetch(`${url}/health/ready`)).json()) as { waitingFor?: string[] };

const isReady = async (): Promise<boolean> => (await readiness()).waitingFor === undefined;

const accepted = async (): Promise<number> => (await new BatchStore(redis, 0).totals()).accepted;

test('a Redis that does not sync is not written to, and who runs it is told what to set', async () => {
  const told = await until(async () => {
    const [need] = (await readiness()).waitingFor ?? [];
    return need?.includes('appendfsync') && need;
  });
  expect(told).toMatch('appendfsync to always');
  expect(await post()).toBe(503);
  expect(await accepted()).toBe(0);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(/logferry_ingest_redis_problem\{problem="not_durable".*\} 1/);
});

test('a Redis that syncs every write is taken as it is', async () => {
  await redis.config('SET', 'appendfsync', 'always');
  await until(isReady);
  expect(await post()).toBe(202);
  expect(await accepted()).toBe(1);
});

test('a Redis that syncs once a second is not enough', async () => {
  await redis.config('SET', 'appendfsync', 'everysec');
  await until(async () => !(await isReady()));
  expect(await post()).toBe(503);
  expect(await accepted()).toBe(1);
});

test('what Redis is said to do is believed where it cannot be asked', async () => {
  await redis.call('ACL', 'SETUSER', 'managed', 'on', '>password', '~*', '&*', '+@all', '-config');
  const managed = server.url.replace('redis://', 'redis://managed:password@');
  const withAppendfsync = async (appendfsync: string): Promise<number> => {
    const other = await startWith({
      REDIS_URL: managed,
      LOGFERRY_INGEST_REDIS_APPENDFSYNC: appendfsync,
    });
    try {
      const address = `http://127.0.0.1:${other.ports.http}/health/ready`;
      const isLooking = async () =>
        (await (await fetch(address)).text()).includes('does not answer');
      await until(async () => !(await isLooking()));
      return (await fetch(address)).status;
    } finally {
      await other.close();
    }
  };
  expect(await withAppendfsync('ask')).toBe(503);
  expect(await withAppendfsync('everysec')).toBe(503);
  expect(await withAppendfsync('always')).toBe(200);
});

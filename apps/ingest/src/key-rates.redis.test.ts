// A key that sends more than its rate, or may not send, at two ingest processes with one Redis.
import { BatchStore, failFastRedis, type RedisClient } from '@logferry/queue';
import type { RunningApp } from '@logferry/runtime';
import { ConfigStore, mintKey, type KeyRate } from '@logferry/store';
import { startRedis, until, withEnvironment, type TestRedis } from '@logferry/testing';
import { startIngest } from './main';

let server: TestRedis;
let redis: RedisClient;
let store: ConfigStore;
let apps: RunningApp[];
let urls: string[];

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = failFastRedis(server);
  await until(() => redis.status === 'ready');
  store = new ConfigStore(redis);
  await store.putTenant({ id: 'acme' });
  const settings = {
    REDIS_URL: server.url,
    LOGFERRY_LOG_LEVEL: 'silent',
    LOGFERRY_INGEST_PORT: '0',
    LOGFERRY_INGEST_KEY_LOG_EVENTS_PER_SECOND: '1000000',
    LOGFERRY_INGEST_KEY_BURST_MS: '1000',
  };
  apps = [];
  for (let i = 0; i < 2; i++) apps.push(await withEnvironment(settings, startIngest));
  urls = apps.map(({ ports }) => `http://127.0.0.1:${ports.http}`);
  for (const url of urls)
    await until(async () => (await fetch(`${url}/health/ready`)).status === 200);
});

afterAll(async () => {
  for (const app of apps) await app.close();
  redis.disconnect();
  await server.stop();
});

async function aKey(rate: KeyRate = {}): Promise<string> {
  const { text, key } = mintKey('tests', 'acme', Date.now());
  await store.putKey({ ...key, rate });
  return text;
}

async function send(process: number, key: string, logEvents: number) {
  const answer = await fetch(`${urls[process] ?? ''}/v1/tenants/acme/events?type=audit`, {
    method: 'POST',
    body: '{"message":"m"}\n'.repeat(logEvents),
    headers: { 'content-type': 'application/x-ndjson', authorization: `Bearer ${key}` },
  });
  const { code = '' } = (await answer.json()) as { code?: string };
  return { status: answer.status, code, retryAfter: Number(answer.headers.get('retry-after')) };
}

const filtered = async (): Promise<number> => new BatchStore(redis, 0).filtered('acme');

test('is told when to come back, at every process, and then may; nobody else notices', async () => {
  const [key, other] = [await aKey({ logEventsPerSecond: 100 }), await aKey()];
  const before = await filtered();
  expect((await send(0, key, 350)).status).toBe(202); // 250 more than the burst: for two and a half seconds
  const refused = await send(0, key, 1);
  expect(refused).toEqual({ status: 429, code: 'key.rate_limited', retryAfter: 3 });
  const metrics = await (await fetch(`${urls[0] ?? ''}/metrics`)).text();
  expect(metrics).toMatch(/logferry_ingest_rate_limited_requests_total\{app="ingest"\} 1/);
  const elsewhere = await until(async () => {
    const answer = await send(1, key, 1);
    return answer.status === 429 && answer;
  });
  expect(elsewhere.retryAfter).toBeLessThanOrEqual(3);
  const letIn = (await filtered()) - before; // what the other process took until it knew

  expect((await send(0, other, 5_000)).status).toBe(202);
  expect((await send(1, other, 5_000)).status).toBe(202);
  expect((await filtered()) - before).toBe(letIn + 10_000);

  const toldAt = Date.now();
  await until(async () => (await send(1, key, 1)).status === 202, { intervalMs: 50 });
  const waitedMs = Date.now() - toldAt;
  expect(waitedMs).toBeLessThanOrEqual(elsewhere.retryAfter * 1_000 + 200);
  expect(waitedMs).toBeGreaterThan((elsewhere.retryAfter - 2) * 1_000);
}, 15_000);

test('its rate of bytes counts the body as it was before it was packed', async () => {
  const key = await aKey({ bytesPerSecond: 160 });
  expect((await send(0, key, 11)).status).toBe(202); // 16 bytes each
  expect(await send(0, key, 1)).toMatchObject({ status: 429, retryAfter: 1 });
});

test('a request that is refused for its Redis costs nothing of the rate', async () => {
  const key = await aKey({ logEventsPerSecond: 100 });
  expect((await send(0, key, 1)).status).toBe(202);
  await redis.config('SET', 'min-replicas-to-write', '1');
  await until(async () => (await send(0, key, 10_000)).status === 503);
  await redis.config('SET', 'min-replicas-to-write', '0');
  await until(async () => (await send(0, key, 1)).status === 202);
  expect((await send(0, key, 1)).status).toBe(202);
});

test('another rate holds within a second', async () => {
  const { text, key } = mintKey('tests', 'acme', Date.now());
  await store.putKey(key);
  expect((await send(0, text, 1_000)).status).toBe(202);
  expect((await send(0, text, 1_000)).status).toBe(202);
  await store.putKey({ ...key, rate: { logEventsPerSecond: 1 } });
  await until(async () => (await send(0, text, 10)).status === 429, { timeoutMs: 2_000 });
  await store.putKey({ ...key, rate: { logEventsPerSecond: 0 } });
  await until(async () => (await send(0, text, 1_000)).status === 202, { timeoutMs: 2_000 });
});

test('that may not send is refused, and one that may is noted as used when its process ends, at the latest', async () => {
  const { text, key } = mintKey('ui', 'acme', Date.now(), ['read', 'admin']);
  await store.putKey(key);
  expect(await send(0, text, 1)).toMatchObject({ status: 403, code: 'auth.scope_missing' });
  const used = await aKey();
  const from = Date.now();
  expect((await send(0, used, 1)).status).toBe(202);
  const id = used.split('_')[1] ?? '';
  const lastUse = async (): Promise<number> => Number(await redis.hget('{lf}:keyUses', id));
  expect(await lastUse()).toBe(0); // no request waits for that
  await apps.shift()?.close();
  expect(await lastUse()).toBeGreaterThanOrEqual(from);
});

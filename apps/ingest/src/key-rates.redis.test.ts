// A key that sends more than its rate, or may not send, at two ingest processes with one Redis.
import { BatchStore, patientRedis, type RedisClient } from '@logferry/queue';
import type { RunningApp } from '@logferry/runtime';
import { ConfigStore, mintKey, type KeyRate } from '@logferry/store';
import {
  startRedis,
  startStopwatch,
  until,
  withEnvironment,
  type TestRedis,
} from '@logferry/testing';
import { startIngest } from './main';

let server: TestRedis;
let redis: RedisClient;
let store: ConfigStore;
let apps: RunningApp[];
let urls: string[];

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = patientRedis(server);
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
  expect((await send(0, key, 1_100)).status).toBe(202); // 1,000 more than the burst: for ten seconds
  const refused = await send(0, key, 1);
  expect(refused).toMatchObject({ status: 429, code: 'key.rate_limited' });
  expect(refused.retryAfter).toBeGreaterThan(5);
  expect(refused.retryAfter).toBeLessThanOrEqual(10);
  const metrics = await (await fetch(`${urls[0] ?? ''}/metrics`)).text();
  expect(metrics).toMatch(/logferry_ingest_rate_limited_requests_total\{app="ingest"\} 1/);
  const elsewhere = await until(async () => {
    const answer = await send(1, key, 1);
    return answer.status === 429 && { ...answer, toldAt: performance.now() };
  });
  expect(elsewhere.retryAfter).toBeLessThanOrEqual(11);
  const letIn = (await filtered()) - before; // what the other process took until it knew

  expect((await send(0, other, 5_000)).status).toBe(202);
  expect((await send(1, other, 5_000)).status).toBe(202);
  expect((await filtered()) - before).toBe(letIn + 10_000);

  const asked: { atMs: number; status: number }[] = [];
  const isLetIn = async (): Promise<boolean> => {
    const atMs = performance.now() - elsewhere.toldAt;
    const { status } = await send(1, key, 1);
    asked.push({ atMs, status });
    return status === 202;
  };
  await until(isLetIn, { intervalMs: 50 });
  // Whoever comes back when told is let in, and nobody much sooner.
  expect(asked.at(-2)?.atMs ?? 0).toBeLessThanOrEqual(elsewhere.retryAfter * 1_000 + 200);
  expect(performance.now() - elsewhere.toldAt).toBeGreaterThan((elsewhere.retryAfter - 2) * 1_000);
}, 40_000);

test('its rate of bytes counts the body as it was before it was packed', async () => {
  const key = await aKey({ bytesPerSecond: 16 });
  expect((await send(0, key, 11)).status).toBe(202); // 16 bytes each
  const { status, retryAfter } = await send(0, key, 1);
  expect(status).toBe(429);
  // Eleven seconds' worth, less the burst and what has passed.
  expect(retryAfter).toBeGreaterThan(2);
  expect(retryAfter).toBeLessThanOrEqual(10);
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
  let ranMs = startStopwatch();
  await until(async () => (await send(0, text, 10)).status === 429);
  expect(ranMs()).toBeLessThan(2_000);
  await store.putKey({ ...key, rate: { logEventsPerSecond: 0 } });
  ranMs = startStopwatch();
  await until(async () => (await send(0, text, 1_000)).status === 202);
  expect(ranMs()).toBeLessThan(2_000);
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

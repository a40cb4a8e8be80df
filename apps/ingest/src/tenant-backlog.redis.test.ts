// One tenant whose account takes nothing: it is told to wait long before Redis is full, and nobody else notices.
import { Destination } from '@logferry/core';
import { BatchConsumer, BatchStore, failFastRedis, patientRedis } from '@logferry/queue';
import type { RunningApp } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import { startRedis, until, withEnvironment, type TestRedis } from '@logferry/testing';
import { randomBytes } from 'node:crypto';
import { startIngest } from './main';

const PLATFORM = 'the-key-of-the-platform';
const MIB = 1024 * 1024;

let server: TestRedis;
let app: RunningApp;
let url: string;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no', maxmemory: '64mb' } });
  const redis = failFastRedis(server);
  await until(() => redis.status === 'ready');
  const store = new ConfigStore(redis);
  for (const id of ['acme', 'globex']) {
    await store.putTenant({ id });
    await store.putDestination(
      id,
      Destination.parse({
        id: 's3',
        type: 's3',
        region: 'eu-central-1',
        credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
        s3: { bucket: 'acme-logs', lingerMs: 0 },
      }),
    );
  }
  redis.disconnect();
  app = await withEnvironment(
    {
      REDIS_URL: server.url,
      LOGFERRY_LOG_LEVEL: 'silent',
      LOGFERRY_INGEST_PORT: '0',
      LOGFERRY_INGEST_PLATFORM_KEY: PLATFORM,
      LOGFERRY_INGEST_TENANT_MEMORY_PERCENT_MAX: '10',
    },
    startIngest,
  );
  url = `http://127.0.0.1:${app.ports.http}`;
  await until(async () => (await fetch(`${url}/health/ready`)).status === 200);
});

afterAll(async () => {
  await app.close();
  await server.stop();
});

function post(path: string, ...events: object[]): Promise<Response> {
  return fetch(`${url}/v1/${path}`, {
    method: 'POST',
    body: events.map((event) => JSON.stringify(event)).join('\n'),
    headers: { 'content-type': 'application/x-ndjson', authorization: `Bearer ${PLATFORM}` },
  });
}

const send = (tenant: string, message: string): Promise<Response> =>
  post(`tenants/${tenant}/events?type=audit`, { message });

test('a tenant with more than its share waiting is told to wait, alone, and until there is room again', async () => {
  const refused = await until(async () => {
    const answer = await send('acme', randomBytes(MIB / 2).toString('hex'));
    return answer.status === 429 && answer;
  });
  expect(refused.headers.get('retry-after')).toBe('5');
  expect(await refused.json()).toMatchObject({ code: 'tenant.backlog_full' });
  expect((await send('globex', 'm')).status).toBe(202);

  const mixed = ['acme', 'globex'].map((tenant) => ({ tenant, type: 'audit', message: 'm' }));
  expect(await (await post('events', ...mixed)).json()).toMatchObject({
    accepted: 1,
    rejected: [{ index: 0, code: 'event.tenant_backlog_full' }],
  });

  const redis = patientRedis(server);
  const store = new BatchStore(redis, 0);
  const ignore = (): void => undefined;
  // 6.4 of 64 MiB, and what the last request brought: the share was known from the first moment.
  expect(await store.tenantBytes('acme')).toBeGreaterThan(6.4 * MIB);
  expect(await store.tenantBytes('acme')).toBeLessThan(9.4 * MIB);
  const consumer = new BatchConsumer(redis, store, () => Promise.resolve({ rejected: [] }), {
    sink: 's3',
    concurrency: 4,
    attemptsMax: 3,
    hold: { windowMs: Infinity, tenantBytesMax: () => Infinity },
    observer: { delivered: ignore, failed: ignore, held: ignore, resumed: ignore, error: ignore },
  });
  try {
    await until(async () => (await send('acme', 'again')).status === 202, { timeoutMs: 15_000 });
    await until(async () => (await store.totals()).waiting === 0, { timeoutMs: 15_000 });
    expect(await store.tenantBytes('acme')).toBe(0);
  } finally {
    await consumer.close(1_000);
    redis.disconnect();
  }
});

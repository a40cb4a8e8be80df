// What ingest answers while Redis is killed, hangs, is full or is nearly full. The one thing that counts: what was acknowledged is there.
import { Destination, imbalance } from '@logferry/core';
import { BatchStore, failFastRedis, type RedisClient } from '@logferry/queue';
import type { RunningApp } from '@logferry/runtime';
import { ConfigStore, mintKey } from '@logferry/store';
import {
  startRedis,
  startStopwatch,
  until,
  withEnvironment,
  type TestRedis,
} from '@logferry/testing';
import { startIngest } from './main';

const PLATFORM = 'the-key-of-the-platform';

let server: TestRedis;
let redis: RedisClient;
/** Whoever runs Redis. */
let operator: RedisClient;
let app: RunningApp;
let url: string;
let tenantKey: string;
/** Log events that were acknowledged, and those that may be there although they were not. */
const tally = { acknowledged: 0, refused: 0 };

beforeAll(async () => {
  // A snapshot cannot be written where the append-only file has its directory: with it Redis finds that its disk fails.
  server = await startRedis({ settings: { appendfsync: 'always', dbfilename: 'appendonlydir' } });
  operator = failFastRedis(server);
  operator.on('error', () => undefined);
  redis = failFastRedis(server);
  redis.on('error', () => undefined);
  await until(() => redis.status === 'ready');
  const store = new ConfigStore(redis);
  for (const id of ['acme', 'globex']) {
    await store.putTenant({ id });
    await store.putDestination(id, anS3Destination());
  }
  await store.putTenant({ id: 'initech' });
  await store.putDestination('initech', { ...anS3Destination(), deduplicateForMs: 60_000 });
  const minted = mintKey('tests', 'acme', Date.now());
  tenantKey = minted.text;
  await store.putKey(minted.key);
  app = await startWith({
    LOGFERRY_INGEST_REDIS_TIMEOUT_MS: '300',
    LOGFERRY_INGEST_REDIS_MEMORY_PERCENT_MAX: '50',
  });
  url = `http://127.0.0.1:${app.ports.http}`;
  await isReady();
  // The tenants are remembered from here on.
  for (const tenant of ['acme', 'initech'])
    await until(async () => (await post(tenant)).status === 202);
});

afterEach(async () => {
  await isReady();
  await until(() => redis.status === 'ready');
  const { acknowledged, refused } = tally;
  const totals = await new BatchStore(redis, 0).totals();
  expect(imbalance(totals)).toBe(0);
  expect(totals.accepted).toBeGreaterThanOrEqual(acknowledged);
  // What was not acknowledged may have happened all the same, since a lost answer says nothing; more than was sent may not.
  expect(totals.accepted).toBeLessThanOrEqual(acknowledged + refused);
});

afterAll(async () => {
  await app.close();
  redis.disconnect();
  operator.disconnect();
  await server.stop();
});

function startWith(settings: Record<string, string>): Promise<RunningApp> {
  const always = {
    REDIS_URL: server.url,
    LOGFERRY_LOG_LEVEL: 'silent',
    LOGFERRY_INGEST_PORT: '0',
    LOGFERRY_INGEST_PLATFORM_KEY: PLATFORM,
  };
  return withEnvironment({ ...always, ...settings }, startIngest);
}

function anS3Destination(): Destination {
  return Destination.parse({
    id: 's3',
    type: 's3',
    region: 'eu-central-1',
    credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
    s3: { bucket: 'acme-logs' },
  });
}

const isReady = (): Promise<boolean> =>
  until(async () => (await fetch(`${url}/health/ready`)).status === 200);

async function post(
  tenant = 'acme',
  key = PLATFORM,
  more: Record<string, string> = {},
  event: object = {},
): Promise<{ status: number; retryAfter: string | null; code: string }> {
  const answer = await fetch(`${url}/v1/tenants/${tenant}/events?type=deployment`, {
    method: 'POST',
    body: JSON.stringify({ message: 'Apply complete!', ...event }),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...more },
  });
  const { code = '' } = (await answer.json()) as { code?: string };
  if (answer.status === 202) tally.acknowledged++;
  else tally.refused++;
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), code };
}

const away = { status: 503, retryAfter: '1', code: 'ingest.redis_unavailable' };

test('while Redis is dead nothing is acknowledged; afterwards everything that was is there', async () => {
  for (let i = 0; i < 20; i++) await post();
  const underWay = Promise.all(Array.from({ length: 20 }, () => post()));
  await server.kill();
  const statuses = (await underWay).map(({ status }) => status);
  expect(statuses.filter((status) => status !== 202 && status !== 503)).toEqual([]);
  expect(await post()).toEqual(away);
  await server.start();
  await until(async () => (await post()).status === 202);
});

test('while Redis is dead, keys and tenants that are not remembered are told to come back, not away', async () => {
  await server.kill();
  await until(async () => (await fetch(`${url}/health/ready`)).status === 503);
  expect(await post('acme', tenantKey)).toEqual(away);
  expect(await post('globex')).toEqual(away);
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
  await server.start();
  await until(async () => (await post('acme', tenantKey)).status === 202);
});

test('while Redis hangs, senders are answered in time and told to come back', async () => {
  await server.pause();
  const answers = await timed(() => Promise.all(Array.from({ length: 20 }, () => post())));
  expect(answers.value).toEqual(answers.value.map(() => away));
  expect(answers.ranMs).toBeLessThan(2_000);
  expect(await post()).toEqual(away);
  await server.resume();
  await until(async () => (await post()).status === 202);
});

test('with its own patience too, ingest says 503 within two seconds of a Redis that hangs', async () => {
  const patient = await startWith({});
  const [quick, itself] = [url, `http://127.0.0.1:${patient.ports.http}`];
  url = itself;
  try {
    await isReady();
    // acme is remembered, globex has to be looked for.
    await until(async () => (await post()).status === 202);
    await server.pause();
    const answers = await Promise.all(
      ['acme', 'globex', 'acme'].map((tenant) => timed(() => post(tenant))),
    );
    for (const { value, ranMs } of answers) {
      expect(value).toEqual(away);
      expect(ranMs).toBeLessThan(2_000);
    }
  } finally {
    url = quick;
    await server.resume();
    await patient.close();
  }
});

const ask = (...command: [string, ...string[]]): Promise<unknown> => operator.call(...command);

test.each<[string, string, () => Promise<unknown>, () => Promise<unknown>]>([
  ['is killed', 'does not answer', () => server.kill(), () => server.start()],
  ['hangs', 'does not answer', () => server.pause(), () => server.resume()],
  [
    'is a replica, as after a failover',
    'is a replica',
    () => ask('REPLICAOF', '127.0.0.1', '1'),
    () => ask('REPLICAOF', 'NO', 'ONE'),
  ],
  [
    'has too few replicas',
    'min-replicas-to-write',
    () => ask('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    () => ask('CONFIG', 'SET', 'min-replicas-to-write', '0'),
  ],
  [
    'cannot write to its disk',
    'could not write to its disk',
    async () => {
      await ask('CONFIG', 'SET', 'save', '3600 1');
      await ask('BGSAVE');
    },
    () => ask('CONFIG', 'SET', 'save', ''),
  ],
])(
  'a Redis that %s is answered for within two seconds, and taken again within one of its return',
  async (_, why, goAway, comeBack) => {
    await goAway();
    const troubled = await timed(() => until(async () => (await post()).status === 503));
    expect(troubled.ranMs).toBeLessThan(2_000);
    const answers = await timed(() => Promise.all(Array.from({ length: 20 }, () => post())));
    expect(answers.value).toEqual(answers.value.map(() => away));
    expect(answers.ranMs).toBeLessThan(2_000);
    const readiness = await until(async () => {
      const text = await (await fetch(`${url}/health/ready`)).text();
      return text.includes(why) && text;
    });
    expect(readiness).toContain('not_ready');
    await comeBack();
    const back = await timed(() => until(async () => (await post()).status === 202));
    expect(back.ranMs).toBeLessThan(1_000);
  },
);

async function timed<T>(run: () => Promise<T>): Promise<{ value: T; ranMs: number }> {
  const ranMs = startStopwatch();
  const value = await run();
  return { value, ranMs: ranMs() };
}

test.each<[string, string, Record<string, string>, object]>([
  ['a request with an Idempotency-Key', 'acme', { 'idempotency-key': 'through-the-hang' }, {}],
  ['a log event with an id, of a destination that takes each once', 'initech', {}, { id: 'one' }],
])(
  '%s is accepted once though Redis hangs, whenever it is sent again',
  async (_, tenant, headers, event) => {
    const totals = async () => (await new BatchStore(redis, 0).totals()).accepted;
    const send = () => post(tenant, PLATFORM, headers, event);
    const before = await totals();
    await server.pause();
    for (let i = 0; i < 2; i++) expect(await send()).toEqual(away);
    await server.resume();
    await until(async () => (await send()).status === 202);
    await until(async () => (await send()).status === 202);
    expect(await totals()).toBe(before + 1);
    tally.acknowledged -= 1; // two answers, one log event
  },
);

test('above the mark senders are slowed, with most of the memory still free for the workers', async () => {
  const info = String(await redis.call('INFO', 'memory'));
  const used = Number(/used_memory:(\d+)/.exec(info)?.[1]);
  await redis.config('SET', 'maxmemory', used * 4);
  await until(async () => (await post()).status === 202);
  await redis.config('SET', 'maxmemory', Math.floor(used * 1.8));
  const full = await until(async () => {
    const answer = await post();
    return answer.status === 429 && answer;
  });
  expect(full).toEqual({ status: 429, retryAfter: '5', code: 'ingest.backlog_full' });
  await redis.config('SET', 'maxmemory', 0);
  await until(async () => (await post()).status === 202);
});

test('a Redis that is full to the brim takes nothing, and nothing is acknowledged', async () => {
  await redis.config('SET', 'maxmemory', 1);
  const first = await post(); // before anybody has looked how full it is
  expect([429, 503]).toContain(first.status);
  expect(first.retryAfter).not.toBeNull();
  await until(async () => (await post()).status === 429);
  await redis.config('SET', 'maxmemory', 0);
  await until(async () => (await post()).status === 202);
});

test('what is acknowledged while Redis is killed again and again is there in the end', async () => {
  let isSending = true;
  const senders = Array.from({ length: 4 }, async () => {
    while (isSending) await post();
  });
  for (let i = 0; i < 2; i++) {
    const { acknowledged } = tally;
    await until(() => tally.acknowledged > acknowledged + 50);
    await server.kill();
    await until(async () => (await post()).status === 503);
    await server.start();
  }
  isSending = false;
  await Promise.all(senders);
  expect(tally.refused).toBeGreaterThan(0);
}, 60_000);

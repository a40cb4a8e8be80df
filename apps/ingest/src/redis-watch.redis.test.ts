import { failFastRedis, patientRedis, type RedisClient } from '@logferry/queue';
import { startRedis, until, type TestRedis } from '@logferry/testing';
import { RedisWatch } from './redis-watch';

let server: TestRedis;
let redis: RedisClient;
let watch: RedisWatch | undefined;
let told: (readonly string[])[] = [];

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
});

beforeEach(async () => {
  redis = failFastRedis(server, 2_000);
  redis.on('error', () => undefined);
  await until(() => redis.status === 'ready');
});

afterEach(() => {
  told = [];
  watch?.stop();
  redis.disconnect();
});

afterAll(async () => {
  await server.stop();
});

async function usedBytes(): Promise<number> {
  const info = await redis.call('INFO', 'memory');
  return Number(/used_memory:(\d+)/.exec(String(info))?.[1]);
}

function watching(memoryBytesMax: number, memoryPercentMax = 50): RedisWatch {
  watch = new RedisWatch(redis, {
    shards: 1,
    memoryBytesMax,
    memoryPercentMax,
    durability: 'everysec',
    appendfsync: 'ask',
    onChange: (problems) => told.push(problems),
  });
  void watch.start();
  return watch;
}

const stateIs = (wanted: string): Promise<boolean> =>
  until(() => watch?.state === wanted, { what: `Redis is ${wanted}`, timeoutMs: 20_000 });

test('before it has looked, Redis counts as away', async () => {
  const fresh = watching(0);
  expect(fresh.state).toBe('away');
  expect(await stateIs('ok')).toBe(true);
});

test('the mark counts for the bytes that are given where Redis has no maxmemory', async () => {
  const used = await usedBytes();
  watching(used * 3);
  expect(await stateIs('ok')).toBe(true);
  watch?.stop();
  watching(used);
  expect(await stateIs('full')).toBe(true);
});

test('at the mark it is full, and below it again when there is room again', async () => {
  watching(0, 50);
  await stateIs('ok');
  const used = await usedBytes();
  await redis.config('SET', 'maxmemory', Math.floor(used * 1.2));
  expect(await stateIs('full')).toBe(true);
  await redis.config('SET', 'maxmemory', used * 4);
  expect(await stateIs('ok')).toBe(true);
  await redis.config('SET', 'maxmemory', 0);
});

test('an append-only file that was switched on counts for fsync when it is written, not before', async () => {
  const always = await startRedis({ settings: { appendonly: 'no', appendfsync: 'always' } });
  const its = failFastRedis(always, 2_000);
  try {
    await until(() => its.status === 'ready');
    await its.mset('a', 1, 'b', 1, 'c', 1);
    await its.config('SET', 'rdb-key-save-delay', 1_000_000); // microseconds a key: it writes its file for three seconds
    watch = new RedisWatch(its, {
      shards: 1,
      memoryBytesMax: 0,
      memoryPercentMax: 50,
      durability: 'fsync',
      appendfsync: 'ask',
      onChange: () => undefined,
    });
    void watch.start();
    await stateIs('not_durable');
    await its.config('SET', 'appendonly', 'yes');
    const meanwhile = new Set<string>();
    await until(async () => {
      const { state } = watch ?? {};
      const isWriting = (await its.info()).includes('aof_rewrite_in_progress:1');
      if (isWriting) meanwhile.add(state ?? '');
      return meanwhile.size > 0 && !isWriting;
    });
    expect([...meanwhile]).toEqual(['not_durable']);
    expect(await stateIs('ok')).toBe(true);
  } finally {
    watch?.stop();
    its.disconnect();
    await always.stop();
  }
});

test("Redis's own maxmemory goes before what is given", async () => {
  const used = await usedBytes();
  await redis.config('SET', 'maxmemory', used * 4);
  watching(1, 50);
  expect(await stateIs('ok')).toBe(true);
  await redis.config('SET', 'maxmemory', 0);
});

test('a Redis that hangs is away, and one that answers again is not', async () => {
  watching(0);
  await stateIs('ok');
  await server.pause();
  expect(await stateIs('away')).toBe(true);
  await server.resume();
  expect(await stateIs('ok')).toBe(true);
});

test('a Redis that is killed is away at once, and back when it is back', async () => {
  watching(0);
  await stateIs('ok');
  await server.kill();
  await until(() => redis.status !== 'ready');
  expect(watch?.state).toBe('away');
  await server.start();
  expect(await stateIs('ok')).toBe(true);
});

test('stopped, it asks no more', async () => {
  const stopped = watching(0);
  await stateIs('ok');
  stopped.stop();
  await redis.config('SET', 'maxmemory', 1);
  watching(0);
  expect(await stateIs('full')).toBe(true);
  expect(stopped.state).toBe('ok');
  await redis.config('SET', 'maxmemory', 0);
});

describe('of a Redis that takes no writes it says why, and it is ready again when they are taken', () => {
  const config = (name: string, value: string) => redis.call('CONFIG', 'SET', name, value);

  test('a replica, for as long as it is one', async () => {
    const operator = patientRedis(server);
    watching(0);
    await stateIs('ok');
    await operator.call('REPLICAOF', '127.0.0.1', '1');
    await stateIs('read_only');
    expect(watch?.isReady).toMatch('replica');
    const states = new Set<string>();
    await until(
      () => states.add(watch?.state ?? '') && told.length > 0 && redis.status === 'ready',
    );
    await operator.call('REPLICAOF', 'NO', 'ONE');
    await stateIs('ok');
    expect(watch?.isReady).toBe(true);
    expect([...states]).toEqual(['read_only']);
    operator.disconnect();
  });

  test('one that has fewer replicas than it should', async () => {
    watching(0);
    await stateIs('ok');
    await config('min-replicas-to-write', '1');
    await stateIs('too_few_replicas');
    expect(watch?.isReady).toMatch('min-replicas-to-write');
    await config('min-replicas-to-write', '0');
    await stateIs('ok');
  });

  test('one that would delete what waits', async () => {
    watching(0, 90);
    await stateIs('ok');
    await config('maxmemory', '1gb');
    await config('maxmemory-policy', 'allkeys-lru');
    await stateIs('evicts');
    await config('maxmemory-policy', 'volatile-lru');
    await stateIs('ok');
    expect(watch?.problems).toContain('evicts_what_expires');
    await config('maxmemory-policy', 'noeviction');
    await config('maxmemory', '0');
  });
});

test('what makes less of the promise is told once, and so is its end', async () => {
  watching(0);
  await stateIs('ok');
  expect(watch?.problems).toEqual(['not_persistent']);
  await redis.config('SET', 'appendonly', 'yes');
  await until(() => watch?.problems.length === 0);
  // At once, since a look may come between two commands.
  await redis.call('CONFIG', 'SET', 'appendfsync', 'no', 'no-appendfsync-on-rewrite', 'yes');
  await until(() => watch?.problems.length === 2);
  await redis.call('CONFIG', 'SET', 'appendfsync', 'everysec', 'no-appendfsync-on-rewrite', 'no');
  await until(() => watch?.problems.length === 0);
  expect(told.map((problems) => problems.length)).toEqual([1, 0, 2, 0]);
  await redis.config('SET', 'appendonly', 'no');
});

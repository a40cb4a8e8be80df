import { startRedis, until, type TestRedis } from '@logferry/testing';
import { KeyClaims } from './key-claims';
import { batchKey } from './keys';
import { patientRedis, type RedisClient } from './redis-connection';

const batch = 'batch-1';
const bucket = 'acme-logs';

let server: TestRedis;
let redis: RedisClient;
let claims: KeyClaims;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = patientRedis(server);
  claims = new KeyClaims(redis, 0);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

beforeEach(async () => {
  await redis.flushall();
  await redis.hset(batchKey(0, batch), 'state', 'sealed');
});

test("a key is passed as a stranger's once, and only while nobody else may have put under it", async () => {
  expect(await claims.claim(batch, bucket)).toMatchObject({ candidate: 0 });
  expect(await claims.pass(batch, bucket, 0)).toBe(true);
  expect(await claims.pass(batch, bucket, 0)).toBe(false);
  expect(await claims.claim(batch, bucket)).toMatchObject({ candidate: 1 });
  expect(await claims.claim(batch, bucket)).toMatchObject({ candidate: 1 });
  expect(await claims.pass(batch, bucket, 1)).toBe(false);
  expect(await claims.claim(batch, bucket)).toMatchObject({ candidate: 1 });
});

test('a claim that is taken back counts no more, and never takes back those of others', async () => {
  await claims.claim(batch, bucket);
  await claims.release(batch, bucket, 0);
  await claims.release(batch, bucket, 0);
  await claims.claim(batch, bucket);
  expect(await claims.pass(batch, bucket, 0)).toBe(true);
  await claims.claim(batch, bucket);
  await claims.release(batch, bucket, 0);
  await claims.claim(batch, bucket);
  expect(await claims.pass(batch, bucket, 1)).toBe(false);
});

test('each bucket has claims of its own, and they stay while another is tried', async () => {
  await claims.claim(batch, bucket);
  expect(await claims.claim(batch, 'acme-other')).toMatchObject({ candidate: 0 });
  expect(await claims.pass(batch, 'acme-other', 0)).toBe(true);
  expect(await claims.claim(batch, 'acme-other')).toMatchObject({ candidate: 1 });
  expect(await claims.claim(batch, bucket)).toMatchObject({ candidate: 0 });
  expect(await claims.pass(batch, bucket, 0)).toBe(false);
});

test('the time of a key stays while an object may be there, and is a new one when none can', async () => {
  const since = async (): Promise<number> => (await claims.claim(batch, bucket))?.since ?? 0;
  const first = await since();
  const clock = await redis.time();
  expect(Math.abs(first - Number(clock[0]) * 1_000)).toBeLessThan(2_000);
  expect(await since()).toBe(first);
  await claims.release(batch, bucket, 0);
  expect(await since()).toBe(first);
  await claims.release(batch, bucket, 0);
  await claims.release(batch, bucket, 0);
  await until(async () => {
    const [seconds, micros] = await redis.time();
    return Number(seconds) * 1_000 + Number(micros) / 1_000 > first + 1;
  });
  expect(await since()).toBeGreaterThan(first);
});

test('no claim revives a batch that is settled', async () => {
  await claims.claim(batch, bucket);
  await redis.del(batchKey(0, batch));
  expect(await claims.claim(batch, bucket)).toBeUndefined();
  await claims.release(batch, bucket, 0);
  expect(await claims.pass(batch, bucket, 0)).toBe(false);
  expect(await redis.exists(batchKey(0, batch))).toBe(0);
});

import { Destination, Source } from '@logferry/core';
import { startRedis, until, type TestRedis } from '@logferry/testing';
import { Redis } from 'ioredis';
import { mintKey } from './api-key';
import { ConfigStore, Unreadable } from './config-store';
import { Directory } from './directory';

let server: TestRedis;
let redis: Redis;
let store: ConfigStore;
let directory: Directory;
const errors: unknown[] = [];

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
});

beforeEach(async () => {
  redis = new Redis(server.url, { enableOfflineQueue: false, retryStrategy: () => 50 });
  redis.on('error', () => undefined);
  await until(() => redis.status === 'ready');
  await redis.flushall();
  store = new ConfigStore(redis);
  directory = new Directory(store, (error) => errors.push(error));
  directory.start();
});

afterEach(() => {
  directory.stop();
  redis.disconnect();
});

afterAll(async () => {
  await server.stop();
});

const aDestination = (id: string) =>
  Destination.parse({
    id,
    type: 's3',
    region: 'eu-central-1',
    credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
    s3: { bucket: 'acme-logs' },
  });

test('a tenant is found with its destinations, and one that is not there is not', async () => {
  await store.putTenant({ id: 'acme', name: 'Acme' });
  await store.putDestination('acme', aDestination('s3'));
  expect(await directory.tenant('acme')).toEqual({
    tenant: { id: 'acme', name: 'Acme' },
    destinations: [aDestination('s3')],
  });
  expect(await directory.destination('acme', 's3')).toMatchObject({ type: 's3' });
  expect(await directory.destination('acme', 'nope')).toBeUndefined();
  expect(await directory.tenant('globex')).toBeUndefined();
  expect(await store.tenantIds()).toEqual(['acme']);
});

test("a tenant's sources are found, and a change of one is told", async () => {
  const aSource = (over: object) =>
    Source.parse({
      id: 'auth0',
      type: 'auth0',
      domain: 'acme.eu.auth0.com',
      clientId: 'a-client',
      sealedSecret: `v1.1.${'A'.repeat(16)}.${'B'.repeat(30)}`,
      ...over,
    });
  expect(await directory.source('acme', 'auth0')).toBeUndefined();
  await store.putSource('acme', aSource({}));
  await until(async () => (await directory.source('acme', 'auth0'))?.enabled === true);
  await store.putSource('acme', aSource({ enabled: false }));
  await until(async () => (await directory.source('acme', 'auth0'))?.enabled === false);
  await redis.hset('{lf}:sources:globex', 'auth0', '{}');
  await expect(directory.source('globex', 'auth0')).rejects.toThrow(Unreadable);
});

test('a change reaches a running process within a second and a bit', async () => {
  await store.putTenant({ id: 'acme' });
  expect((await directory.tenant('acme'))?.destinations).toEqual([]);
  await store.putDestination('acme', aDestination('s3'));
  await until(async () => (await directory.destination('acme', 's3')) !== undefined, {
    timeoutMs: 5_000,
  });
  await store.deleteDestination('acme', 's3');
  await until(async () => (await directory.destination('acme', 's3')) === undefined, {
    timeoutMs: 5_000,
  });
});

test.each([
  ['of another version', JSON.stringify({ ...aDestination('bad'), type: 'gcs' })],
  ['no JSON', '{'],
])('a destination that is %s harms only itself, and is told of once', async (_, stored) => {
  await store.putTenant({ id: 'acme' });
  await store.putDestination('acme', aDestination('s3'));
  await redis.hset('{lf}:destinations:acme', 'bad', stored);
  errors.length = 0;
  expect(await directory.destination('acme', 's3')).toEqual(aDestination('s3'));
  expect(await directory.destination('acme', 'nope')).toBeUndefined();
  for (let asked = 0; asked < 2; asked++)
    await expect(directory.destination('acme', 'bad')).rejects.toBeInstanceOf(Unreadable);
  expect(errors.filter((error) => error instanceof Unreadable)).toMatchObject([
    { id: 'bad', message: 'what is stored of destination bad of tenant acme cannot be read' },
  ]);
  await store.putDestination('acme', aDestination('bad'));
  await until(() => directory.destination('acme', 'bad').catch(() => undefined), {
    timeoutMs: 5_000,
  });
});

test('a tenant is found with all of its destinations or not at all: nothing is accepted past one that cannot be read', async () => {
  await store.putTenant({ id: 'acme' });
  await store.putDestination('acme', aDestination('s3'));
  await redis.hset('{lf}:destinations:acme', 'bad', '{');
  await expect(directory.tenant('acme')).rejects.toBeInstanceOf(Unreadable);
  await redis.hset('{lf}:tenants', 'globex', '{');
  await store.putDestination('globex', aDestination('s3'));
  await expect(directory.destination('globex', 's3')).rejects.toBeInstanceOf(Unreadable);
});

test('a key opens what it is for, a wrong one nothing, and a revoked one nothing within a second and a bit', async () => {
  const { text, key } = mintKey('ci', 'acme', 0);
  await store.putKey(key);
  expect(await directory.authenticate(text)).toMatchObject({ name: 'ci', tenantId: 'acme' });
  expect(
    await directory.authenticate(`${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`),
  ).toBeUndefined();
  expect(await directory.authenticate('lf_nonsense')).toBeUndefined();
  await store.deleteKey(key.id);
  await until(async () => (await directory.authenticate(text)) === undefined, { timeoutMs: 5_000 });
});

test('the text of a key is nowhere in the store', async () => {
  const { text, key } = mintKey('ci', undefined, 0);
  await store.putKey(key);
  const stored = JSON.stringify(await redis.hgetall('{lf}:keys'));
  expect(stored).not.toContain(text.slice('lf_000000000000_'.length));
  expect(stored).not.toContain('tenantId');
});

/** Waits for the first look, which forgets what was asked for before it. Returns what it will be troubled by. */
async function startAnew(): Promise<unknown[]> {
  directory.stop();
  let hasLooked = false;
  const problems: unknown[] = [];
  const looked = (): void => void (hasLooked = true);
  directory = new Directory(store, (error) => problems.push(error), looked);
  directory.start();
  await until(() => hasLooked);
  return problems;
}

test('while Redis is away it answers with what it remembers, and afterwards it sees what it missed', async () => {
  await store.putTenant({ id: 'acme', name: 'before' });
  const problems = await startAnew();
  expect((await directory.tenant('acme'))?.tenant.name).toBe('before');
  await server.kill();
  await until(() => problems.length > 0);
  expect((await directory.tenant('acme'))?.tenant.name).toBe('before');
  await server.start(); // without its append-only file: everything is gone
  await until(() => redis.status === 'ready');
  await until(async () => (await directory.tenant('acme')) === undefined);
});

test('that Redis has come back with another state is seen though it was away between two looks', async () => {
  await store.putTenant({ id: 'acme' });
  await startAnew();
  expect(await directory.tenant('acme')).toBeDefined();
  await redis.flushall();
  await until(async () => (await directory.tenant('acme')) === undefined);
});

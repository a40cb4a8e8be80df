import { ConfigStore, Directory } from '@logferry/store';
import { startRedis, until, type TestRedis } from '@logferry/testing';
import { Redis } from 'ioredis';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyTenantsFile, TenantsFile } from './tenants-file';

let server: TestRedis;
let redis: Redis;
let store: ConfigStore;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = new Redis(server.url);
  redis.on('error', () => undefined);
  await until(() => redis.status === 'ready');
  store = new ConfigStore(redis);
});

beforeEach(async () => {
  await redis.flushall();
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const sample = JSON.parse(readFileSync(join(__dirname, 'samples', 'tenants.json'), 'utf8')) as {
  tenants: { id: string; destinations: unknown[] }[];
};

/** Applies a file, and returns what was said. */
async function apply(file: object): Promise<string> {
  const lines: string[] = [];
  await applyTenantsFile(store, TenantsFile.parse(file), (line) => lines.push(line));
  return lines.join('\n');
}

/** The keys that were shown. */
const shown = (said: string): string[] => said.match(/lf_[0-9a-f]{12}_[\w-]{43}/g) ?? [];

/** A directory that remembers nothing yet, so what it says is what the store says. */
const whoIs = (key: string) =>
  new Directory(store, (error) => {
    throw error;
  }).authenticate(key);

test('a file that says two things of one name is refused, not applied in some order', () => {
  const [tenant] = sample.tenants;
  const [destination] = tenant?.destinations ?? [];
  const problems = (file: object): string[] =>
    TenantsFile.safeParse(file).error?.issues.map(
      ({ path, message }) => `${path.join('.')}: ${message}`,
    ) ?? [];
  expect(problems({ tenants: [{ id: 'acme', destinations: [destination, destination] }] })).toEqual(
    ['tenants.0.destinations: cloudwatch stands there twice'],
  );
  expect(problems({ tenants: [{ id: 'acme' }, { id: 'globex' }, { id: 'acme' }] })).toEqual([
    'tenants: acme stands there twice',
  ]);
});

test('the sample makes a tenant with its destinations, and keys that open', async () => {
  const keys = shown(await apply(sample));
  expect((await store.tenant('acme'))?.destinations.map(({ id }) => id).sort()).toEqual([
    'archive',
    'cloudwatch',
  ]);
  expect(await Promise.all(keys.map(whoIs))).toMatchObject([
    { name: 'platform' },
    { name: 'acme-ci', tenantId: 'acme' },
  ]);
});

test('the same file again makes no second key, and says so', async () => {
  await apply(sample);
  const before = await store.keys();
  const said = await apply(sample);
  expect(shown(said)).toEqual([]);
  expect(said).toMatch(/^key acme-ci for acme \([0-9a-f]{12}\): there already$/m);
  expect(await store.keys()).toEqual(before);
});

test('a name may be used once for each tenant and once for the platform', async () => {
  const keys = [{ name: 'ci' }, { name: 'ci', tenant: 'acme' }, { name: 'ci', tenant: 'globex' }];
  expect(shown(await apply({ keys: [...keys, ...keys] }))).toHaveLength(3);
});

test('a revoked key opens nothing, and the others go on', async () => {
  const [first = '', second = ''] = shown(
    await apply({ keys: [{ name: 'first' }, { name: 'second' }] }),
  );
  const id = first.split('_')[1] ?? '';
  expect(await apply({ revoke: [id] })).toBe(`key first for the platform (${id}): revoked`);
  expect(await whoIs(first)).toBeUndefined();
  expect(await whoIs(second)).toMatchObject({ name: 'second' });
  expect(await apply({ revoke: [id] })).toBe(`key ${id} is not there`);
});

test('one file revokes a key and makes a new one with its name', async () => {
  const keys = [{ name: 'ci', tenant: 'acme' }];
  const [old = ''] = shown(await apply({ keys }));
  const [fresh = ''] = shown(await apply({ keys, revoke: [old.split('_')[1]] }));
  expect(await whoIs(old)).toBeUndefined();
  expect(await whoIs(fresh)).toMatchObject({ name: 'ci', tenantId: 'acme' });
});

test("a key's rate is made that of the file, and its text stays", async () => {
  const key = { name: 'rated', tenant: 'acme' };
  const [text = ''] = shown(await apply({ keys: [{ ...key, logEventsPerSecond: 100 }] }));
  expect(await whoIs(text)).toMatchObject({ rate: { logEventsPerSecond: 100 } });
  const other = { logEventsPerSecond: 0, bytesPerSecond: 5_000 };
  expect(await apply({ keys: [{ ...key, ...other }] })).toContain('changed');
  expect((await whoIs(text))?.rate).toEqual(other);
  expect(await apply({ keys: [{ ...key, ...other }] })).toContain('there already');
  expect(await apply({ keys: [key] })).toContain('changed');
  expect((await whoIs(text))?.rate).toEqual({});
});

test("a key's scopes are made those of the file, and stay where it names none", async () => {
  const key = { name: 'scoped', tenant: 'acme' };
  const [text = ''] = shown(await apply({ keys: [key] }));
  expect((await whoIs(text))?.scopes).toEqual(['send']);
  expect(await apply({ keys: [{ ...key, scopes: ['read'] }] })).toContain('changed');
  expect((await whoIs(text))?.scopes).toEqual(['read']);
  expect(await apply({ keys: [key] })).toContain('there already');
});

test('a removed destination is no more, the others stay, and it is said what becomes of what waits', async () => {
  await apply(sample);
  const said = await apply({ tenants: [{ id: 'acme', remove: ['archive', 'attic'] }] });
  expect((await store.tenant('acme'))?.destinations.map(({ id }) => id)).toEqual(['cloudwatch']);
  expect(said).toContain('destination archive of acme: removed; what still waits for it is held');
  expect(said).toContain('destination.missing');
  expect(said).toContain('destination attic of acme is not there');
});

test.each<[string, object]>([
  ['lf_0123456789ab_secret', { revoke: ['lf_0123456789ab_secret'] }],
  ['a name instead of an id', { revoke: ['acme-ci'] }],
  ['a field that there is not', { revoked: [] }],
  [
    'a destination that is to be there and to be gone',
    { tenants: [{ ...sample.tenants[0], remove: ['archive'] }] },
  ],
  [
    'one destination more than a tenant may have',
    { tenants: [{ id: 'acme', destinations: many(21) }] },
  ],
])('a file with %s is refused as a whole', (_what, file) => {
  expect(TenantsFile.safeParse(file).success).toBe(false);
});

test('a tenant may have twenty destinations', () => {
  const file = { tenants: [{ id: 'acme', destinations: many(20) }] };
  expect(TenantsFile.safeParse(file).success).toBe(true);
});

function many(count: number): object[] {
  const [destination] = sample.tenants[0]?.destinations ?? [];
  return Array.from({ length: count }, (_, i) => ({ ...(destination as object), id: `d-${i}` }));
}

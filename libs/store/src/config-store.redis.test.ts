// Versions, conflicts and the audit trail, on a real Redis.
import { Destination, Source } from '@logferry/core';
import { startRedis, until, type TestRedis } from '@logferry/testing';
import { Redis } from 'ioredis';
import { mayUse, mintKey } from './api-key';
import { AuditTrail, type AuditBounds, type AuditQuery } from './audit-trail';
import { destinationPlace, tenantPlace, type Actor, type Written } from './config-record';
import { ConfigStore } from './config-store';
import { KeyUses } from './key-uses';
import { withoutSecrets } from './without-secrets';

const DAY_MS = 86_400_000;
const BOUNDS: AuditBounds = { entriesMax: 8, tenantEntriesMax: 4, keepMs: DAY_MS };
const by: Actor = { kind: 'key', id: '0123456789ab', name: 'ops' };

let server: TestRedis;
let redis: Redis;
let store: ConfigStore;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = new Redis(server.url);
});
beforeEach(async () => {
  await redis.flushall();
  store = new ConfigStore(redis, BOUNDS);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const aDestination = (id: string, over: object = {}) =>
  Destination.parse({
    id,
    type: 's3',
    region: 'eu-central-1',
    credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
    s3: { bucket: 'acme-logs' },
    ...over,
  });

const versionOf = (written: Written): number => written.version ?? -1;
const audit = (query: Partial<AuditQuery> = {}, keepMs = DAY_MS) =>
  new AuditTrail(redis, keepMs).list({ order: 'oldest', limit: 100, ...query });

test('a version grows with every change, and never comes back when a record is deleted and made again', async () => {
  const first = await store.putTenant({ id: 'acme' });
  expect(first).toMatchObject({ kind: 'written', created: true });
  const second = await store.putTenant({ id: 'acme', name: 'Acme' });
  expect(second).toMatchObject({ kind: 'written', created: false });
  expect(versionOf(second)).toBeGreaterThan(versionOf(first));
  await store.putDestination('acme', aDestination('logs'));
  await store.deleteDestination('acme', 'logs');
  const made = await store.putDestination('acme', aDestination('logs'));
  const stale = await store.deleteDestination('acme', 'logs', { expected: versionOf(made) - 2 });
  expect(stale).toMatchObject({ kind: 'conflict', version: versionOf(made) });
});

test('what is expected of a record decides whether it is written', async () => {
  const place = tenantPlace('acme');
  const write = (expected: 'absent' | 'present' | number, name: string) =>
    store.putTenant({ id: 'acme', name }, { expected });
  expect(await write('present', 'a')).toEqual({ kind: 'conflict', place, version: undefined });
  expect(await write(0, 'a')).toEqual({ kind: 'conflict', place, version: undefined });
  const created = await write('absent', 'a');
  expect(created.kind).toBe('written');
  expect(await write('absent', 'b')).toMatchObject({ version: versionOf(created) });
  for (const wrong of [versionOf(created) - 1, versionOf(created) + 1])
    expect((await write(wrong, 'b')).kind).toBe('conflict');
  expect((await store.tenant('acme'))?.tenant.name).toBe('a');
  expect((await write(versionOf(created), 'b')).kind).toBe('written');
  expect((await write('present', 'c')).kind).toBe('written');
});

test('of many that write with the version that they have all read, one does', async () => {
  const { version } = await store.putTenant({ id: 'acme' });
  const outcomes = await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      store.putTenant({ id: 'acme', name: `of ${i}` }, { expected: version }),
    ),
  );
  expect(outcomes.filter(({ kind }) => kind === 'written')).toHaveLength(1);
  expect(outcomes.filter(({ kind }) => kind === 'conflict')).toHaveLength(9);
  expect(await audit()).toHaveLength(2);
});

test('of many that write whatever is there, all do, each with a version of its own', async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 10 }, (_, i) => store.putTenant({ id: 'acme', name: `of ${i}` })),
  );
  expect(new Set(outcomes.map(versionOf)).size).toBe(10);
});

test('records are written together, or none of them is', async () => {
  await store.putTenant({ id: 'acme' });
  const writes = (expected: 'absent' | 'present') => [
    {
      place: destinationPlace('acme', 'one'),
      to: { value: aDestination('one') },
      expected: 'absent' as const,
    },
    { place: destinationPlace('acme', 'two'), to: { value: aDestination('two') } },
    { place: tenantPlace('acme'), expected },
  ];
  expect(await store.write(by, writes('absent'))).toMatchObject({
    kind: 'conflict',
    place: tenantPlace('acme'),
  });
  expect(await store.destinationIds('acme')).toEqual([]);
  const { version } = await store.write(by, writes('present'));
  const found = await store.find([
    destinationPlace('acme', 'one'),
    destinationPlace('acme', 'two'),
  ]);
  expect(found.map((record) => record?.version)).toEqual([version, version]);
});

test('of records that are written together, the answer is of the first, also where only another was changed', async () => {
  const made = await store.putTenant({ id: 'acme' });
  const write = (bucket: string) =>
    store.write(by, [
      { place: tenantPlace('acme'), to: { value: { id: 'acme' } } },
      {
        place: destinationPlace('acme', 'logs'),
        to: { value: aDestination('logs', { s3: { bucket } }) },
      },
    ]);
  for (const bucket of ['acme-logs', 'acme-archive'])
    expect(await write(bucket)).toEqual({ ...made, created: false });
});

const aSource = (id: string, over: object = {}) =>
  Source.parse({
    id,
    type: 'auth0',
    domain: 'acme.eu.auth0.com',
    clientId: 'a-client',
    sealedSecret: `v1.1.${'A'.repeat(16)}.${'B'.repeat(30)}`,
    ...over,
  });

test('a source is a record of its tenant: with versions, announced, and without its secret in the trail', async () => {
  await store.putTenant({ id: 'acme' });
  const announced = await store.changesEnd();
  const { version } = await store.putSource('acme', aSource('auth0'));
  expect(await store.source('acme', 'auth0')).toEqual(aSource('auth0'));
  expect(await store.source('globex', 'auth0')).toBeUndefined();
  const news = await store.changesAfter(announced, 10);
  expect(news?.changes).toEqual([{ kind: 'tenant', tenantId: 'acme' }]);
  const stale = { expected: (version ?? 0) - 1 };
  expect(await store.deleteSource('acme', 'auth0', stale)).toMatchObject({ kind: 'conflict' });
  await store.deleteSource('acme', 'auth0', { expected: version });
  expect(await store.sourceIds('acme')).toEqual([]);
  const [, created, deleted] = await audit();
  expect(created).toMatchObject({ action: 'created', kind: 'source', recordId: 'auth0' });
  expect(deleted).toMatchObject({ action: 'deleted', kind: 'source', after: null });
  expect(JSON.stringify(await audit())).not.toContain('BBBB');
});

test('a source that cannot be read harms no other', async () => {
  await store.putSource('acme', aSource('one'));
  await redis.hset('{lf}:sources:acme', 'two', '{"of":"another version"}');
  await expect(store.source('acme', 'two')).rejects.toThrow('source two of tenant acme');
  expect(await store.source('acme', 'one')).toEqual(aSource('one'));
  const { sources, unreadable } = await store.sources('acme');
  expect([sources.length, unreadable.map(({ id }) => id)]).toEqual([1, ['two']]);
});

test('what changes nothing is not announced, not noted, and keeps its version', async () => {
  const { version } = await store.putTenant({ id: 'acme' });
  const end = await store.changesEnd();
  expect(await store.putTenant({ id: 'acme' })).toEqual({
    kind: 'unchanged',
    version,
    created: false,
  });
  await store.deleteDestination('acme', 'never-was');
  expect(await store.changesEnd()).toBe(end);
  expect(await audit()).toHaveLength(1);
});

test('what was stored before there were versions is of version 0, and may be changed with it', async () => {
  await redis.hset('{lf}:tenants', 'acme', JSON.stringify({ id: 'acme', name: 'Old' }));
  expect(await store.find([tenantPlace('acme'), tenantPlace('globex')])).toMatchObject([
    { version: 0 },
    undefined,
  ]);
  expect(await store.putTenant({ id: 'acme' }, { expected: 0 })).toMatchObject({ kind: 'written' });
});

test('what somebody wrote who knows no versions is seen before it is written over', async () => {
  const { version } = await store.putTenant({ id: 'acme', name: 'ours' });
  const before = await store.find([tenantPlace('acme')]);
  await redis.hset('{lf}:tenants', 'acme', JSON.stringify({ id: 'acme', name: 'theirs' }));
  await store.putTenant({ id: 'acme', name: 'ours again' }, { expected: version });
  expect(before).toMatchObject([{ version }]);
  expect((await audit()).at(-1)?.before).toEqual({ id: 'acme', name: 'theirs' });
});

test('the trail says who changed what, from what to what', async () => {
  await store.putTenant({ id: 'acme' }, { by });
  await store.putTenant({ id: 'acme', name: 'Acme' }, { by: { kind: 'login' } });
  await store.putDestination('acme', aDestination('logs'), { by });
  const { version } = await store.deleteDestination('acme', 'logs', { by });
  expect(await audit()).toMatchObject([
    { by, action: 'created', kind: 'tenant', tenantId: 'acme', recordId: 'acme', before: null },
    { by: { kind: 'login' }, action: 'changed', before: { id: 'acme' }, after: { name: 'Acme' } },
    { kind: 'destination', recordId: 'logs', before: null, after: { s3: { bucket: 'acme-logs' } } },
    { action: 'deleted', before: { id: 'logs' }, after: null, version },
  ]);
});

test('the trail holds no secret: neither what opens something nor what a key is known by', async () => {
  const { text, key } = mintKey('ci', 'acme', 0, ['admin']);
  await store.putKey(key, { by });
  const secret = 'wJalrXUtnFEMI/K7MDENG';
  const place = { ...destinationPlace('acme', 'later'), hash: 'destinations:acme' };
  const stored = {
    id: 'later',
    credentials: { kind: 'access_key', accessKeyId: 'AKIA', sealedSecret: secret },
    variables: { ENV0_CLOUDWATCH_SECRET_ACCESS_KEY: secret, list: [{ password: secret }] },
  };
  await store.write(by, [{ place, to: { value: stored } }]);
  const trail = JSON.stringify(await redis.xrange('{lf}:audit', '-', '+'));
  expect(trail).toContain('AKIA');
  for (const hidden of [secret, key.hash, text.slice('lf_000000000000_'.length)]) {
    expect(hidden).not.toBe('');
    expect(trail).not.toContain(hidden);
  }
  expect(withoutSecrets({ a: [{ secretAccessKey: 'x', region: 'y' }] })).toEqual({
    a: [{ secretAccessKey: '[secret]', region: 'y' }],
  });
});

test('the trail is bounded: in number, for all and for each tenant, in the size of an entry, and in age', async () => {
  for (let i = 0; i < 9; i++) await store.putTenant({ id: 'acme', name: `of ${i}` });
  expect(await audit()).toHaveLength(8);
  expect((await audit({ tenantId: 'acme' })).map(({ after }) => after)).toMatchObject(
    [5, 6, 7, 8].map((i) => ({ name: `of ${i}` })),
  );
  await store.putTenant({ id: 'globex' });
  expect(await audit({ tenantId: 'acme' })).toHaveLength(4);

  const types = Array.from({ length: 100 }, (_, i) => `${'x'.repeat(200)}${i}`);
  await store.putDestination('acme', aDestination('large', { filter: { types } }));
  await store.putDestination('acme', aDestination('large', { filter: { types }, enabled: false }));
  const [created, changed] = (await audit({ tenantId: 'acme' })).slice(-2);
  expect(created?.after).toBe('too_large');
  expect(changed).toMatchObject({ before: { enabled: true }, after: { enabled: false } });

  expect(await redis.pttl('{lf}:audit:acme')).toBeGreaterThan(DAY_MS - 60_000);
  await redis.xadd('{lf}:audit:initech', '5-0', 'version', '1', 'entry', '{}');
  expect(await audit({ tenantId: 'initech' })).toEqual([]);
  expect(await audit({ tenantId: 'initech' }, Date.now() + DAY_MS)).toHaveLength(1);
  await store.putTenant({ id: 'initech' });
  expect(await redis.xlen('{lf}:audit:initech')).toBe(1);
});

test('the trail goes on behind any entry, in both directions', async () => {
  for (let i = 0; i < 4; i++) await store.putTenant({ id: 'acme', name: `of ${i}` });
  const [first, second, ...rest] = await audit();
  expect(await audit({ after: second?.id })).toEqual(rest);
  expect(await audit({ after: second?.id, order: 'newest' })).toEqual([first]);
  expect(await audit({ order: 'newest', limit: 1 })).toEqual(rest.slice(-1));
  expect(await audit({ after: rest.at(-1)?.id ?? '' })).toEqual([]);
});

test('a tenant that is made again has the trail of its own life; the whole of it is there for whoever may see all', async () => {
  const life = async (name: string): Promise<void> => {
    await store.write(by, [
      { place: tenantPlace('acme'), to: { value: { id: 'acme', name } } },
      { place: destinationPlace('acme', name), to: { value: aDestination(name) } },
    ]);
  };
  await life('first');
  await store.putTenant({ id: 'globex' });
  await store.write(by, [
    { place: destinationPlace('acme', 'first'), to: { value: undefined } },
    { place: tenantPlace('acme'), to: { value: undefined } },
  ]);
  await life('second');
  const told = async (query: Partial<AuditQuery>) =>
    (await audit(query)).map(({ action, recordId }) => `${action} ${recordId}`);
  const own = { tenantId: 'acme', sinceMade: true } as const;
  expect(await told(own)).toEqual(['created acme', 'created second']);
  expect(await told({ ...own, order: 'newest' })).toEqual(['created second', 'created acme']);
  expect(await told({ ...own, after: '0-0' })).toHaveLength(2);
  const [first] = await audit(own);
  expect(await told({ ...own, after: first?.id })).toEqual(['created second']);
  expect(await told({ ...own, order: 'newest', after: first?.id })).toEqual([]);
  expect(await told({ tenantId: 'acme' })).toHaveLength(BOUNDS.tenantEntriesMax);
  expect(await told({})).toContain('created first');
});

test('a key may do what its scopes say; one from before there were any may send', () => {
  const { key } = mintKey('ci', undefined, 0, ['admin']);
  expect([mayUse(key, 'admin'), mayUse(key, 'read'), mayUse(key, 'send')]).toEqual([
    true,
    true,
    false,
  ]);
  expect([mayUse({}, 'send'), mayUse({}, 'read'), mayUse({}, 'admin')]).toEqual([
    true,
    false,
    false,
  ]);
  expect(mayUse({ scopes: ['read'] }, 'admin')).toBe(false);
});

describe('the last use of a key', () => {
  const problems: unknown[] = [];
  const uses = () => new KeyUses(redis, (error) => problems.push(error), 20);
  const { key } = mintKey('ci', 'acme', 0);

  test('is written now and then, however often it is used, and never goes back', async () => {
    await store.putKey(key);
    const here = uses();
    here.start();
    for (let i = 0; i < 1_000; i++) here.note(key.id, 5_000 + i);
    expect(await here.lastUses([key.id])).toEqual([undefined]);
    await until(async () => (await here.lastUses([key.id, 'other']))[0] === 5_999);
    here.note(key.id, 1);
    await here.stop();
    expect(await here.lastUses([key.id])).toEqual([5_999]);
    expect(problems).toEqual([]);
  });

  test('is forgotten with the key, and not noted of a key that is not there', async () => {
    await store.putKey(key);
    const here = uses();
    here.note(key.id, 5_000);
    await here.stop();
    await store.deleteKey(key.id);
    expect(await redis.hlen('{lf}:keyUses')).toBe(0);
    here.note(key.id, 6_000);
    await here.stop();
    expect(await redis.hlen('{lf}:keyUses')).toBe(0);
  });
});

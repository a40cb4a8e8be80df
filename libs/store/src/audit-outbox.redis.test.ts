// Which entries of the audit trail are to be forwarded, and that each of them is counted once, on a real Redis.
import { Destination, type Tenant } from '@logferry/core';
import { startRedis, until, type TestRedis } from '@logferry/testing';
import { Redis } from 'ioredis';
import { AuditOutbox } from './audit-outbox';
import { destinationPlace, tenantPlace } from './config-record';
import { ConfigStore } from './config-store';

const DAY_MS = 86_400_000;
const BOUNDS = { entriesMax: 100, tenantEntriesMax: 10, keepMs: DAY_MS };

let server: TestRedis;
let redis: Redis;
let store: ConfigStore;
let outbox: AuditOutbox;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = new Redis(server.url);
  outbox = new AuditOutbox(redis);
});
beforeEach(async () => {
  await redis.flushall();
  store = new ConfigStore(redis, BOUNDS);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const put = (over: Partial<Tenant> = {}) => store.putTenant({ id: 'acme', ...over });
const on = { forwardAuditTrail: true };
const destination = Destination.parse({
  id: 'logs',
  type: 's3',
  region: 'eu-central-1',
  credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
  s3: { bucket: 'acme-logs' },
});
const queued = async (tenantId = 'acme') =>
  (await outbox.next(tenantId, 100, 0)).map(({ entry }) => entry);

test('a tenant that does not ask for it has nothing forwarded', async () => {
  await put();
  await put({ forwardAuditTrail: false });
  await store.putDestination('acme', destination);
  expect(await outbox.due(10)).toEqual([]);
  expect(await queued()).toEqual([]);
  expect((await outbox.counts()).waiting).toBe(0);
});

test('what is forwarded begins with switching it on and ends with switching it off', async () => {
  await put({ name: 'before' });
  await put(on);
  await store.putDestination('acme', destination);
  await store.putTenant({ id: 'globex' });
  await put({ forwardAuditTrail: false });
  await put({ name: 'after' });
  await store.deleteDestination('acme', 'logs');
  expect(await queued()).toMatchObject([
    { kind: 'tenant', after: on },
    { kind: 'destination', action: 'created', recordId: 'logs' },
    { kind: 'tenant', before: on, after: { forwardAuditTrail: false } },
  ]);
  expect(await outbox.due(10)).toEqual(['acme']);
  expect(await queued('globex')).toEqual([]);
});

test('switched on in the same step as other records are written, all of them are forwarded', async () => {
  await store.write({ kind: 'command' }, [
    { place: destinationPlace('acme', 'logs'), to: { value: destination } },
    { place: tenantPlace('acme'), to: { value: { id: 'acme', ...on } } },
  ]);
  expect(await queued()).toHaveLength(2);
});

test('entries leave in their order, each once, and each is counted', async () => {
  await put(on);
  await put({ ...on, name: 'second' });
  const [first, second] = await outbox.next('acme', 100, 0);
  expect(await outbox.settle('acme', second?.id ?? '', 'forwarded')).toBe(false);
  const both = await Promise.all(
    [1, 2].map(() => outbox.settle('acme', first?.id ?? '', 'forwarded')),
  );
  expect(both).toEqual(expect.arrayContaining([false, true]));
  expect(await outbox.counts()).toMatchObject({ forwarded: 1, waiting: 1 });
  expect(await outbox.settle('acme', second?.id ?? '', 'refused')).toBe(true);
  expect(await outbox.due(10)).toEqual([]);
  expect(await outbox.counts()).toEqual({
    forwarded: 1,
    refused: 1,
    trimmed: 0,
    tenant_deleted: 0,
    waiting: 0,
  });
  expect(await redis.keys('{lf}:auditQueue:*')).toEqual([]);
});

test('an entry that is too young is not handed out, and its tenant is asked for again when it is old enough', async () => {
  await put(on);
  expect(await outbox.next('acme', 100, 60_000)).toEqual([]);
  expect(await outbox.due(10)).toEqual([]);
  await outbox.next('acme', 100, 300); // one that is to be less old, and is so soon
  await until(async () => (await outbox.due(10)).length === 1);
  expect(await outbox.next('acme', 100, 300)).toHaveLength(1);
});

test('a tenant that is put off is not due before, and what is changed meanwhile does not make it so', async () => {
  await put(on);
  await outbox.postpone('acme', 60_000);
  await put({ ...on, name: 'second' });
  await store.putTenant({ id: 'globex', ...on });
  expect(await outbox.due(10)).toEqual(['globex']);
  // Whoever has had a turn comes behind those who wait for theirs.
  await outbox.postpone('acme', 1);
  await until(async () => (await outbox.due(10)).length === 2);
  expect(await outbox.due(1)).toEqual(['globex']);
  await outbox.next('globex', 1, 0);
  expect(await outbox.due(1)).toEqual(['acme']);
  await outbox.postpone('nobody', 0);
  expect(await outbox.due(10)).not.toContain('nobody');
});

test.each([9, 10, 11])(
  'of %i entries, those that the trail has no room for are counted',
  async (n) => {
    for (let i = 0; i < n; i++) await put({ ...on, name: `of ${i}` });
    const trimmed = Math.max(0, n - BOUNDS.tenantEntriesMax);
    expect(await outbox.counts()).toMatchObject({ trimmed, waiting: n - trimmed });
    const entries = await queued();
    expect(entries).toHaveLength(n - trimmed);
    expect(entries[0]?.after).toMatchObject({ name: `of ${trimmed}` });
  },
);

test('an entry that is too old for the trail is handed out as one that is not there', async () => {
  await put(on);
  await redis.xtrim('{lf}:audit:acme', 'MAXLEN', 0);
  await put({ ...on, name: 'second' });
  const [first, second] = await outbox.next('acme', 100, 0);
  expect(first?.entry).toBeUndefined();
  expect(second?.entry?.after).toMatchObject({ name: 'second' });
  expect(second?.id).not.toBe(first?.id);
});

test('what waits of a tenant is not forwarded to the next one of its id', async () => {
  await put(on);
  await put({ ...on, name: 'second' });
  const [first] = await outbox.next('acme', 100, 0);
  await store.write({ kind: 'login' }, [{ place: tenantPlace('acme'), to: { value: undefined } }]);
  expect(await outbox.counts()).toMatchObject({ tenant_deleted: 2, waiting: 0 });
  expect(await outbox.due(10)).toEqual([]);
  await put({ ...on, name: 'the next one' });
  // Whoever was just sending the old one settles nothing of the new.
  expect(await outbox.settle('acme', first?.id ?? '', 'forwarded')).toBe(false);
  expect(await queued()).toMatchObject([{ after: { name: 'the next one' } }]);
});

test('what cannot be read of a tenant keeps nobody from writing it anew', async () => {
  await redis.hset('{lf}:tenants', 'acme', '{"id":');
  expect((await put(on)).kind).toBe('written');
  expect(await queued()).toHaveLength(1);
});

test('one forwards at a time, and another when that one is gone', async () => {
  expect(await outbox.claim('one', 60_000)).toBe(true);
  expect(await outbox.claim('other', 60_000)).toBe(false);
  expect(await outbox.claim('one', 200)).toBe(true);
  await until(() => outbox.claim('other', 60_000)); // it was killed and asked no more
  await outbox.release('one');
  expect(await outbox.claim('one', 60_000)).toBe(false);
  await outbox.release('other');
  expect(await outbox.claim('one', 60_000)).toBe(true);
});

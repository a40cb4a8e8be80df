import { Destination, destinationKey } from '@logferry/core';
import { failFastRedis, type RedisClient } from '@logferry/queue';
import { openLogger } from '@logferry/runtime';
import {
  ConfigStore,
  ConnectionResults,
  wideRolePlace,
  type ConnectionResult,
} from '@logferry/store';
import { startRedis, until, type TestRedis } from '@logferry/testing';
import { ConnectionWatch, isDue } from './connection-watch';

const HOUR_MS = 3_600_000;
const everyMs = 24 * HOUR_MS;

const log = openLogger('test', 'silent');

let server: TestRedis;
let redis: RedisClient;
let results: ConnectionResults;
let checked: string[];

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = failFastRedis(server);
  await until(() => redis.status === 'ready');
});

beforeEach(async () => {
  await redis.flushall();
  results = new ConnectionResults(redis);
  checked = [];
  const store = new ConfigStore(redis);
  await store.putTenant({ id: 'acme' });
  for (const [id, enabled] of Object.entries({ one: true, two: true, off: false })) {
    const credentials = {
      kind: 'web_identity',
      roleArn: 'arn:aws:iam::123456789012:role/logferry',
    };
    const s3 = { bucket: 'acme-logs' };
    const region = 'eu-central-1';
    const destination = { id, enabled, type: 's3', region, credentials, s3 };
    await store.putDestination('acme', Destination.parse(destination));
  }
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const result = (atMs: number): ConnectionResult => ({
  kind: 'check',
  outcome: 'passed',
  atMs,
  triedFor: 'x',
  steps: [],
});

const aWatch = (faulty?: string) =>
  new ConnectionWatch({
    store: new ConfigStore(redis),
    results,
    desk: {
      check: async (tenantId, { id }) => {
        checked.push(id);
        if (id === faulty) throw new Error('a fault of ours');
        await results.put(destinationKey(tenantId, id), result(Date.now()));
      },
    },
    log,
    everyMs,
  });

test('what was never checked is checked once, and what is switched off is not', async () => {
  const watch = aWatch();
  await watch.tick(Date.now());
  expect(checked.sort()).toEqual(['one', 'two']);
  await watch.tick(Date.now());
  expect(checked).toHaveLength(2);
  await watch.tick(Date.now() + everyMs);
  expect(checked).toHaveLength(4);
});

test('of two consoles, one checks; when it is gone, the other does', async () => {
  const [first, second] = [aWatch(), aWatch()];
  await first.tick(Date.now());
  await second.tick(Date.now() + everyMs);
  expect(checked).toHaveLength(2);
  await redis.del('{lf}:connection-watch');
  await second.tick(Date.now() + everyMs);
  expect(checked).toHaveLength(4);
});

test('a tenant that cannot be read keeps nobody else from being checked', async () => {
  await redis.hset('{lf}:tenants', 'aaa', '{}');
  await aWatch().tick(Date.now());
  expect(checked.sort()).toEqual(['one', 'two']);
});

test('a destination whose check fails through a fault of ours keeps no other from being checked', async () => {
  await aWatch('one').tick(Date.now());
  expect(checked.sort()).toEqual(['one', 'two']);
});

test('a destination whose role trusts others is checked every hour, until it does no more', async () => {
  const store = new ConfigStore(redis);
  const watch = aWatch();
  await watch.tick(Date.now());
  const id = 'web_identity arn:aws:iam::123456789012:role/logferry';
  const write = (value: object | undefined) =>
    store.write({ kind: 'check' }, [{ place: wideRolePlace('acme', id), to: { value } }]);
  await write({});
  await watch.tick(Date.now() + 2 * HOUR_MS);
  expect(checked.sort()).toEqual(['one', 'one', 'two', 'two']);
  await write(undefined);
  // Their time of the day may be just now, and is not twice in an hour.
  checked = [];
  await watch.tick(Date.now());
  expect(checked).toEqual([]);
});

test('that a role trusts others is forgotten when no destination has it', async () => {
  const store = new ConfigStore(redis);
  const of = (role: string) => `web_identity arn:aws:iam::123456789012:role/${role}`;
  for (const role of ['logferry', 'former'])
    await store.write({ kind: 'check' }, [
      { place: wideRolePlace('acme', of(role)), to: { value: {} } },
    ]);
  await aWatch().tick(Date.now());
  expect(await store.wideRoleIds('acme')).toEqual([of('logferry')]);
});

test('each destination is due once in a turn, and they are spread over it', () => {
  const startMs = 1_000 * everyMs;
  const dueHours = Array.from({ length: 200 }, (_, i) => {
    const hours = Array.from({ length: 24 }, (_, hour) => hour).filter((hour) =>
      isDue(`acme/${i}`, {
        lastMs: startMs + hour * HOUR_MS,
        nowMs: startMs + (hour + 1) * HOUR_MS,
        everyMs,
      }),
    );
    expect(hours).toHaveLength(1);
    return hours[0];
  });
  expect(new Set(dueHours).size).toBe(24);
});

import { Destination, destinationKey } from '@logferry/core';
import { patientRedis, type RedisClient } from '@logferry/queue';
import { openLogger } from '@logferry/runtime';
import {
  ConfigStore,
  ConnectionResults,
  wideRolePlace,
  type ConnectionResult,
} from '@logferry/store';
import { startRedis, until, type TestRedis } from '@logferry/testing';
import { triedForOf } from './connection-proof';
import type { Step } from './connection-step';
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
  redis = patientRedis(server);
  await until(() => redis.status === 'ready');
});

beforeEach(async () => {
  await redis.flushall();
  results = new ConnectionResults(redis);
  checked = [];
  const store = new ConfigStore(redis);
  await store.putTenant({ id: 'acme' });
  for (const [id, enabled] of Object.entries({ one: true, two: true, off: false }))
    await put(id, { enabled });
});

async function put(id: string, over: object): Promise<void> {
  const credentials = {
    kind: 'web_identity',
    roleArn: 'arn:aws:iam::123456789012:role/logferry',
  };
  const s3 = { bucket: 'acme-logs' };
  const destination = { id, type: 's3', region: 'eu-central-1', credentials, s3, ...over };
  await new ConfigStore(redis).putDestination('acme', Destination.parse(destination));
}

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

let decoy: Partial<Step>;
beforeEach(() => {
  decoy = { outcome: 'ok' };
});
const result = (destination: Destination): ConnectionResult => ({
  kind: 'check',
  outcome: 'passed',
  atMs: Date.now(),
  triedFor: triedForOf(destination),
  steps: [{ step: 'decoy', ...decoy }],
});

const aWatch = (faulty?: string) =>
  new ConnectionWatch({
    store: new ConfigStore(redis),
    results,
    desk: {
      check: async (tenantId, destination) => {
        const { id } = destination;
        checked.push(id);
        if (id === faulty) throw new Error('a fault of ours');
        await results.put(destinationKey(tenantId, id), result(destination));
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

test('what was changed is checked at once: the last check was of another Region', async () => {
  const watch = aWatch();
  await watch.tick(Date.now());
  await put('two', { region: 'us-east-1' });
  checked = [];
  await watch.tick(Date.now());
  await watch.tick(Date.now());
  expect(checked).toEqual(['two']);
});

test('whose role could not be tried is checked every hour, until AWS has said whom it lets in', async () => {
  const watch = aWatch();
  decoy = { outcome: 'unknown', code: 'credential.rationed' };
  await watch.tick(Date.now());
  decoy = { outcome: 'ok' };
  checked = [];
  await watch.tick(Date.now() + HOUR_MS);
  expect(checked.sort()).toEqual(['one', 'two']);
  checked = [];
  // Their time of the day may be just now, and is not twice in an hour.
  await watch.tick(Date.now());
  expect(checked).toEqual([]);
});

test('a tenant that changes all that it has keeps neither others nor its own last from being checked', async () => {
  for (let i = 0; i < 20; i++) await put(`many-${i}`, {});
  const watch = aWatch();
  const rounds: number[] = [];
  for (let minute = 0; minute < 6; minute++) {
    const before = checked.length;
    await watch.tick(Date.now() + minute * 60_000);
    rounds.push(checked.length - before);
    for (let i = 0; i < 10; i++) await put(`many-${i}`, { region: `us-east-${minute + 1}` });
  }
  expect(Math.max(...rounds)).toBe(10);
  expect(new Set(checked).size).toBe(22);
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

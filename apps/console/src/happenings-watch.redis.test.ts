// What is noticed from the state that Redis is in, by consoles that come and go.
import { Channel, shardOf, Source, type FailureCode, type Notification } from '@logferry/core';
import { BatchStore, Holds, patientRedis, Standings } from '@logferry/queue';
import { RunLease, SourceRuns, type RunEnd } from '@logferry/sources';
import { ConfigStore, WatchMemory } from '@logferry/store';
import { aCloudWatchLane, startRedis, type TestRedis } from '@logferry/testing';
import { ConsoleTestbed, SHARDS } from './console.testbed';
import { SourcesWatch } from './sources-watch';
import { HappeningsWatch } from './happenings-watch';

let server: TestRedis;
let store: ConfigStore;
let told: Notification[] = [];
let watches: HappeningsWatch[] = [];
const bed = new ConsoleTestbed();
const LATE_MS = 60_000;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  bed.redis = patientRedis(server);
  bed.stores = Array.from({ length: SHARDS }, (_, shard) => new BatchStore(bed.redis, shard));
  store = new ConfigStore(bed.redis);
});
beforeEach(async () => {
  await bed.redis.flushall();
  told = [];
  watches = [];
});
afterEach(() => Promise.all(watches.map((watch) => watch.stop())));
afterAll(async () => {
  bed.redis.disconnect();
  await server.stop();
});

const destination = (id: string) => ({
  id,
  type: 'cloudwatch' as const,
  enabled: true,
  region: 'eu-central-1',
  credentials: {
    kind: 'web_identity' as const,
    roleArn: 'arn:aws:iam::123456789012:role/logferry',
    sessionDurationSeconds: 3_600,
  },
  cloudwatch: { logGroup: 'g', logStream: 's' },
});

async function aTenant(id: string, { channel = true } = {}): Promise<void> {
  await store.putTenant({ id });
  await store.putDestination(id, destination('logs') as never);
  if (channel) await aChannel(id);
}

async function aChannel(tenantId: string): Promise<void> {
  const sealedSecret = `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}`;
  const channel = Channel.parse({
    id: 'ops',
    kind: 'slack',
    host: 'hooks.slack.com',
    sealedSecret,
  });
  await bed.redis.hset(`{lf}:channels:${tenantId}`, 'ops', JSON.stringify(channel));
}

const add = (notification: Notification): Promise<void> => {
  told.push(notification);
  return Promise.resolve();
};

/** As consoles read it: what cannot be read is no tenant that has less. */
const directory = {
  tenant: async (tenantId: string) => {
    const record = await store.tenant(tenantId);
    const [problem] = record?.unreadable ?? [];
    if (problem !== undefined) throw problem;
    return record;
  },
};

function aWatch(): HappeningsWatch {
  const watch = new HappeningsWatch({
    store,
    directory,
    standings: new Standings(bed.redis, SHARDS),
    sources: new SourcesWatch({ store, runs: new SourceRuns(bed.redis), add, everyMs: 0 }),
    memory: new WatchMemory(bed.redis),
    add,
    log: { info: () => undefined, debug: () => undefined },
    lateMs: LATE_MS,
  });
  watches.push(watch);
  return watch;
}

const shard = (tenantId: string) => shardOf(tenantId, 'logs', SHARDS);
const aBatch = (tenantId: string, id = '1') =>
  bed.send(aCloudWatchLane({ id: `${tenantId}/logs/${id}`, tenantId, destinationId: 'logs' }), [
    'x',
  ]);

async function fail(
  tenantId: string,
  batchId: string,
  code: FailureCode,
  says?: 'suspended',
): Promise<void> {
  const failed = { code, countsAttempt: says === undefined, says, isProbe: false };
  await new Holds(bed.redis, shard(tenantId)).fail(batchId, failed);
}

async function settle(tenantId: string, batchId: string): Promise<void> {
  await new Holds(bed.redis, shard(tenantId)).probeNow('cloudwatch', `${tenantId}/logs`);
  await bed.stores[shard(tenantId)]?.begin(batchId);
  await bed.stores[shard(tenantId)]?.settle({ id: batchId, logEvents: 1 }, { rejected: [] });
}

/** As if it had been accepted so long ago. */
async function age(tenantId: string, batchId: string, ms: number): Promise<void> {
  const tag = `{lf-${shard(tenantId)}}`;
  const atMs = Date.now() - ms;
  await bed.redis.hset(`${tag}:batch:${batchId}`, 'openedAt', atMs);
  await bed.redis.zadd(`${tag}:live:cloudwatch`, atMs, batchId);
}

const kinds = () => told.map(({ kind, tenantId }) => `${tenantId} ${kind}`);

test('a destination that is suspended and goes on is told of, by whichever console looks, once', async () => {
  await aTenant('acme');
  const batchId = await aBatch('acme');
  await aWatch().round();
  await fail('acme', batchId, 's3.bucket_missing', 'suspended');
  // One after the other, as when each is started anew.
  for (let i = 0; i < 3; i++) {
    const watch = aWatch();
    await bed.redis.del('{lf}:watcher');
    await watch.round();
  }
  expect(told).toMatchObject([
    {
      kind: 'destination.suspended',
      about: { destinationId: 'logs' },
      code: 's3.bucket_missing',
      logEvents: 1,
    },
  ]);
  await settle('acme', batchId);
  await watches.at(-1)?.round();
  await watches.at(-1)?.round();
  expect(kinds()).toEqual(['acme destination.suspended', 'acme destination.resumed']);
});

test('what happens while no console runs is noticed by the next one', async () => {
  await aTenant('acme');
  await aWatch().round();
  await bed.redis.del('{lf}:watcher');
  const batchId = await aBatch('acme');
  await bed.stores[shard('acme')]?.deadLetter(batchId, 'batch.stalled');
  await aWatch().round();
  expect(told).toMatchObject([{ kind: 'destination.dead_lettered', logEvents: 1 }]);
});

test('one console watches at a time', async () => {
  await aTenant('acme');
  const batchId = await aBatch('acme');
  await fail('acme', batchId, 's3.bucket_missing', 'suspended');
  const [first, second] = [aWatch(), aWatch()];
  await Promise.all([first.round(), second.round()]);
  expect(told).toHaveLength(1);
  expect(await bed.redis.exists('{lf}:watcher')).toBe(1);
});

test('a console that dies before it remembers what it told tells it under the same id', async () => {
  await aTenant('acme');
  await aWatch().round();
  const batchId = await aBatch('acme');
  await fail('acme', batchId, 's3.bucket_missing', 'suspended');
  const before = await bed.redis.hgetall('{lf}:watch:acme');
  await watches[0]?.round();
  await bed.redis.hset('{lf}:watch:acme', before);
  await watches[0]?.round();
  expect(told).toHaveLength(2);
  expect(told[1]?.id).toBe(told[0]?.id);
});

test('a batch that has waited too long makes its destination late, and one that burns attempts makes it failed', async () => {
  await aTenant('acme');
  await aTenant('globex');
  await aTenant('initech');
  const late = await aBatch('acme');
  const burning = await aBatch('globex');
  await aBatch('initech');
  for (let i = 0; i < 5; i++) await fail('globex', burning, 'cloudwatch.unavailable');
  const watch = aWatch();
  await watch.round();
  expect(told).toEqual([]);
  await age('acme', late, LATE_MS + 130_000);
  await age('globex', burning, 125_000);
  await watch.round();
  await watch.round();
  expect(kinds().sort()).toEqual(['acme destination.late', 'globex destination.failed']);
  expect(told.find(({ kind }) => kind === 'destination.failed')?.code).toBe(
    'cloudwatch.unavailable',
  );
});

test('of a tenant without channels nothing is remembered, and with its first one what holds is told', async () => {
  await aTenant('acme', { channel: false });
  const [batchId, dead] = [await aBatch('acme'), await aBatch('acme', '2')];
  await bed.stores[shard('acme')]?.deadLetter(dead, 'batch.stalled');
  await fail('acme', batchId, 's3.bucket_missing', 'suspended');
  const watch = aWatch();
  await watch.round();
  expect(told).toEqual([]);
  expect(await bed.redis.exists('{lf}:watch:acme')).toBe(0);
  await aChannel('acme');
  await watch.round();
  expect(kinds()).toEqual(['acme destination.suspended']);
  await bed.redis.del('{lf}:channels:acme');
  await watch.round();
  expect(await bed.redis.exists('{lf}:watch:acme')).toBe(0);
});

test('what is told of a tenant is of its own destinations, those that are deleted left out', async () => {
  await aTenant('acme');
  await aTenant('globex');
  const batchId = await aBatch('globex');
  await fail('globex', batchId, 's3.bucket_missing', 'suspended');
  await store.putDestination('acme', destination('other') as never);
  const watch = aWatch();
  await watch.round();
  expect(kinds()).toEqual(['globex destination.suspended']);
  await store.deleteDestination('globex', 'logs');
  await watch.round();
  expect(Object.keys(await bed.redis.hgetall('{lf}:watch:globex'))).toEqual(['known']);
  expect(kinds()).toHaveLength(1);
});

test('of many tenants to whom nothing happens, each is asked for a few things, and nothing is written', async () => {
  for (let i = 0; i < 250; i++) {
    await bed.redis.hset('{lf}:tenants', `t${i}`, JSON.stringify({ id: `t${i}` }));
    await bed.redis.hset(`{lf}:destinations:t${i}`, 'logs', JSON.stringify(destination('logs')));
    await aChannel(`t${i}`);
  }
  const watch = aWatch();
  await watch.round();
  expect(await bed.redis.scard('{lf}:watched')).toBe(250);
  await bed.redis.config('RESETSTAT');
  await watch.round();
  const stats = await bed.redis.info('commandstats');
  expect(stats).not.toMatch(/cmdstat_(hset|hdel|sadd|srem|del):/);
  const calls = [...stats.matchAll(/cmdstat_\w+:calls=(\d+)/g)].map(([, count]) => Number(count));
  // Seven or so each; the consoles of this file ask Redis now and then too, and the more often the slower the machine is.
  expect(calls.reduce((sum, count) => sum + count, 0)).toBeLessThan(250 * 10);
});

test('what another version has written keeps nobody else from being told, and is not told anew when it can be read', async () => {
  for (const tenantId of ['acme', 'globex', 'initech']) await aTenant(tenantId);
  const watch = aWatch();
  await watch.round();
  const dead = await aBatch('acme');
  await bed.stores[shard('acme')]?.deadLetter(dead, 'batch.stalled');
  await watch.round();
  const memory = await bed.redis.hget('{lf}:watch:acme', 'destination/logs');
  const readable = (await bed.redis.hget('{lf}:destinations:acme', 'logs')) ?? '';
  await bed.redis.hset('{lf}:destinations:acme', 'logs', '{"id":"logs","of":"another version"}');
  const tenant = (await bed.redis.hget('{lf}:tenants', 'globex')) ?? '';
  await bed.redis.hset('{lf}:tenants', 'globex', '{"of":"another version"}');
  await fail('initech', await aBatch('initech'), 's3.bucket_missing', 'suspended');
  await watch.round();
  expect(kinds()).toEqual(['acme destination.dead_lettered', 'initech destination.suspended']);
  expect(await bed.redis.hget('{lf}:watch:acme', 'destination/logs')).toBe(memory);
  await bed.redis.hset('{lf}:destinations:acme', 'logs', readable);
  await bed.redis.hset('{lf}:tenants', 'globex', tenant);
  await watch.round();
  expect(told).toHaveLength(2);
});

const source = Source.parse({
  id: 'auth0',
  type: 'auth0',
  domain: 'acme.eu.auth0.com',
  clientId: 'client',
  sealedSecret: `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}`,
});

async function aRun(id: string, end: Partial<RunEnd> = {}): Promise<void> {
  const place = { tenantId: 'acme', sourceId: 'auth0' };
  const lease = await RunLease.take(bed.redis, place);
  await lease?.begin({ id, kind: 'schedule', atMs: Date.now() }, source.domain);
  await lease?.settle({ checkpoint: id }, { read: 10, accepted: 9, filtered: 1 });
  const atMs = Date.now();
  await lease?.end({ state: 'succeeded', warnings: [], isCaughtUp: true, atMs, ...end });
}

test('the daily report is sent once a day from its hour on, whichever console looks, and to the channel whose hour it is', async () => {
  await aTenant('acme');
  await store.putSource('acme', source);
  await aRun('r1');
  await aRun('r2', { warnings: ['late'] });
  await aRun('r3', { state: 'failed', error: { code: 'internal.fault', message: 'm' } });
  const { sealedSecret } = source;
  // Somewhere it is past eleven in the evening only for an hour, and past midnight always.
  for (const [id, dailyReportHour, timeZone] of [
    ['ops', 0, 'UTC'],
    ['later', 23, new Date().getUTCHours() === 23 ? 'Asia/Tokyo' : 'UTC'],
  ] as const) {
    const channel = { id, kind: 'slack', host: 'x', sealedSecret, dailyReportHour, timeZone };
    await bed.redis.hset('{lf}:channels:acme', id, JSON.stringify(Channel.parse(channel)));
  }
  for (let i = 0; i < 3; i++) {
    await bed.redis.del('{lf}:watcher');
    await aWatch().round();
  }
  const reports = told.filter(({ channelId }) => channelId === 'ops');
  expect(reports).toMatchObject([
    {
      kind: 'report.daily',
      about: { sourceId: 'auth0' },
      report: { processed: 27, warnings: 1, errors: 1, checkpoint: 'r3' },
    },
  ]);
  expect(told.filter(({ channelId }) => channelId === 'later')).toEqual([]);
});

describe('that a source does not run any more', () => {
  const place = { tenantId: 'acme', sourceId: 'auth0' };
  const hourAgo = (hours: number): number => Date.now() - hours * 3_600_000;
  const stops = (): unknown[] => told.filter(({ kind }) => kind === 'source.stopped');
  const begin = async (id: string, kind: 'schedule' | 'replay'): Promise<RunLease | undefined> => {
    const feed = kind === 'replay' ? { ...place, replayId: id } : place;
    const lease = await RunLease.take(bed.redis, feed);
    await lease?.begin({ id, kind, atMs: Date.now() }, source.domain);
    return lease;
  };
  /** It was seen to run, hours ago. */
  const ranOnce = async (): Promise<void> => {
    await aTenant('acme');
    await store.putSource('acme', source);
    await aRun('r1', { atMs: hourAgo(5) });
    await aWatch().round();
    const memory = JSON.stringify({ sinceMs: hourAgo(6) });
    await bed.redis.hset('{lf}:watch:acme', 'source/auth0', memory);
    await bed.redis.del('{lf}:watcher');
  };

  test('is told although a replay of it has ended a moment ago', async () => {
    await ranOnce();
    const replay = await begin('again', 'replay');
    const end = { warnings: [], isCaughtUp: false, atMs: Date.now() };
    await replay?.end({ ...end, state: 'succeeded' });
    await aWatch().round();
    expect(stops()).toHaveLength(1);
  });

  test('is told where its poller dies again and again, whether one runs just now or not', async () => {
    await ranOnce();
    await begin('dies', 'schedule');
    await aWatch().round();
    expect(stops()).toHaveLength(1);
    await bed.redis.del('{lf}:source:acme:auth0:live:lock', '{lf}:watcher');
    await aWatch().round();
    expect(stops()).toHaveLength(1);
  });

  test('is told once of one that cannot be read', async () => {
    await aTenant('acme');
    await bed.redis.hset('{lf}:sources:acme', 'auth0', '{"id":"auth0","type":"of tomorrow"}');
    await aWatch().round();
    await bed.redis.del('{lf}:watcher');
    await aWatch().round();
    expect(stops()).toMatchObject([{ code: 'source.unreadable', about: { sourceId: 'auth0' } }]);
  });
});

test('what is remembered of a source goes with it, and with a channel what was reported there', async () => {
  await aTenant('acme');
  await store.putSource('acme', source);
  const { sealedSecret } = source;
  for (const id of ['ops', 'gone']) {
    const channel = { id, kind: 'slack', host: 'x', sealedSecret, dailyReportHour: 0 };
    await bed.redis.hset('{lf}:channels:acme', id, JSON.stringify(Channel.parse(channel)));
  }
  const watch = aWatch();
  const remembered = async () =>
    (await bed.redis.hkeys('{lf}:watch:acme')).filter((name) => /source|report/.test(name)).sort();
  await watch.round();
  expect(await remembered()).toEqual(['report/gone/auth0', 'report/ops/auth0', 'source/auth0']);
  await bed.redis.hdel('{lf}:channels:acme', 'gone');
  await watch.round();
  expect(await remembered()).toEqual(['report/ops/auth0', 'source/auth0']);
  await bed.redis.hset('{lf}:sources:acme', 'auth0', '{"of":"another version"}');
  await watch.round();
  expect(await remembered()).toEqual(['report/ops/auth0', 'source/auth0']);
  await store.deleteSource('acme', 'auth0');
  await watch.round();
  expect(await remembered()).toEqual([]);
});

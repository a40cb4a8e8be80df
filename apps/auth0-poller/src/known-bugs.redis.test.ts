// What is known to be wrong with Auth0's own "Logs to CloudWatch" extension: read in its source, seen by running it, or complained of in
// its threads. Each has a test here by its name, so that none comes back. What lies behind ingest is tested there as well: that a call to
// AWS is in order of time and within its limits in libs/queue/src/chunk.test.ts and batch-store.redis.test.ts, that what AWS refuses is kept
// with its reason in e2e/dead-letters.test.ts.
import { fetchClientToken } from '@logferry/auth0';
import { RunLease } from '@logferry/sources';
import { buildChunks, encodeFragment } from '@logferry/queue';
import { aCloudWatchLane, aLogEvent, until } from '@logferry/testing';
import { CLIENT, DOMAIN, PLACE, PollerBed } from './run-source.testbed';

let bed: PollerBed;

beforeAll(async () => {
  bed = await PollerBed.start();
});

beforeEach(async () => {
  await bed.reset();
});

afterAll(async () => {
  await bed.stop();
});

const idsOf = (logs: readonly { log_id: string }[]): string[] => logs.map((log) => log.log_id);
const away = { status: 503, headers: { 'retry-after': '0' } };

test('a batch is skipped after 5 retries: the checkpoint jumps over it', async () => {
  const filled = bed.auth0Tenant.fill(50);
  let failures = 0;
  bed.ingest.answer = () => (++failures <= 6 ? away : undefined);
  await bed.run({}, bed.poller({ holdMs: 60_000 }));
  expect(failures).toBeGreaterThan(6);
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
});

test('retries are counted for the run: batch after batch uses them up', async () => {
  const filled = bed.auth0Tenant.fill(100);
  bed.configure({ batchSize: 10 });
  let asked = 0;
  bed.ingest.answer = () => (asked++ % 3 < 2 ? away : undefined);
  expect(await bed.run({}, bed.poller({ holdMs: 60_000 }))).toMatchObject({
    state: 'succeeded',
    accepted: 100,
  });
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
}, 60_000);

test('retries come at once, one after the other', async () => {
  bed.auth0Tenant.fill(1);
  const askedAtMs: number[] = [];
  bed.ingest.answer = () => {
    askedAtMs.push(Date.now());
    return askedAtMs.length < 3 ? { status: 503, headers: { 'retry-after': '1' } } : undefined;
  };
  const run = await bed.run({}, bed.poller({ holdMs: 60_000 }));
  expect((askedAtMs[2] ?? 0) - (askedAtMs[0] ?? 0)).toBeGreaterThan(1_900);
  expect(run.waitedMs.ingest).toBeGreaterThan(1_900);
});

test('a killed run sends everything again that it had sent: the checkpoint is stored once, at the end', async () => {
  const filled = bed.auth0Tenant.fill(300);
  const checkpoints: (string | undefined)[] = [];
  bed.ingest.answer = async () => {
    checkpoints.push((await bed.runs.position(PLACE)).checkpoint);
    return undefined as never;
  };
  await bed.run();
  expect(checkpoints).toEqual([undefined, ...[0, 100, 200].map((i) => filled[i]?.log_id)]);
});

test('every run takes the newest 22 seconds and no more', async () => {
  bed.auth0Tenant.fill(2_500);
  expect(await bed.run()).toMatchObject({ accepted: 2_500 });
});

test('codes that are in no table are dropped as soon as LOG_LEVEL is set', async () => {
  bed.auth0Tenant.add({ type: 'brandnew' }, { type: 's' }, { type: 'brandnew' }, { type: 'fp' });
  bed.configure({ logLevel: 3 });
  const run = await bed.run();
  expect(bed.ingest.taken.map(({ message }) => message.type)).toEqual([
    'brandnew',
    'brandnew',
    'fp',
  ]);
  expect(run).toMatchObject({ accepted: 3, filtered: 1, unknownTypes: { brandnew: 2 } });
});

test('a list of types with nothing but the blank of the form lets nothing pass', async () => {
  bed.auth0Tenant.fill(5);
  bed.configure({ logTypes: ['-'] });
  expect(await bed.run()).toMatchObject({ accepted: 5, filtered: 0 });
});

test('filters make pages small: each is filled up with requests for the rest', async () => {
  bed.auth0Tenant.fill(400, { types: ['s', 's', 's', 's', 's', 's', 's', 's', 's', 'fp'] });
  bed.configure({ logLevel: 3 });
  expect(await bed.run()).toMatchObject({ accepted: 40, filtered: 360 });
  const pages = bed.auth0Tenant.calls.filter(({ operation }) => operation === 'page');
  expect(pages).toHaveLength(5);
});

test('START_FROM of the same value does nothing, however it is asked for', async () => {
  const filled = bed.auth0Tenant.fill(10);
  const startFrom = filled[6]?.log_id;
  bed.configure({ startFrom });
  await bed.run();
  await bed.run();
  expect(bed.ingest.logIds).toEqual(idsOf(filled.slice(7))); // once, and not with each run
  await bed.runs.setCheckpoint(PLACE, { after: startFrom ?? '' });
  await bed.run();
  expect(bed.ingest.logIds).toEqual([...idsOf(filled.slice(7)), ...idsOf(filled.slice(7))]);
  // What is sent again on purpose has no id, so that no destination takes it for a duplicate; what is new has one.
  expect(bed.ingest.taken.slice(3).map(({ id }) => id)).toEqual([undefined, undefined, undefined]);
  bed.auth0Tenant.add({ type: 's' });
  await bed.run();
  expect(bed.ingest.taken.at(-1)?.id).toBeDefined();
});

test('START_FROM leaves out the very log event that failed', async () => {
  const filled = bed.auth0Tenant.fill(10);
  bed.configure({ startFrom: filled[6]?.log_id, startFromInclusive: true });
  await bed.run();
  expect(bed.ingest.logIds).toEqual(idsOf(filled.slice(6)));
});

test('quiet runs are not recorded: nobody can tell them from none', async () => {
  bed.auth0Tenant.fill(3);
  await bed.run();
  await bed.run();
  const { runs, total } = await bed.runs.page(PLACE, { page: 0, perPage: 10 });
  expect(total).toBe(2);
  expect(runs[0]).toMatchObject({ state: 'succeeded', read: 0, apiCalls: 1 });
});

test('the export stops without a warning: newer log events are there, and none of them comes', async () => {
  bed.auth0Tenant.add({ type: 's', date: new Date(Date.now() - 7_200_000).toISOString() });
  await bed.run();
  bed.auth0Tenant.add({ type: 's', date: new Date(Date.now() - 3_600_000).toISOString() });
  bed.auth0.addFault({ operation: 'page', action: { kind: 'logs', change: () => [] } });
  expect(await bed.run()).toMatchObject({ state: 'succeeded', read: 0, warnings: ['silent'] });
  expect(bed.told.map(({ kind }) => kind)).toContain('source.silent');
});

test('log events of more than a week ago are a warning that nobody is sent', async () => {
  bed.auth0Tenant.add({ type: 's', date: new Date(Date.now() - 8 * 86_400_000).toISOString() });
  expect(await bed.run()).toMatchObject({ warnings: ['late'] });
  expect(bed.told.map(({ kind }) => kind)).toContain('source.late');
});

test('the time of a log event is that of its sending, the same for all of a batch', async () => {
  const filled = bed.auth0Tenant.fill(20, { everyMs: 60_000 });
  await bed.run();
  expect(bed.ingest.taken.map(({ time }) => time)).toEqual(
    filled.map(({ date }) => Date.parse(String(date))),
  );
});

test('at the rate limit a run ends early, and calls itself successful', async () => {
  bed.auth0Tenant.fill(60);
  bed.configure({ batchSize: 10 });
  bed.auth0.addFault({
    operation: 'page',
    skip: 2,
    times: 1,
    action: { kind: 'answer', httpStatus: 429, headers: { 'retry-after': '1' } },
  });
  const run = await bed.run();
  expect(run).toMatchObject({ state: 'succeeded', accepted: 60 });
  expect(run.waitedMs.api).toBeGreaterThan(0);
});

test('success is told, and nothing is at the target', async () => {
  bed.auth0Tenant.fill(5);
  bed.ingest.answer = () => ({ status: 200, body: {} }); // no word of how many were taken
  expect(await bed.run()).toMatchObject({ state: 'failed', accepted: 0 });
  bed.ingest.answer = () => undefined;
  bed.destinations = [];
  const run = await bed.run();
  expect(run).toMatchObject({ state: 'failed', error: { code: 'source.no_destination' } });
  expect((await bed.runs.position(PLACE)).checkpoint).toBeUndefined();
  expect(bed.told.map(({ kind }) => kind)).toEqual(['run.failed', 'run.failed']);
});

test('after answers of 429, log events come twice', async () => {
  const filled = bed.auth0Tenant.fill(60);
  bed.configure({ batchSize: 10 });
  const throttled = { kind: 'answer', httpStatus: 429, headers: { 'retry-after': '0' } } as const;
  bed.auth0.addFault({ operation: 'page', skip: 2, times: 2, action: throttled });
  let asked = 0;
  bed.ingest.answer = () =>
    asked++ % 2 === 0 ? { status: 429, headers: { 'retry-after': '0' } } : undefined;
  expect(await bed.run()).toMatchObject({ state: 'succeeded', accepted: 60, repeated: 0 });
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
});

test('the oldest runs are forgotten as soon as all of them take 400 KiB', async () => {
  const error = { code: 'source.fault', message: 'm'.repeat(1_000) } as const;
  for (let n = 0; n < 450; n++) {
    const lease = await RunLease.take(bed.redis, PLACE);
    await lease?.begin({ id: `old-${n}`, kind: 'schedule', atMs: Date.now() + n }, DOMAIN);
    await lease?.end({ state: 'failed', error, warnings: [], isCaughtUp: false, atMs: Date.now() });
  }
  await bed.run();
  const { runs, total } = await bed.runs.page(PLACE, { page: 0, perPage: 1_000 });
  expect(total).toBe(451);
  expect(JSON.stringify(runs).length).toBeGreaterThan(400 * 1024);
  expect(runs.map(({ id }) => id)).toContain('old-0');
});

test('a log event that is too large has its whole batch skipped after 5 tries', async () => {
  const filled = idsOf(bed.auth0Tenant.fill(40));
  const large = filled[17] ?? '';
  let refusals = 0;
  bed.ingest.answer = (events) => {
    if (!events.some(({ message }) => message.log_id === large)) return undefined;
    refusals++;
    return { status: 413 };
  };
  const run = await bed.run();
  expect(run).toMatchObject({ state: 'succeeded', accepted: 39, rejected: 1 });
  expect(run.rejections).toEqual([{ logId: large, code: 'request.too_large' }]);
  expect(bed.ingest.logIds).toEqual(filled.filter((id) => id !== large));
  expect(refusals).toBeGreaterThan(5);
});

test('a batch is in the order of the ids and not of the times, which AWS refuses whole', async () => {
  bed.auth0Tenant.fill(100, { everyMs: 1 });
  await bed.run();
  const limits = { ...aCloudWatchLane().limits, bytesMax: 12 }; // each a chunk by itself
  const lane = aCloudWatchLane({ limits });
  const times = bed.ingest.taken.map(({ time = 0 }) => time);
  const inOrder = times.toSorted((a, b) => a - b);
  expect(times).not.toEqual(inOrder);
  const fragments = times.map((timeMs) => encodeFragment(lane, aLogEvent({ timeMs })));
  expect(buildChunks(lane, fragments).map(({ firstMs }) => firstMs)).toEqual(inOrder);
});

test('nothing keeps two runs apart: both send, and the last one to end wins', async () => {
  const filled = bed.auth0Tenant.fill(200);
  bed.configure({ batchSize: 20 });
  const pollers = [bed.poller(), bed.poller(), bed.poller()];
  await Promise.all(pollers.map((poller) => poller.run(bed.job())));
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
  expect((await bed.runs.page(PLACE, { page: 0, perPage: 9 })).total).toBe(1);
});

test('a run that lost its source to another moves nothing any more', async () => {
  bed.auth0Tenant.fill(200);
  bed.configure({ batchSize: 20 });
  let checkpoint: string | undefined;
  const lock = '{lf}:source:acme:auth0:live:lock';
  bed.ingest.answer = async () => {
    if (bed.ingest.taken.length < 40 || checkpoint !== undefined) return undefined as never;
    await bed.redis.del(lock);
    await RunLease.take(bed.redis, PLACE);
    ({ checkpoint } = await bed.runs.position(PLACE));
    return undefined as never;
  };
  await bed.poller().run(bed.job());
  expect((await bed.runs.position(PLACE)).checkpoint).toBe(checkpoint);
  expect(bed.ingest.taken.length).toBeLessThan(100);
});

test('the access token lies in the storage, in clear', async () => {
  bed.auth0Tenant.fill(5);
  await bed.run();
  const everything = await bed.redis.keys('*');
  const texts = await Promise.all(everything.map(async (key) => (await bed.redis.dump(key)) ?? ''));
  expect(texts.join('\n')).not.toMatch(/eyJ[\w-]+\./);
});

test('an error is told as {}', async () => {
  bed.auth0Tenant.fill(5);
  bed.auth0.addFault({ operation: 'search', action: { kind: 'answer', httpStatus: 403 } });
  const run = await bed.run();
  expect(run).toMatchObject({ state: 'failed', error: { code: 'source.scope_missing' } });
  expect(run.error?.message).toContain('read:logs');
  expect(bed.told).toMatchObject([{ kind: 'run.failed', code: 'source.scope_missing' }]);
});

test('one server error too many ends the run for good where it was: it goes on by itself', async () => {
  const filled = bed.auth0Tenant.fill(40);
  bed.configure({ batchSize: 10 });
  bed.auth0.addFault({ operation: 'page', probability: 0.5, seed: 7, action: { kind: 'cut' } });
  await until(async () => (await bed.run()).state === 'succeeded', { timeoutMs: 25_000 });
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
}, 40_000);

test('a checkpoint is of the storage, whichever Auth0 tenant it was of', async () => {
  bed.auth0Tenant.fill(5);
  await bed.run();
  const other = 'globex.auth0.com';
  bed.auth0.addTenant({ domain: other, clients: [CLIENT] }).fill(3);
  bed.configure({ domain: other });
  const reach = { domains: '.auth0.com', endpointUrl: bed.auth0.url };
  const token = async (): Promise<string> =>
    (await fetchClientToken(reach, { domain: other, ...CLIENT }, 1_000)).accessToken;
  await bed.run({}, bed.poller({ tokens: { token } }));
  expect(bed.ingest.taken).toHaveLength(8);
});

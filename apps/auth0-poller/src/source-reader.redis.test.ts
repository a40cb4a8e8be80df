// Where a run begins to read, and what it reads where Auth0 has deleted what it would begin behind.
import { DOMAIN, PLACE, PollerBed } from './run-source.testbed';

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

test('of a busy log, the first run has everything: the oldest by date is not the first by id', async () => {
  const filled = bed.auth0Tenant.fill(900, { everyMs: 1 });
  await bed.run();
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
});

test('of a very busy log as well, whatever came late: a search ends with a thousand', async () => {
  const poller = bed.poller({ requestTimeoutMs: 20_000, holdMs: 60_000 });
  const filled = bed.auth0Tenant.fill(3_000, { everyMs: 1 });
  await bed.run({}, poller);
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
  await bed.reset();
  const { log } = bed.auth0Tenant;
  const beganMs = Date.now() - 600_000;
  const taken = (eventMs: number, takenMs: number) =>
    log.add({ type: 's', date: new Date(eventMs).toISOString() }, takenMs);
  const soon = Array.from({ length: 20 }, (_, i) => taken(beganMs + 60_000, beganMs + 60_001 + i));
  const late = Array.from({ length: 1_500 }, (_, i) => taken(beganMs + i, beganMs + 120_000 + i));
  await bed.run({}, poller);
  expect(bed.ingest.logIds).toEqual(idsOf([...soon, ...late]));
}, 60_000);

test('more within a millisecond than a search gives is looked for once, and not for ever', async () => {
  const date = new Date(Date.now() - 60_000).toISOString();
  const filled = bed.auth0Tenant.fill(1_200, { everyMs: 1, fields: () => ({ date }) });
  await bed.run({}, bed.poller({ requestTimeoutMs: 20_000, holdMs: 60_000 }));
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
}, 60_000);

test('a checkpoint that Auth0 refuses since it is gone leads to the oldest that is left', async () => {
  const refusal = {
    operation: 'page',
    times: 1,
    action: { kind: 'answer', httpStatus: 400 },
  } as const;
  bed.auth0Tenant.fill(5, { everyMs: 1 });
  await bed.run();
  bed.auth0Tenant.log.dropOldest(5);
  bed.auth0.addFault(refusal);
  // Everything was read a moment ago, and Auth0 keeps what comes for a day at least.
  expect(await bed.run()).toMatchObject({ state: 'succeeded', read: 0, warnings: [] });
  const more = bed.auth0Tenant.fill(3, { everyMs: 1 });
  bed.auth0.addFault(refusal);
  expect(await bed.run()).toMatchObject({ state: 'succeeded', read: 3, warnings: [] });
  expect(bed.ingest.logIds.slice(5)).toEqual(idsOf(more));
  // But what is there and is refused is a fault that nothing must hide.
  bed.auth0.addFault(refusal);
  const run = await bed.run();
  expect(run).toMatchObject({ state: 'failed', error: { code: 'source.request_refused' } });
});

test('what a run was about to hand over is found although its checkpoint is gone and refused', async () => {
  const filled = bed.auth0Tenant.fill(5, { everyMs: 1 });
  await bed.run();
  const more = bed.auth0Tenant.fill(3, { everyMs: 1 });
  bed.ingest.answer = () => ({ status: 500 });
  expect(await bed.run({}, bed.poller({ holdMs: 300 }))).toMatchObject({ state: 'failed' });
  bed.ingest.answer = () => undefined;
  bed.auth0Tenant.log.dropOldest(5);
  bed.auth0.addFault({ operation: 'page', times: 1, action: { kind: 'answer', httpStatus: 400 } });
  expect(await bed.run()).toMatchObject({ state: 'succeeded', accepted: 3 });
  expect(bed.ingest.logIds).toEqual(idsOf([...filled, ...more]));
});

test('a checkpoint that Auth0 has deleted is reported as a gap, and what is left is read', async () => {
  bed.auth0Tenant.fill(5);
  await bed.run();
  const old = (await bed.runs.position(PLACE)).checkpoint ?? '';
  await bed.redis.hdel('{lf}:source:acme:auth0:live:position', 'caughtUpAtMs');
  bed.auth0.addTenant({ domain: DOMAIN, clients: [...bed.auth0Tenant.clients.values()] });
  const left = bed.auth0.tenant(DOMAIN).fill(8, { everyMs: 1 });
  const run = await bed.run();
  expect(old).not.toBe('');
  expect(run).toMatchObject({ state: 'succeeded', warnings: ['gap'] });
  expect(bed.ingest.logIds.slice(5)).toEqual(idsOf(left));
  expect(bed.told.map(({ kind }) => kind)).toContain('source.gap');
});

test('a run that caught up in the future, by a clock that was wrong, hides no gap', async () => {
  bed.auth0Tenant.fill(5, { everyMs: 1 });
  await bed.run();
  const inTwoDaysMs = Date.now() + 2 * 86_400_000;
  await bed.redis.hset('{lf}:source:acme:auth0:live:position', 'caughtUpAtMs', inTwoDaysMs);
  bed.auth0Tenant.log.dropOldest(5);
  bed.auth0Tenant.fill(3, { everyMs: 1 });
  expect(await bed.run()).toMatchObject({ read: 3, warnings: ['gap'] });
});

test('a page that is larger than what is read at once is asked for in smaller ones', async () => {
  const filled = bed.auth0Tenant.fill(250, { everyMs: 1 });
  const body = `[${' '.repeat(33 * 1024 * 1024)}]`;
  bed.auth0.addFault({
    operation: 'page',
    skip: 1,
    times: 2,
    action: { kind: 'answer', httpStatus: 200, body },
  });
  const run = await bed.run({}, bed.poller({ requestTimeoutMs: 20_000 }));
  expect(run).toMatchObject({ state: 'succeeded', accepted: 250 });
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
  const takes = bed.auth0Tenant.calls.map(({ query }) => query.take).filter(Boolean);
  expect(takes).toEqual(['100', '100', '50', '25', '100', '100', '100']);
});

test('where silence is that of a checkpoint that is gone, the next run goes on with what is left', async () => {
  const hourAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();
  bed.auth0Tenant.add({ type: 's', date: hourAgo(3) });
  await bed.run();
  bed.auth0Tenant.log.dropOldest(1);
  const [left] = bed.auth0Tenant.add({ type: 's', date: hourAgo(1) });
  const nothing = { kind: 'logs', change: () => [] } as const;
  bed.auth0.addFault({ operation: 'page', times: 2, action: nothing });
  expect(await bed.run()).toMatchObject({ read: 0, warnings: ['silent'] });
  expect(await bed.run()).toMatchObject({ state: 'succeeded', read: 1, warnings: ['gap'] });
  expect(bed.ingest.logIds.at(-1)).toBe(left?.log_id);
});

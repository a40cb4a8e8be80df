// What a run promises. Each bug of the extension that this stands in for has a test of its own: known-bugs.redis.test.ts.
import { until } from '@logferry/testing';
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

test('everything is handed over once, in order, and the next run goes on behind it', async () => {
  const filled = bed.auth0Tenant.fill(250);
  const first = await bed.run();
  expect(first).toMatchObject({ state: 'succeeded', read: 250, accepted: 250, warnings: [] });
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
  expect(first.checkpoint).toBe(filled.at(-1)?.log_id);
  const more = bed.auth0Tenant.add({ type: 's' }, { type: 'f' }, { type: 'fp' });
  const second = await bed.run();
  expect(second).toMatchObject({ read: 3, firstCheckpoint: first.checkpoint });
  expect(bed.ingest.logIds.slice(250)).toEqual(idsOf(more));
});

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

test('a log event that is nested without end is refused, and keeps no other', async () => {
  const nested = (depth: number, inside = '1') => '['.repeat(depth) + inside + ']'.repeat(depth);
  const [first] = bed.auth0Tenant.add({ type: 's' });
  const id = (n: number) => String(BigInt(first?.log_id ?? '') + BigInt(n));
  const log = (n: number, details: string) =>
    `{"log_id":"${id(n)}","type":"s","date":"2026-11-21T10:00:00Z","details":${details}}`;
  const digits = '12345678901234567890123';
  const body = `[${[log(1, nested(100)), log(2, digits), log(3, nested(70_000))].join()}]`;
  bed.auth0.addFault({
    operation: 'page',
    times: 1,
    action: { kind: 'answer', httpStatus: 200, body },
  });
  let lines = '';
  bed.ingest.answer = (events) => {
    lines += JSON.stringify(events.map(({ message }) => message));
    if (events.length !== 3) return undefined;
    const rejected = [0, 2].map((index) => ({ index, code: 'event.message_too_deep' }));
    return { status: 202, body: { accepted: 1, rejected } };
  };
  const run = await bed.run();
  expect(run).toMatchObject({ state: 'succeeded', accepted: 2, rejected: 2, checkpoint: id(3) });
  expect(lines).toContain(nested(65, ''));
});

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

test('a log event has its own time, id and level, and comes as Auth0 gave it', async () => {
  const [log] = bed.auth0Tenant.add({
    type: 'fp',
    date: '2026-11-20T10:00:00.000Z',
    client_id: 'app',
  });
  bed.configure({ eventType: 'login', scope: 'project/web' });
  await bed.run();
  expect(bed.ingest.taken).toEqual([
    {
      id: log?.log_id,
      time: Date.parse('2026-11-20T10:00:00.000Z'),
      level: 'error',
      attributes: { logType: 'fp', clientId: 'app' },
      message: log,
    },
  ]);
  expect(bed.ingest.requests[0]?.query).toBe(
    '/v1/tenants/acme/events?type=login&scope=project%2Fweb',
  );
});

test('pages are of BATCH_SIZE, to Auth0 as to ingest', async () => {
  bed.auth0Tenant.fill(22);
  bed.configure({ batchSize: 7 });
  await bed.run();
  // The first one is found by its date, and alone.
  expect(bed.ingest.requests).toHaveLength(4);
  const pages = bed.auth0Tenant.calls.filter(({ operation }) => operation === 'page');
  expect(new Set(pages.map(({ query }) => query.take))).toEqual(new Set(['7']));
});

test('level and types leave out what is not wanted, and the checkpoint moves past it', async () => {
  const filled = bed.auth0Tenant.fill(40, { types: ['s', 'fp', 'limit_wc', 'depnote'] });
  bed.configure({ logLevel: 4, logTypes: ['depnote'] });
  const run = await bed.run();
  expect(run).toMatchObject({ read: 40, accepted: 20, filtered: 20 });
  expect(new Set(bed.ingest.taken.map(({ message }) => message.type))).toEqual(
    new Set(['limit_wc', 'depnote']),
  );
  expect(run.checkpoint).toBe(filled.at(-1)?.log_id);
});

test('while ingest takes nothing, nothing is skipped: the run waits, fails at its checkpoint, and the next one goes on', async () => {
  const filled = bed.auth0Tenant.fill(120);
  let open = true;
  bed.ingest.answer = (events) => {
    if (events.length > 1 && bed.ingest.taken.length >= 101) open = false;
    return open ? undefined : { status: 429, body: { code: 'tenant.backlog_full' } };
  };
  const failed = await bed.run();
  expect(failed).toMatchObject({
    state: 'failed',
    accepted: 101,
    checkpoint: filled[100]?.log_id,
    error: { code: 'source.backlog_full' },
  });
  expect(failed.waitedMs.ingest).toBeGreaterThan(0);
  expect(bed.told).toMatchObject([{ id: `run:${failed.id}`, kind: 'run.failed' }]);
  bed.ingest.answer = () => undefined;
  expect(await bed.run()).toMatchObject({ state: 'succeeded', accepted: 19 });
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
});

test('an answer of ingest that is lost is asked for again, and adds nothing twice', async () => {
  const filled = bed.auth0Tenant.fill(30);
  let lost = 0;
  bed.ingest.answer = () => {
    bed.ingest.losesAnswers = lost++ % 2 === 0;
    return undefined;
  };
  expect(await bed.run()).toMatchObject({ state: 'succeeded', accepted: 30, repeated: 0 });
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
});

test('what ingest refuses for good is counted and named, and everything else goes on', async () => {
  const filled = bed.auth0Tenant.fill(10);
  bed.ingest.answer = (events) =>
    events.length === 1
      ? undefined
      : {
          status: 202,
          body: {
            accepted: events.length - 1,
            rejected: [{ index: 0, code: 'event.message_too_large' }],
          },
        };
  const run = await bed.run();
  expect(run).toMatchObject({
    state: 'succeeded',
    read: 10,
    accepted: 9,
    rejected: 1,
    rejections: [{ logId: filled[1]?.log_id, code: 'event.message_too_large' }],
    warnings: ['rejected'],
  });
});

test('what ingest refuses for the state of the tenant is no refusal for good', async () => {
  const filled = bed.auth0Tenant.fill(4, { everyMs: 1 });
  let isFull = true;
  bed.ingest.answer = (events) => {
    if (!isFull || events.length < 3) return undefined;
    isFull = false;
    const rejected = [{ index: 1, code: 'event.tenant_backlog_full' }];
    return { status: 202, body: { accepted: events.length - 1, rejected } };
  };
  expect(await bed.run()).toMatchObject({ state: 'succeeded', accepted: 4, rejected: 0 });
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
});

test('a page that is too large for a request is handed over in parts', async () => {
  const filled = bed.auth0Tenant.fill(40);
  bed.ingest.answer = (events) => (events.length > 12 ? { status: 413 } : undefined);
  expect(await bed.run()).toMatchObject({ state: 'succeeded', accepted: 40, rejected: 0 });
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
});

test('log events that Auth0 gives otherwise than before are sent anew: twice is better than never', async () => {
  const filled = bed.auth0Tenant.fill(10);
  let isFirst = true;
  bed.ingest.answer = (events) => {
    if (events.length === 1 || !isFirst) return undefined;
    isFirst = false;
    return { status: 422, body: { code: 'request.idempotency_key_reused' } };
  };
  expect(await bed.run()).toMatchObject({ state: 'succeeded', accepted: 10, repeated: 9 });
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
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

test('a run that is cancelled ends before its next page, and its checkpoint is what was accepted', async () => {
  bed.auth0Tenant.fill(500);
  const job = bed.job();
  bed.ingest.answer = async () => {
    if (bed.ingest.taken.length > 100) await bed.runs.cancel(PLACE, job.runId);
    return undefined as never;
  };
  const run = await bed.run(job);
  expect(run.state).toBe('cancelled');
  expect(run.accepted).toBe(bed.ingest.taken.length);
  expect(run.checkpoint).toBe(bed.ingest.logIds.at(-1));
  bed.ingest.answer = () => undefined;
  await bed.run();
  expect(new Set(bed.ingest.logIds).size).toBe(500);
  expect(bed.ingest.taken).toHaveLength(500);
});

test('a source that is switched off in the middle of a run ends at once', async () => {
  bed.auth0Tenant.fill(500);
  bed.ingest.answer = () => {
    bed.configure({ enabled: false });
    return undefined;
  };
  expect(await bed.run()).toMatchObject({ state: 'cancelled' });
  expect(bed.ingest.taken.length).toBeLessThan(500);
});

test('a checkpoint that is set while a run is under way is where it goes on', async () => {
  const filled = bed.auth0Tenant.fill(300);
  let isSet = false;
  bed.ingest.answer = async () => {
    if (isSet || bed.ingest.taken.length < 201) return undefined as never;
    isSet = true;
    await bed.runs.setCheckpoint(PLACE, { at: filled[250]?.log_id ?? '' });
    return undefined as never;
  };
  await bed.run();
  expect(bed.ingest.logIds.filter((id) => id === filled[250]?.log_id).length).toBe(2);
  expect((await bed.runs.position(PLACE)).checkpoint).toBe(filled.at(-1)?.log_id);
});

test('the rate limit is kept to and waited for, and the run goes on to the end', async () => {
  bed.auth0Tenant.fill(150);
  bed.auth0Tenant.setRateLimit({ burst: 5, perSecond: 5 });
  bed.configure({ batchSize: 10 });
  const run = await bed.run();
  expect(run).toMatchObject({ state: 'succeeded', accepted: 150 });
  expect(run.waitedMs.api).toBeGreaterThan(0);
  const { calls } = bed.auth0Tenant;
  expect(calls.filter(({ httpStatus }) => httpStatus === 429)).toEqual([]);
  expect(Math.min(...calls.map(({ remaining = 9 }) => remaining))).toBeGreaterThanOrEqual(1);
});

test('a replay reads from a log event to another, beside the live run, and moves no checkpoint but its own', async () => {
  const filled = bed.auth0Tenant.fill(30);
  await bed.run();
  const before = await bed.runs.position(PLACE);
  bed.ingest.taken.length = 0;
  const at = filled[10]?.log_id ?? '';
  const to = { at: filled[19]?.log_id ?? '' };
  const run = await bed.run({ kind: 'replay', replay: { from: { at }, to, isMarked: true } });
  expect(run).toMatchObject({ kind: 'replay', state: 'succeeded', accepted: 10 });
  expect(bed.ingest.logIds).toEqual(idsOf(filled.slice(10, 20)));
  // A destination that leaves out duplicates must not leave out what was asked for again.
  expect(bed.ingest.taken.every(({ id }) => id === undefined)).toBe(true);
  expect(bed.ingest.taken[0]?.attributes.replay).toBe(run.id);
  bed.ingest.taken.length = 0;
  await bed.run({ kind: 'replay', replay: { from: { after: at }, to, isMarked: false } });
  expect(bed.ingest.logIds).toEqual(idsOf(filled.slice(11, 20)));
  expect(bed.ingest.taken[0]?.attributes.replay).toBeUndefined();
  expect(await bed.runs.position(PLACE)).toEqual(before);
});

test('a replay by time has what happened then, and ends with what there was when it began', async () => {
  const filled = bed.auth0Tenant.fill(60, { everyMs: 60_000 });
  const timeOf = (i: number): number => Date.parse(String(filled[i]?.date));
  const from = { timeMs: timeOf(20) };
  await bed.run({ kind: 'replay', replay: { from, to: { timeMs: timeOf(39) }, isMarked: false } });
  expect(bed.ingest.logIds).toEqual(idsOf(filled.slice(20, 40)));
  bed.ingest.taken.length = 0;
  const run = await bed.run({ kind: 'replay', replay: { from, isMarked: false } });
  expect(run.state).toBe('succeeded');
  expect(bed.ingest.logIds).toEqual(idsOf(filled.slice(20)));
});

test('a replay that goes on elsewhere ends with what there was when it began', async () => {
  const filled = bed.auth0Tenant.fill(300, { everyMs: 60_000 });
  const poller = bed.poller();
  bed.ingest.answer = () => {
    if (bed.ingest.taken.length > 100) poller.stop();
    return undefined;
  };
  const from = { timeMs: Date.parse(String(filled[0]?.date)) };
  const job = bed.job({ kind: 'replay', replay: { from, isMarked: false } });
  await expect(poller.run(job)).rejects.toThrow('goes on elsewhere');
  bed.ingest.answer = () => undefined;
  const { startedAtMs = 0 } = (await bed.runs.run(PLACE, job.runId)) ?? {};
  bed.auth0Tenant.add({ type: 's', date: new Date(startedAtMs + 1).toISOString() });
  const run = await bed.run(job);
  expect(run).toMatchObject({ state: 'succeeded', startedAtMs, accepted: 300, filtered: 1 });
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
});

test('a run of a source that was made a moment ago finds it, although the directory does not know it yet', async () => {
  bed.auth0Tenant.fill(5);
  const behind = { directory: { source: () => Promise.resolve(undefined) } };
  expect(await bed.run({}, bed.poller(behind))).toMatchObject({ state: 'succeeded', read: 5 });
  bed.configure({ enabled: false });
  await expect(bed.run({}, bed.poller(behind))).rejects.toThrow('is written down');
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

test('a poller that stops ends its run between two pages, and another one goes on', async () => {
  const filled = bed.auth0Tenant.fill(400);
  const poller = bed.poller();
  bed.ingest.answer = () => {
    if (bed.ingest.taken.length > 200) poller.stop();
    return undefined;
  };
  const run = await bed.run({}, poller);
  expect(run).toMatchObject({ state: 'interrupted' });
  bed.ingest.answer = () => undefined;
  await until(async () => (await bed.run()).state === 'succeeded');
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
});

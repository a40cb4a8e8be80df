// What a run promises. Each bug of the extension that this stands in for has a test of its own: known-bugs.redis.test.ts.
import { fetchClientToken } from '@logferry/auth0';
import type { Source } from '@logferry/core';
import { until } from '@logferry/testing';
import { NotNow } from './run-source';
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

test('a schedule that is changed leaves the checkpoint where it is', async () => {
  const filled = bed.auth0Tenant.fill(20);
  const { checkpoint } = await bed.run();
  bed.configure({ schedule: '30 4 * * *', timeZone: 'Europe/Berlin' });
  const more = bed.auth0Tenant.add({ type: 's' });
  expect(await bed.run()).toMatchObject({ firstCheckpoint: checkpoint, read: 1 });
  expect(bed.ingest.logIds).toEqual(idsOf([...filled, ...more]));
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

test('what ingest refuses for good is counted, named and told, and everything else goes on', async () => {
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
  const told = bed.told.filter(({ kind }) => kind === 'source.rejected');
  expect(told[0]).toMatchObject({ code: 'source.rejected', about: { sourceId: 'auth0' } });
  expect(new Set(told.map(({ id }) => id)).size).toBe(1);
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

/**
 * Something happens whenever Auth0 is asked for a page, so that none is empty. It is there at once, and not some hundred milliseconds later
 * as else: how many pages a run takes must not be a matter of how fast they are read.
 */
function neverQuiet(ids: string[], each: number, most: number): void {
  const fields = (): object => ({ date: new Date().toISOString() });
  const change = <T>(logs: T): T => {
    if (ids.length < most) ids.push(...idsOf(bed.auth0Tenant.fill(each, { everyMs: 0, fields })));
    return logs;
  };
  bed.auth0.addFault({ operation: 'page', action: { kind: 'logs', change } });
}

test('a run ends where something happens all the time: with what there was when it began', async () => {
  const ids = idsOf(bed.auth0Tenant.fill(150));
  neverQuiet(ids, 3, 400);
  const { checkpoint, ...run } = await bed.run();
  expect(run).toMatchObject({ state: 'succeeded' });
  expect(ids.length).toBeLessThan(160);
  expect(ids.indexOf(checkpoint ?? '')).toBeGreaterThanOrEqual(149);
  expect((await bed.runs.position(PLACE)).caughtUpAtMs).toBe(run.endedAtMs);
  bed.auth0.clearFaults();
  expect(await bed.run()).toMatchObject({ state: 'succeeded', firstCheckpoint: checkpoint });
  expect(bed.ingest.logIds).toEqual(ids);
});

test('a run goes on while its pages are full, however new that is', async () => {
  const ids = idsOf(bed.auth0Tenant.fill(31));
  bed.configure({ batchSize: 10 });
  neverQuiet(ids, 10, 101);
  await bed.run();
  expect(ids).toHaveLength(101);
  expect(bed.ingest.logIds).toEqual(ids);
});

test('a source that is made again under the id of a deleted one hands everything over again', async () => {
  const filled = bed.auth0Tenant.fill(20);
  await bed.run();
  await bed.runs.forget(PLACE);
  await bed.redis.del('{lf}:source:acme:auth0:live:lock'); // which keeps pollers away for a moment
  expect(await bed.run()).toMatchObject({ state: 'succeeded', accepted: 20 });
  expect(bed.ingest.logIds).toEqual([...idsOf(filled), ...idsOf(filled)]);
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
  const behind = { directory: { ...bed.known, source: () => Promise.resolve(undefined) } };
  expect(await bed.run({}, bed.poller(behind))).toMatchObject({ state: 'succeeded', read: 5 });
  bed.configure({ enabled: false });
  await expect(bed.run({}, bed.poller(behind))).rejects.toThrow('is written down');
});

test('a replay whose lease was lost comes back, and goes on where it was', async () => {
  const filled = bed.auth0Tenant.fill(300, { everyMs: 1 });
  const job = bed.job({
    kind: 'replay',
    replay: { from: { at: filled[0]?.log_id ?? '' }, isMarked: false },
  });
  const lock = `{lf}:source:acme:auth0:replay-${job.runId}:lock`;
  let isLost = false;
  bed.ingest.answer = async () => {
    if (!isLost && bed.ingest.taken.length > 100) isLost = (await bed.redis.del(lock)) === 1;
    return undefined as never;
  };
  await expect(bed.poller().run(job)).rejects.toBeInstanceOf(NotNow);
  expect(isLost).toBe(true);
  expect(await bed.run(job)).toMatchObject({ state: 'succeeded', accepted: 300 });
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
});

test('a run that has ended asks Auth0 for nothing any more', async () => {
  bed.auth0Tenant.fill(300, { everyMs: 1 });
  const hanging = bed.auth0.addFault({ operation: 'page', skip: 1, action: { kind: 'hang' } });
  bed.ingest.answer = async () => {
    await until(() => hanging.hits > 0);
    return { status: 401 };
  };
  const run = await bed.run({}, bed.poller({ requestTimeoutMs: 60_000 }));
  expect(run).toMatchObject({ state: 'failed', error: { code: 'source.ingest_refused' } });
  const pages = (): number =>
    bed.auth0Tenant.calls.filter(({ operation }) => operation === 'page').length;
  await until(() => pages() === 2, { what: 'the call that hung was given up' });
  expect(hanging.hits).toBe(1);
});

test('a token is of the Auth0 tenant that it is shown to, also while the domain is changed', async () => {
  bed.auth0Tenant.fill(300, { everyMs: 1 });
  const asked: (string | undefined)[] = [];
  const token = async (_: string, source: Source): Promise<string> => {
    asked.push(source.domain);
    const reach = { domains: '.auth0.com', endpointUrl: bed.auth0.url };
    return (await fetchClientToken(reach, { domain: DOMAIN, ...CLIENT }, 5_000)).accessToken;
  };
  bed.auth0.addFault({ operation: 'page', action: { kind: 'latency', forMs: 50 } });
  bed.ingest.answer = () => {
    bed.configure({ domain: 'globex.auth0.com' });
    return undefined;
  };
  expect(await bed.run({}, bed.poller({ tokens: { token } }))).toMatchObject({
    state: 'cancelled',
  });
  expect(new Set(asked)).toEqual(new Set([DOMAIN]));
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

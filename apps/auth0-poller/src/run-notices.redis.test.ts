// What a run's owner is told, whenever its poller dies.
import type { Notification } from '@logferry/core';
import { DOMAIN, PLACE, PollerBed } from './run-source.testbed';

let bed: PollerBed;
beforeAll(async () => {
  bed = await PollerBed.start();
});
beforeEach(() => bed.reset());
afterAll(() => bed.stop());

test('a gap is reported although the run that found it dies in the middle', async () => {
  bed.auth0Tenant.fill(5);
  await bed.run();
  await bed.redis.hdel('{lf}:source:acme:auth0:live:position', 'caughtUpAtMs');
  bed.auth0.addTenant({ domain: DOMAIN, clients: [...bed.auth0Tenant.clients.values()] });
  const left = bed.auth0.tenant(DOMAIN).fill(8, { everyMs: 1 });
  const lock = '{lf}:source:acme:auth0:live:lock';
  bed.ingest.answer = async () => {
    await bed.redis.set(lock, 'of another process'); // as when this one was killed, and its lease ended
    return undefined as never;
  };
  const job = bed.job();
  await bed.poller().run(job);
  await bed.redis.del(lock);
  bed.ingest.answer = () => undefined;
  await bed.run();
  expect(bed.ingest.logIds.slice(5)).toEqual(left.map(({ log_id }) => log_id));
  const gaps = bed.told.filter(({ kind }) => kind === 'source.gap');
  expect(new Set(gaps.map(({ id }) => id)).size).toBe(1);
  const died = await bed.runs.run(PLACE, job.runId);
  expect(died).toMatchObject({ state: 'interrupted', warnings: ['gap'] });
});

describe('that a source is late', () => {
  const DAY_MS = 86_400_000;
  const lock = '{lf}:source:acme:auth0:live:lock';
  const lates = (): Notification[] => bed.told.filter(({ kind }) => kind === 'source.late');
  const fillOld = (logs: number, days = 8) =>
    bed.auth0Tenant.fill(logs, {
      everyMs: 1,
      fields: () => ({ date: new Date(Date.now() - days * DAY_MS).toISOString() }),
    });

  test('is told although its run fails in the middle', async () => {
    fillOld(250);
    bed.ingest.answer = () => (bed.ingest.taken.length > 100 ? { status: 403 } : undefined);
    expect(await bed.run()).toMatchObject({ state: 'failed', warnings: ['late'] });
    expect(lates()).toHaveLength(1);
  });

  test('is told although its runs fail before they read anything', async () => {
    fillOld(250);
    bed.ingest.answer = () => (bed.ingest.taken.length > 100 ? { status: 403 } : undefined);
    await bed.run();
    bed.told.length = 0;
    bed.destinations = [];
    const run = await bed.run();
    expect(run).toMatchObject({ state: 'failed', read: 0, warnings: ['late'] });
    expect(lates()).toHaveLength(1);
  });

  test('is told when its poller is stopped', async () => {
    fillOld(250);
    const poller = bed.poller();
    bed.ingest.answer = () => {
      if (bed.ingest.taken.length > 100) poller.stop();
      return undefined;
    };
    expect(await bed.run({}, poller)).toMatchObject({ state: 'interrupted', warnings: ['late'] });
    expect(lates()).toHaveLength(1);
  });

  test('is told although each of its runs dies: by the second one, as soon as it reads', async () => {
    fillOld(500);
    const dying = async (logs: number): Promise<void> => {
      bed.ingest.answer = async () => {
        if (bed.ingest.taken.length > logs) await bed.redis.set(lock, 'of another process');
        return undefined as never;
      };
      await bed.poller().run(bed.job());
      await bed.redis.del(lock);
    };
    await dying(1);
    expect(lates()).toEqual([]);
    await dying(201);
    expect(lates()).toHaveLength(1);
  });

  test('is not said of one that has caught up within a week, and fails while nothing happens', async () => {
    fillOld(3, 6);
    await bed.run();
    const daysAgo = (days: number): number => Date.now() - days * DAY_MS;
    const times = { newestMs: daysAgo(9), caughtUpAtMs: daysAgo(3) };
    await bed.redis.hset('{lf}:source:acme:auth0:live:position', times);
    bed.destinations = [];
    expect(await bed.run()).toMatchObject({ state: 'failed', warnings: [] });
    expect(lates()).toEqual([]);
  });
});

test('how a run ended is told before it is written down, so that a poller that dies in between is not silent', async () => {
  bed.auth0Tenant.fill(2);
  bed.ingest.answer = () => ({ status: 403, body: { code: 'auth.scope_missing' } });
  const states: unknown[] = [];
  const job = bed.job();
  const notify = async (told: Notification): Promise<void> => {
    states.push(told.kind, told.run?.state, (await bed.runs.run(PLACE, job.runId))?.state);
  };
  await bed.poller({ notify }).run(job);
  expect(states).toEqual(['run.failed', 'failed', 'running']);
  const run = await bed.runs.run(PLACE, job.runId);
  expect(run).toMatchObject({ state: 'failed', error: { code: 'source.ingest_refused' } });
});

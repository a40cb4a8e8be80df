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

// What a run does with log events that nobody would have.
import { aDestination, PLACE, PollerBed } from './run-source.testbed';

let bed: PollerBed;
beforeAll(async () => {
  bed = await PollerBed.start();
});
beforeEach(() => bed.reset());
afterAll(() => bed.stop());

const idsOf = (logs: readonly { log_id: string }[]): string[] => logs.map((log) => log.log_id);

test.each([
  ['was deleted', []],
  ['is switched off', [aDestination({ enabled: false })]],
  ['does not take the type', [aDestination({ filter: { types: ['deployment'] } })]],
])('where the destination %s, nothing is read, and the run after it goes on', async (_, left) => {
  const filled = bed.auth0Tenant.fill(20);
  await bed.run();
  const { checkpoint } = await bed.runs.position(PLACE);
  const more = bed.auth0Tenant.add({ type: 's' }, { type: 'f' });
  bed.auth0Tenant.calls.length = 0;
  const taking = bed.destinations;
  bed.destinations = left;
  const held = await bed.run();
  expect(held).toMatchObject({
    state: 'failed',
    error: { code: 'source.no_destination' },
    read: 0,
  });
  expect(bed.auth0Tenant.calls).toEqual([]);
  expect((await bed.runs.position(PLACE)).checkpoint).toBe(checkpoint);
  expect(bed.told.at(-1)).toMatchObject({ kind: 'run.failed', code: 'source.no_destination' });
  bed.destinations = taking;
  expect(await bed.run()).toMatchObject({ state: 'succeeded', accepted: 2 });
  expect(bed.ingest.logIds).toEqual(idsOf([...filled, ...more]));
});

test('a destination that is deleted in the middle of a run holds it behind the page before', async () => {
  const filled = bed.auth0Tenant.fill(300);
  bed.ingest.answer = () => {
    if (bed.ingest.taken.length > 100) bed.destinations = [];
    return undefined;
  };
  const held = await bed.run();
  expect(held).toMatchObject({ state: 'failed', error: { code: 'source.no_destination' } });
  expect(held.accepted).toBe(bed.ingest.taken.length);
  bed.ingest.answer = () => undefined;
  bed.destinations = [aDestination()];
  await bed.run();
  expect(bed.ingest.logIds).toEqual(idsOf(filled));
});

test('a replay that nobody would have fails as well, and is told', async () => {
  const [log] = bed.auth0Tenant.fill(3);
  bed.destinations = [];
  const replay = { from: { at: log?.log_id ?? '' }, isMarked: false };
  const run = await bed.run({ kind: 'replay', replay });
  expect(run).toMatchObject({ state: 'failed', error: { code: 'source.no_destination' } });
  expect(bed.told).toMatchObject([{ kind: 'run.failed', code: 'source.no_destination' }]);
});

test('a destination that was made a moment ago is found, although the directory does not know it yet', async () => {
  bed.auth0Tenant.fill(3);
  const directory = { ...bed.known, tenant: () => Promise.resolve({ destinations: [] }) };
  const run = await bed.run({}, bed.poller({ directory }));
  expect(run).toMatchObject({ state: 'succeeded', accepted: 3 });
});

test('where a destination cannot be read, ingest has the word', async () => {
  bed.auth0Tenant.fill(3);
  bed.ingest.answer = () => ({ status: 503, body: { code: 'tenant.unreadable' } });
  const tenant = () => Promise.resolve({ destinations: [], unreadable: [] });
  const run = await bed.run({}, bed.poller({ directory: { ...bed.known, tenant } }));
  expect(run).toMatchObject({ state: 'failed', error: { code: 'source.ingest_unavailable' } });
});

test('log events that no destination wants are counted and told, and everything else goes on', async () => {
  bed.auth0Tenant.fill(10);
  bed.ingest.answer = (events) =>
    events.length === 1
      ? undefined
      : { status: 202, body: { accepted: events.length, filtered: 4, rejected: [] } };
  const job = bed.job();
  const run = await bed.run(job);
  expect(run).toMatchObject({ state: 'succeeded', accepted: 10, unwanted: 4 });
  expect(run.warnings).toEqual(['unwanted']);
  const told = bed.told.filter(({ kind }) => kind === 'source.unwanted');
  expect(told[0]).toMatchObject({ code: 'source.unwanted', about: { sourceId: 'auth0' } });
  expect(new Set(told.map(({ id }) => id)).size).toBe(1);
});

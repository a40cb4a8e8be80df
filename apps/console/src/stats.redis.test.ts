// The numbers of a dashboard over HTTP: those of the queues themselves, and for each tenant its own.
import { Failure } from '@logferry/core';
import { aCloudWatchLane, until } from '@logferry/testing';
import { useConsoleTestbed } from './console.testbed';
import type { StatsView } from './stats-view';

const bed = useConsoleTestbed();
const SLOWEST_MS = 60_000;

const destination = {
  ...{ type: 'cloudwatch', preset: 'env0', region: 'eu-central-1' },
  credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
};

beforeEach(async () => {
  for (const tenantId of ['acme', 'globex']) {
    await bed.call(`/v1/tenants/${tenantId}`, { method: 'PUT', body: {} });
    const path = `/v1/tenants/${tenantId}/destinations/cw`;
    expect((await bed.call(path, { method: 'PUT', body: destination })).status).toBe(201);
  }
});

const send = (tenantId: string, messages: string[]) =>
  bed.send(aCloudWatchLane({ id: `${tenantId}/cw/lane`, tenantId, lingerMs: 0 }), messages);
const stats = async (query = '', headers = {}): Promise<StatsView> => {
  const { status, body } = await bed.json<StatsView>(`/v1/stats${query}`, { headers });
  expect(status).toBe(200);
  return body;
};
const keyOf = async (body: object): Promise<{ authorization: string }> => {
  const made = await bed.json<{ key: string }>('/v1/keys', { method: 'POST', body });
  return { authorization: `Bearer ${made.body.key}` };
};

/** Delivered to globex, with one refused; and held by acme. */
async function someDone(): Promise<void> {
  bed.consume(({ tenantId }) => {
    if (tenantId === 'acme') throw new Failure('cloudwatch.access_denied');
    const rejected = [{ code: 'cloudwatch.log_event_too_old', from: 0, to: 1 } as const];
    return Promise.resolve({ rejected });
  });
  await send('acme', ['one', 'two']);
  await send('globex', ['three', 'four', 'five']);
  await until(async () => (await bed.sum('waiting')) === 2);
  await until(async () => (await bed.call('/v1/held-destinations')).text.includes('acme'));
  await bed.stopWorkers();
}

test('where nothing was sent, all numbers are 0 and nothing lags', async () => {
  const { totals, unaccounted, queues, destinations, cursor } = await stats();
  expect(totals).toMatchObject({ accepted: 0, delivered: 0, waiting: 0, rejectedBy: {} });
  expect({ unaccounted, cursor }).toEqual({ unaccounted: 0, cursor: null });
  const jobs = { waiting: 0, active: 0, delayed: 0, failed: 0 };
  const idle = { jobs, heldDestinations: 0, lagMs: null };
  expect(queues).toEqual([
    { sink: 'cloudwatch', ...idle },
    { sink: 's3', ...idle },
  ]);
  expect(destinations.map(({ tenant, hold, lagMs }) => [tenant, hold, lagMs])).toEqual([
    ['acme', null, null],
    ['globex', null, null],
  ]);
});

test('the platform is told of all: what is delivered, refused, held, and how long it has waited', async () => {
  await someDone();
  // Not everybody who asks has all looked through that waits.
  await until(async () => (await stats()).destinations[0]?.lagMs !== null);
  const { totals, unaccounted, queues, destinations } = await stats('', {
    ...(await keyOf({ name: 'ops', scopes: ['read'] })),
  });
  const tooOld = { rejected: 1, rejectedBy: { 'cloudwatch.log_event_too_old': 1 } };
  expect(totals).toMatchObject({ accepted: 5, delivered: 2, waiting: 2, ...tooOld });
  expect(unaccounted).toBe(0);
  expect(queues?.[0]).toMatchObject({ sink: 'cloudwatch', heldDestinations: 1 });
  const { jobs, lagMs } = queues?.[0] ?? { jobs: undefined, lagMs: -1 };
  expect((jobs?.waiting ?? 0) + (jobs?.active ?? 0) + (jobs?.delayed ?? 0)).toBeGreaterThan(0);
  const [acme, globex] = destinations;
  expect(acme).toMatchObject({
    ...{ tenant: 'acme', destination: 'cw', sink: 'cloudwatch', enabled: true },
    ...{ accepted: 2, waiting: 2, delivered: 0 },
    hold: { kind: 'suspended', reason: 'cloudwatch.access_denied', batches: 1 },
  });
  expect(globex).toMatchObject({ delivered: 2, waiting: 0, hold: null, lagMs: null, ...tooOld });
  for (const lag of [acme?.lagMs, lagMs]) {
    expect(lag).toBeGreaterThanOrEqual(0);
    expect(lag).toBeLessThan(SLOWEST_MS);
  }
});

test("a tenant's key is told of its own, and of nothing else", async () => {
  await someDone();
  const own = await stats('', await keyOf({ name: 'own', tenant: 'globex', scopes: ['read'] }));
  expect(own).not.toHaveProperty('queues');
  expect(own.totals).toMatchObject({ accepted: 3, delivered: 2, rejected: 1, waiting: 0 });
  expect(own.unaccounted).toBe(0);
  expect(own.destinations.map(({ tenant }) => tenant)).toEqual(['globex']);
  expect(JSON.stringify(own)).not.toContain('acme');
  const headers = await keyOf({ name: 'sender', tenant: 'acme', scopes: ['send'] });
  expect((await bed.call('/v1/stats', { headers })).status).toBe(403);
});

test('destinations are told by pages of tenants', async () => {
  const first = await stats('?limit=1');
  expect(first.destinations.map(({ tenant }) => tenant)).toEqual(['acme']);
  const second = await stats(`?limit=1&cursor=${first.cursor}`);
  expect(second.destinations.map(({ tenant }) => tenant)).toEqual(['globex']);
  expect(second.cursor).toBeNull();
  expect((await bed.call('/v1/stats?limit=0')).status).toBe(400);
});

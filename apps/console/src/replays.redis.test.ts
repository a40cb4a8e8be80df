// Replays over HTTP: asked for, looked at and cancelled, by whom they belong to and nobody else.
import { shardOf } from '@logferry/core';
import { KeptBatches, ReplayKeeper, Replays, type Deliver } from '@logferry/queue';
import { aCloudWatchLane, until } from '@logferry/testing';
import { useConsoleTestbed } from './console.testbed';
import type { ReplaysView, ReplayView } from './replay-view';

const bed = useConsoleTestbed();
const ADDRESS = '/v1/tenants/acme/destinations/cw/replays';
const destination = {
  type: 'cloudwatch',
  region: 'eu-central-1',
  preset: 'env0',
  credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
  keep: { forMs: 3_600_000, bytesMax: 64 * 1024 * 1024 },
};
const EVER = { from: '2026-01-01T00:00:00Z' };

beforeEach(async () => {
  for (const tenant of ['acme', 'globex']) {
    await bed.call(`/v1/tenants/${tenant}`, { method: 'PUT', body: {} });
    const at = `/v1/tenants/${tenant}/destinations/cw`;
    expect((await bed.call(at, { method: 'PUT', body: destination })).status).toBe(201);
  }
});

const shard = shardOf('acme', 'cw', 2);
const written: string[] = [];
const write: Deliver = async (batch, payload) => {
  written.push((await payload.load()).body('', '').toString());
  return { rejected: [], keep: { bytesMax: 1e9, isEvent: false } };
};

/** Batches that were delivered, and are kept. */
async function keepSome(batches: number): Promise<void> {
  const store = bed.stores[shard];
  for (let i = 0; i < batches; i++) {
    const lane = aCloudWatchLane({ id: `acme/cw/${i}` });
    const begun = await store?.begin(await bed.send(lane, [`first of ${i}`, `second of ${i}`]));
    if (begun === undefined) throw new Error('it is there');
    const keep = { bytesMax: 1e9, tenantBytesMax: 1e12, isEvent: false };
    await store?.settle(begun.batch, { rejected: [], keep });
  }
}

const begin = (body: object = EVER) =>
  bed.json<ReplayView & { code?: string }>(ADDRESS, { method: 'POST', body });

test('what is kept is shown: how much of it, and since when', async () => {
  const empty = await bed.json<ReplaysView>(ADDRESS);
  expect(empty).toEqual({
    status: 200,
    body: {
      kept: { batches: 0, logEvents: 0, bytes: 0, since: null, until: null },
      replays: [],
    },
  });
  await keepSome(3);
  const { body } = await bed.json<ReplaysView>(ADDRESS);
  expect(body.kept).toMatchObject({ batches: 3, logEvents: 6 });
  expect(Date.parse(body.kept.since ?? '')).toBeLessThanOrEqual(Date.parse(body.kept.until ?? ''));
});

test('a replay is asked for, taken on by a worker and told how far it is', async () => {
  await keepSome(6);
  const { status, body } = await begin({ ...EVER, mark: true });
  expect(status).toBe(201);
  expect(body).toMatchObject({
    state: 'running',
    by: 'delivered',
    from: '2026-01-01T00:00:00.000Z',
    mark: true,
    endedAt: null,
    total: { batches: 6, logEvents: 12 },
    replayed: { batches: 0, logEvents: 0 },
  });
  const store = bed.stores[shard];
  if (store === undefined) throw new Error('there is such a shard');
  const replays = new Replays(store, new KeptBatches(store));
  const silent = { replayed: () => undefined, replayDone: () => undefined, error: () => undefined };
  const room = { tenantBytesMax: () => 1e12, hasRoom: () => true };
  const keeper = new ReplayKeeper({ replays, sink: 'cloudwatch' }, room, silent);
  bed.consume(write);
  const of = `${ADDRESS}/${body.id}`;
  const done = await until(
    async () => {
      const { body: now } = await bed.json<ReplayView>(of);
      return now.state === 'done' && now;
    },
    { timeoutMs: 30_000 },
  );
  expect(done).toMatchObject({
    replayed: { batches: 6, logEvents: 12 },
    underWay: 0,
    deadLettered: 0,
  });
  expect(written.filter((text) => text.includes('first of')).length).toBe(6);
  expect(await bed.sum('delivered')).toBe(24);
  const listed = await bed.json<ReplaysView>(ADDRESS);
  expect(listed.body.replays).toEqual([done]);
  expect(listed.body.kept.batches).toBe(6);
  keeper.stop();
  await replays.close();
}, 60_000);

test('one is cancelled once, and then another may be asked for', async () => {
  await keepSome(1);
  const { body } = await begin();
  const second = await begin();
  expect(second).toMatchObject({ status: 409, body: { code: 'replay.running', running: body.id } });
  const cancel = () => bed.json(`${ADDRESS}/${body.id}/cancel`, { method: 'POST' });
  expect(await cancel()).toMatchObject({ status: 200, body: { state: 'cancelled' } });
  expect(await cancel()).toMatchObject({ status: 409, body: { code: 'replay.ended' } });
  expect((await begin()).status).toBe(201);
});

test.each<[object, string]>([
  [{}, '$.from'],
  [{ from: 'yesterday' }, '$.from'],
  [{ ...EVER, by: 'luck' }, '$.by'],
  [{ ...EVER, to: '2025-01-01T00:00:00Z' }, '$.to'],
  [{ ...EVER, till: 1 }, '$.till'],
])('%j is refused, and says why', async (body, path) => {
  await keepSome(1);
  const answer = await bed.json<{ problems: { path: string }[] }>(ADDRESS, {
    method: 'POST',
    body,
  });
  expect(answer.status).toBe(422);
  expect(answer.body.problems.map((problem) => problem.path)).toContain(path);
});

test('where nothing is kept, or there is no destination, or one that only shows, nothing is replayed', async () => {
  const at = '/v1/tenants/acme/destinations/cw';
  await bed.call(at, { method: 'PUT', body: { ...destination, keep: undefined } });
  expect(await begin()).toMatchObject({ status: 409, body: { code: 'replay.nothing_kept' } });
  await bed.call(at, { method: 'PUT', body: destination });
  expect(await begin()).toMatchObject({ status: 201, body: { total: { batches: 0 } } });
  const nowhere = '/v1/tenants/acme/destinations/nowhere/replays';
  expect((await bed.call(nowhere)).status).toBe(404);
  await keepSome(1);
  const shows = { method: 'POST', body: EVER, to: bed.readOnlyApp };
  expect((await bed.call(ADDRESS, shows)).status).toBe(405);
});

test("a tenant's own key asks for its own replays, and sees none of another's", async () => {
  await keepSome(1);
  const { body } = await begin();
  const keyOf = async (tenant: string, scopes: string[]): Promise<{ authorization: string }> => {
    const minted = await bed.json<{ key: string }>('/v1/keys', {
      method: 'POST',
      body: { name: 'own', tenant, scopes },
    });
    return { authorization: `Bearer ${minted.body.key}` };
  };
  const theirs = { headers: await keyOf('globex', ['admin']) };
  const own = { headers: await keyOf('acme', ['admin']) };
  const reads = { headers: await keyOf('acme', ['read']) };
  const of = `${ADDRESS}/${body.id}`;
  expect((await bed.call(of, theirs)).status).toBe(404);
  expect((await bed.call(ADDRESS, theirs)).status).toBe(404);
  expect((await bed.call(`${of}/cancel`, { ...theirs, method: 'POST' })).status).toBe(404);
  const disguised = `/v1/tenants/globex/destinations/cw/replays/${body.id}`;
  expect((await bed.call(disguised, theirs)).status).toBe(404);
  expect((await bed.call(`${disguised}/cancel`, { ...theirs, method: 'POST' })).status).toBe(404);
  expect((await bed.call(of, reads)).status).toBe(200);
  expect((await bed.call(`${of}/cancel`, { ...reads, method: 'POST' })).status).toBe(403);
  expect((await bed.call(`${of}/cancel`, { ...own, method: 'POST' })).status).toBe(200);
});

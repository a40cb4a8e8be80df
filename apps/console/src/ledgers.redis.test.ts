// The ledger over HTTP: the numbers of the queues themselves, over all shards, and for each tenant its own.
import { destinationKey, shardOf } from '@logferry/core';
import { aCloudWatchLane, until } from '@logferry/testing';
import { useConsoleTestbed } from './console.testbed';
import type { LedgersView, LedgerView } from './ledger-desk';

const bed = useConsoleTestbed();

const roleArn = 'arn:aws:iam::123456789012:role/logferry';
const destination = {
  type: 'cloudwatch',
  preset: 'env0',
  region: 'eu-central-1',
  credentials: { kind: 'web_identity', roleArn },
};
const at = (tenantId: string, destinationId: string): string =>
  `/v1/tenants/${tenantId}/destinations/${destinationId}`;

beforeEach(async () => {
  for (const tenantId of ['acme', 'globex']) {
    await bed.call(`/v1/tenants/${tenantId}`, { method: 'PUT', body: {} });
    await bed.call(at(tenantId, 'cw'), { method: 'PUT', body: destination });
  }
});

const send = (destinationId: string, messages: string[], tenantId = 'acme') =>
  bed.send(
    aCloudWatchLane({
      id: `${tenantId}/${destinationId}/lane`,
      tenantId,
      destinationId,
      lingerMs: 0,
    }),
    messages,
  );
const ledger = async (destinationId: string) =>
  (await bed.json<LedgerView>(`${at('acme', destinationId)}/ledger`)).body;

test('it says where the log events of each destination are, with the reason of what was refused', async () => {
  await bed.call(at('acme', 'idle'), { method: 'PUT', body: destination });
  await bed.call(at('acme', 'strict'), { method: 'PUT', body: destination });
  await send('cw', ['one', 'two']);
  await send('strict', ['three', 'four', 'five']);
  bed.consume(({ destinationId }) =>
    Promise.resolve({
      rejected:
        destinationId === 'strict'
          ? [{ code: 'cloudwatch.log_event_too_old', from: 0, to: 1 }]
          : [],
    }),
  );
  await until(async () => (await bed.sum('waiting')) === 0);
  await bed.stopWorkers();
  await send('cw', ['six']);
  const none = { rejected: 0, rejectedBy: {}, deadLettered: 0, discarded: 0, discardedBy: {} };
  const { status, body } = await bed.json<LedgersView>('/v1/tenants/acme/ledgers');
  expect({ status, body }).toEqual({
    status: 200,
    body: {
      ledgers: [
        { destination: 'cw', accepted: 3, delivered: 2, waiting: 1, ...none },
        { destination: 'idle', accepted: 0, delivered: 0, waiting: 0, ...none },
        {
          ...none,
          destination: 'strict',
          accepted: 3,
          delivered: 2,
          waiting: 0,
          rejected: 1,
          rejectedBy: { 'cloudwatch.log_event_too_old': 1 },
        },
      ],
    },
  });
  for (const one of body.ledgers) expect(await ledger(one.destination)).toEqual(one);
});

test('what was counted in the shard of before is counted', async () => {
  const home = shardOf('acme', 'cw', bed.stores.length);
  await bed.redis.hset(`{lf-${1 - home}}:ledger:${destinationKey('acme', 'cw')}`, {
    accepted: 5,
    delivered: 5,
  });
  await send('cw', ['one']);
  expect(await ledger('cw')).toMatchObject({ accepted: 6, delivered: 5, waiting: 1 });
});

test('a destination that was deleted is still accounted for, and one that never was is not there', async () => {
  await bed.deadLetters(1);
  await bed.call(at('acme', 'cw'), { method: 'DELETE' });
  expect(await ledger('cw')).toMatchObject({ accepted: 2, deadLettered: 2 });
  expect((await bed.json('/v1/tenants/acme/ledgers')).body).toEqual({ ledgers: [] });
  expect(await bed.json(`${at('acme', 'other')}/ledger`)).toMatchObject({
    status: 404,
    body: { code: 'config.unknown_destination' },
  });
  expect(await bed.json('/v1/tenants/initech/ledgers')).toMatchObject({
    status: 404,
    body: { code: 'tenant.unknown' },
  });
});

test("a tenant's key is told of its own numbers, and of nobody else's", async () => {
  await send('cw', ['one'], 'globex');
  const { body: made } = await bed.json<{ key: string }>('/v1/keys', {
    method: 'POST',
    body: { name: 'acme', tenant: 'acme', scopes: ['read'] },
  });
  const headers = { authorization: `Bearer ${made.key}` };
  const asked = (path: string) => bed.json(path, { headers });
  expect(await asked('/v1/tenants/acme/ledgers')).toMatchObject({
    status: 200,
    body: { ledgers: [{ destination: 'cw', accepted: 0 }] },
  });
  expect((await asked(`${at('acme', 'cw')}/ledger`)).status).toBe(200);
  for (const path of ['/v1/tenants/globex/ledgers', `${at('globex', 'cw')}/ledger`])
    expect(await asked(path)).toMatchObject({ status: 404, body: { code: 'request.not_found' } });
});

test('a key that only sends is told nothing', async () => {
  const { body: made } = await bed.json<{ key: string }>('/v1/keys', {
    method: 'POST',
    body: { name: 'acme', tenant: 'acme', scopes: ['send'] },
  });
  const headers = { authorization: `Bearer ${made.key}` };
  expect((await bed.json('/v1/tenants/acme/ledgers', { headers })).status).toBe(403);
});

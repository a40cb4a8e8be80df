// The last deliveries of a destination over HTTP, with real queues and a worker.
import { aCloudWatchLane, until } from '@logferry/testing';
import { useConsoleTestbed } from './console.testbed';
import type { DeliveriesView } from './deliveries-view';

const bed = useConsoleTestbed();
const at = (tenantId: string, destinationId = 'cw'): string =>
  `/v1/tenants/${tenantId}/destinations/${destinationId}/deliveries`;

const deliveries = async (path: string): Promise<DeliveriesView['deliveries']> => {
  const { status, body } = await bed.json<DeliveriesView>(path);
  expect(status).toBe(200);
  return body.deliveries;
};

const send = (n: number, tenantId = 'acme') => {
  const target = { sink: 'cloudwatch', logGroup: 'group', logStream: `stream-${n}` } as const;
  const id = `${tenantId}/cw/${n}`;
  return bed.send(aCloudWatchLane({ id, tenantId, target, lingerMs: 0 }), ['a secret text', 'two']);
};

async function someDelivered(): Promise<void> {
  bed.consume(({ tenantId }) =>
    Promise.resolve({
      rejected:
        tenantId === 'acme' ? [{ code: 'cloudwatch.log_event_too_old', from: 0, to: 1 }] : [],
    }),
  );
  for (let n = 0; n < 2; n++) await send(n);
  await send(0, 'globex');
  await until(async () => (await bed.sum('waiting')) === 0);
  await until(async () => (await deliveries(at('globex'))).length === 1);
  await until(async () => (await deliveries(at('acme'))).length === 4);
  await bed.stopWorkers();
}

beforeEach(async () => {
  for (const tenantId of ['acme', 'globex']) {
    await bed.call(`/v1/tenants/${tenantId}`, { method: 'PUT', body: {} });
    await bed.call(`/v1/tenants/${tenantId}/destinations/cw`, {
      method: 'PUT',
      body: {
        ...{ type: 'cloudwatch', preset: 'env0', region: 'eu-central-1' },
        credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
      },
    });
  }
});

test('what was delivered and what was refused is told, the newest first, without what it says', async () => {
  await someDelivered();
  const all = await deliveries(at('acme'));
  const delivered = all.filter(({ outcome }) => outcome === 'delivered');
  expect(delivered.map(({ target }) => target).toSorted()).toEqual([
    'group stream-0',
    'group stream-1',
  ]);
  for (const one of delivered) expect(one).toMatchObject({ reason: null, logEvents: null });
  expect(delivered.every(({ begun }) => (begun ?? 0) >= 1)).toBe(true);
  expect(all.find(({ outcome }) => outcome === 'rejected')).toMatchObject({
    ...{ reason: 'cloudwatch.log_event_too_old', logEvents: 1, begun: null },
    message: expect.stringMatching(/./) as string,
  });
  const times = all.map(({ at: when }) => Date.parse(when));
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  expect(JSON.stringify(all)).not.toContain('secret');
  expect(await deliveries(`${at('acme')}?limit=1`)).toEqual(all.slice(0, 1));
});

test('what was given up is told with the reason', async () => {
  await bed.deadLetters(1);
  expect(await deliveries(at('acme'))).toMatchObject([
    { outcome: 'dead_lettered', reason: 'cloudwatch.unavailable', logEvents: 2 },
  ]);
});

test("to a tenant's key only its own, and of what there is not nothing", async () => {
  await send(0, 'globex');
  const made = await bed.json<{ key: string }>('/v1/keys', {
    method: 'POST',
    body: { name: 'own', tenant: 'acme', scopes: ['read'] },
  });
  const headers = { authorization: `Bearer ${made.body.key}` };
  expect(await bed.json(at('acme'), { headers })).toEqual({
    status: 200,
    body: { deliveries: [] },
  });
  expect((await bed.call(at('globex'), { headers })).status).toBe(404);
  expect((await bed.call(at('acme', 'nope'))).status).toBe(404);
  expect((await bed.call(`${at('acme')}?limit=0`)).status).toBe(400);
});

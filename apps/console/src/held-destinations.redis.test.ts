// Held destinations over HTTP, with real queues and a worker: who is held, why, whose move it is, and the word to try it at once.
import { Failure, type FailureCode } from '@logferry/core';
import { aCloudWatchLane, until } from '@logferry/testing';
import { useConsoleTestbed } from './console.testbed';

const bed = useConsoleTestbed();

interface Shown {
  tenant: string;
  destination: string;
  kind: string;
  reason: FailureCode;
  message: string;
  fault: string;
  since: string;
  batches: number;
}

const list = async (): Promise<Shown[]> =>
  (await bed.json<{ heldDestinations: Shown[] }>('/v1/held-destinations')).body.heldDestinations;

/** Two destinations of two tenants, which may lie in different shards. */
async function hold(): Promise<{ mend: (tenantId: string) => void }> {
  const mended = new Set<string>();
  bed.consume(({ tenantId }) => {
    if (!mended.has(tenantId)) throw new Failure('cloudwatch.access_denied');
    return Promise.resolve({ rejected: [] });
  });
  for (const tenantId of ['acme', '<globex>']) {
    const lane = aCloudWatchLane({ id: `${tenantId}/cw/lane`, tenantId, lingerMs: 0 });
    await bed.send(lane, ['waits']);
  }
  await until(async () => (await list()).length === 2);
  return { mend: (tenantId) => void mended.add(tenantId) };
}

test('who is held is listed with the reason, whose move it is, and since when', async () => {
  const before = Date.now();
  await hold();
  const held = await list();
  expect(held.map(({ tenant }) => tenant).sort()).toEqual(['<globex>', 'acme']);
  expect(held.find(({ tenant }) => tenant === 'acme')).toMatchObject({
    destination: 'cw',
    sink: 'cloudwatch',
    kind: 'suspended',
    reason: 'cloudwatch.access_denied',
    message: expect.stringContaining('logs:PutLogEvents') as string,
    fault: 'tenant',
    batches: 1,
  });
  expect(Date.parse(held[0]?.since ?? '')).toBeGreaterThanOrEqual(before - 1_000);
  const { text } = await bed.call('/');
  expect(text).toContain('cloudwatch.access_denied');
  expect(text).not.toContain('<globex>');
  expect((await bed.call('/metrics')).text).toMatch(
    /logferry_held_destinations\{[^}]*sink="cloudwatch"[^}]*\} 2/,
  );
});

test('once its owner has acted, a word lets it go on at once', async () => {
  const { mend } = await hold();
  mend('acme');
  const asked = await bed.json('/v1/tenants/acme/destinations/cw/resume', { method: 'POST' });
  expect(asked).toMatchObject({ status: 202, body: { outcome: 'probing' } });
  await until(async () => (await list()).length === 1);
  expect(await bed.sum('delivered')).toBe(1);
  mend('<globex>');
  const path = `/tenants/${encodeURIComponent('<globex>')}/destinations/cw/resume`;
  expect((await bed.call(path, { method: 'POST' })).status).toBe(303);
  await until(async () => (await bed.sum('delivered')) === 2);
  expect(await list()).toEqual([]);
});

test('what is not held cannot be resumed, and a console that only shows resumes nothing', async () => {
  const path = '/v1/tenants/acme/destinations/cw/resume';
  expect(await bed.json(path, { method: 'POST' })).toMatchObject({
    status: 404,
    body: { code: 'console.not_held' },
  });
  expect(await bed.json(path, { method: 'POST', to: bed.readOnlyApp })).toMatchObject({
    status: 405,
    body: { code: 'console.read_only' },
  });
});

describe('a word suspends a destination', () => {
  const PATH = '/v1/tenants/acme/destinations/cw';
  const post = (path: string, to = bed.app) => bed.json(path, { method: 'POST', to });

  beforeEach(async () => {
    await bed.call('/v1/tenants/acme', { method: 'PUT', body: {} });
    const body = {
      ...{ type: 'cloudwatch', region: 'eu-central-1', preset: 'env0', enabled: false },
      credentials: {
        kind: 'web_identity',
        roleArn: 'arn:aws:iam::123456789012:role/logferry',
      },
    };
    expect((await bed.call(PATH, { method: 'PUT', body })).status).toBe(201);
  });

  test('which keeps what comes for it until another word resumes it', async () => {
    const calls: string[] = [];
    bed.consume(({ id }) => {
      calls.push(id);
      return Promise.resolve({ rejected: [] });
    });
    expect(await post(`${PATH}/suspend`)).toEqual({
      status: 200,
      body: { tenant: 'acme', destination: 'cw', outcome: 'suspended' },
    });
    expect((await post(`${PATH}/suspend`)).status).toBe(200);
    await bed.send(aCloudWatchLane({ lingerMs: 0 }), ['waits']);
    await until(async () => (await list())[0]?.batches === 1);
    expect(await list()).toMatchObject([
      {
        ...{ tenant: 'acme', destination: 'cw', kind: 'suspended', nextProbeAt: null },
        reason: 'destination.suspended_by_hand',
        fault: 'tenant',
      },
    ]);
    expect((await bed.call('/')).text).toContain('when it is resumed');
    expect(calls).toEqual([]);
    expect((await post(`${PATH}/resume`)).status).toBe(202);
    await until(async () => (await list()).length === 0);
    expect(await bed.sum('delivered')).toBe(1);
  });

  test('with a key of its tenant that changes things, and no other', async () => {
    const keyOf = async (tenant: string, scopes: string[]): Promise<object> => {
      const { body } = await bed.json<{ key: string }>('/v1/keys', {
        method: 'POST',
        body: { name: tenant, tenant, scopes },
      });
      return { authorization: `Bearer ${body.key}` };
    };
    await bed.call('/v1/tenants/globex', { method: 'PUT', body: {} });
    for (const [tenant, scope, status] of [
      ['globex', 'admin', 404],
      ['acme', 'read', 403],
      ['acme', 'admin', 200],
    ] as const) {
      const headers = (await keyOf(tenant, [scope])) as Record<string, string>;
      const answer = await bed.call(`${PATH}/suspend`, { method: 'POST', headers });
      expect(answer.status).toBe(status);
    }
  });

  test('that there is, and nothing where the console only shows', async () => {
    expect((await post(`${PATH}x/suspend`)).status).toBe(404);
    expect((await post(`${PATH}/suspend`, bed.readOnlyApp)).status).toBe(405);
    expect(await list()).toEqual([]);
  });
});

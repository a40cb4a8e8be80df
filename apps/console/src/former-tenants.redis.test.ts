// Tenants that were deleted: their id is not given again unasked, and whoever is given it finds nothing of them.
import { SourceRuns } from '@logferry/sources';
import {
  ConfigStore,
  ConnectionResults,
  wideRolePlace,
  type Actor,
  type RecordWrite,
} from '@logferry/store';
import { useConsoleTestbed } from './console.testbed';
import { TenantDesk } from './tenant-desk';
import { WaitingLogEvents } from './waiting-log-events';

const bed = useConsoleTestbed();

const ACME = '/v1/tenants/acme';
const role = 'arn:aws:iam::123456789012:role/logferry';
const destination = {
  type: 'cloudwatch',
  region: 'eu-central-1',
  credentials: { kind: 'web_identity', roleArn: role },
  cloudwatch: { logGroup: 'logs', logStream: 'all' },
};
const variables = { ENV0_CLOUDWATCH_ROLE_ARN: role, ENV0_CLOUDWATCH_AWS_REGION: 'eu-central-1' };

const put = (path: string, body: object = {}) =>
  bed.json<{ code?: string }>(path, { method: 'PUT', body });
const remove = (path: string) => bed.json(path, { method: 'DELETE' });
const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
async function mint(): Promise<string> {
  const body = { name: 'tests', tenant: 'acme', scopes: ['admin'] };
  return (await bed.json<{ key: string }>('/v1/keys', { method: 'POST', body })).body.key;
}

test('the id of a tenant that was deleted is not given again unasked', async () => {
  expect((await put(`${ACME}?again=true`)).status).toBe(201);
  await remove(ACME);
  expect(await put(ACME)).toMatchObject({ status: 409, body: { code: 'config.former_tenant' } });
  expect((await bed.call(ACME)).status).toBe(404);
  expect((await put('/v1/tenants/globex')).status).toBe(201);
  expect((await put(`${ACME}?again=true`)).status).toBe(201);
  expect((await put(ACME, { name: 'Acme' })).status).toBe(200);
  await remove(ACME);
  expect((await put(ACME)).status).toBe(409);
});

test('who is given the id finds nothing of the former tenant, whose keys open nothing', async () => {
  await put(ACME, { name: 'The former' });
  await put(`${ACME}/destinations/logs`, destination);
  await put(`${ACME}/variables`, { variables });
  const former = await mint();
  await new ConnectionResults(bed.redis).put('acme/logs', {
    kind: 'test',
    outcome: 'passed',
    atMs: Date.now(),
    triedFor: 'x',
    steps: [{ step: 'identity', found: { account: 'of the former' } }],
  });
  expect((await bed.call(`${ACME}/destinations/logs/test`)).status).toBe(200);
  const store = new ConfigStore(bed.redis);
  await store.write({ kind: 'check' }, [
    { place: wideRolePlace('acme', `web_identity ${role}`), to: { value: {} } },
  ]);
  await remove(ACME);
  expect(await store.wideRoleIds('acme')).toEqual([]);
  await put(`${ACME}?again=true`);
  await put(`${ACME}/destinations/logs`, destination);
  const own = bearer(await mint());

  const { entries } = (await bed.json<{ entries: { before: object | null }[] }>('/v1/audit', own))
    .body;
  expect(entries.map(({ before }) => before)).toEqual([null, null, null]);
  const newest = await bed.json<{ entries: object[] }>(
    '/v1/audit?order=newest&after=9999999999999',
    own,
  );
  expect(newest.body.entries).toHaveLength(3);
  expect((await bed.json<{ keys: object[] }>('/v1/keys', own)).body.keys).toHaveLength(1);
  expect((await bed.json(`${ACME}/scopes`, own)).body).toMatchObject({ scopes: [] });
  expect((await bed.call(`${ACME}/destinations/logs/test`, own)).status).toBe(404);
  expect((await bed.call(ACME, bearer(former))).status).toBe(401);

  const all = await bed.json<{ entries: object[] }>('/v1/audit?tenant=acme&limit=200');
  expect(JSON.stringify(all.body)).toContain('The former');
});

/** A store in which others write between the steps of a deletion. */
class Shared extends ConfigStore {
  meanwhile: (() => Promise<unknown>)[] = [];

  override async write(by: Actor, writes: readonly RecordWrite[]) {
    await this.meanwhile.shift()?.();
    const written = await super.write(by, writes);
    await this.meanwhile.shift()?.();
    return written;
  }
}

test('what is added while a tenant is deleted goes as well, and what is of the next one stays', async () => {
  await put(ACME);
  const store = new Shared(bed.redis);
  const keys: string[] = [];
  const addKey = async () => keys.push(await mint());
  store.meanwhile = [addKey, async () => (await put(`${ACME}?again=true`), addKey())];
  const desk = new TenantDesk(store, new WaitingLogEvents(bed.stores), new SourceRuns(bed.redis), {
    readOnly: false,
    forwardsAuditTrail: false,
  });
  await desk.delete('acme', { caller: undefined, headers: {} }, false);
  const left = (await store.keys()).map(({ id }) => id);
  expect(left).toEqual([keys[1]?.slice(3, 15)]);
});

// Sealing anew over HTTP: a key of the broker can go when nothing that is stored needs it any more. The broker's part is played by one
// whose seals say which key made them.
import { Destination, Source } from '@logferry/core';
import type { RunningApp } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import { startSessionBroker, type SessionBroker } from '@logferry/testing';
import { useConsoleTestbed } from './console.testbed';
import { ResealDesk } from './reseal-desk';

const bed = useConsoleTestbed();

let broker: SessionBroker;
let app: RunningApp;
let newest: string;

type Reply = ReturnType<Parameters<typeof startSessionBroker>[0]>;

beforeAll(async () => {
  broker = await startSessionBroker((request) => {
    const { sealedSecret, plainSecret } = request as unknown as Record<string, string | undefined>;
    const [, keyId = '', iv = '', sealed = ''] = (sealedSecret ?? '').split('.');
    const answer =
      plainSecret !== undefined
        ? { sealedSecret: `v1.${newest}.${'n'.repeat(16)}.${'s'.repeat(32)}` }
        : keyId === 'lost'
          ? { failure: 'credential.secret_unreadable' }
          : { sealedSecret: `v1.${newest}.${iv}.${sealed}` };
    return answer as unknown as Reply;
  });
  app = await bed.startApp({ LOGFERRY_BROKER_TCP_PORT: String(broker.port) });
});

beforeEach(() => {
  newest = 'old';
});

afterAll(async () => {
  await app.close();
  await broker.stop();
});

interface Resealed {
  resealed: number;
  unchanged: number;
  failed: object[];
  cursor: string | null;
}

const reseal = (query = '', to = app) =>
  bed.json<Resealed>(`/v1/reseal${query}`, { method: 'POST', to });
const roleArn = 'arn:aws:iam::123456789012:role/logferry';
const s3 = { type: 's3', region: 'eu-central-1', s3: { bucket: 'acme-logs' } };

async function put(tenantId: string, id: string, credentials?: object): Promise<void> {
  const accessKey = {
    kind: 'access_key',
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY',
  };
  await bed.call(`/v1/tenants/${tenantId}`, { method: 'PUT', body: {}, to: app });
  const { status } = await bed.call(`/v1/tenants/${tenantId}/destinations/${id}`, {
    method: 'PUT',
    to: app,
    body: { ...s3, credentials: credentials ?? accessKey },
  });
  expect(status).toBe(201);
}

async function stored(tenantId: string, id: string): Promise<Record<string, unknown>> {
  const text = (await bed.redis.hget(`{lf}:destinations:${tenantId}`, id)) ?? '{}';
  return JSON.parse(text) as Record<string, unknown>;
}

const keyIdOf = async (tenantId: string, id: string): Promise<string | undefined> =>
  ((await stored(tenantId, id)).credentials as { sealedSecret: string }).sealedSecret.split('.')[1];

test('every secret is sealed with the newest key, once; nothing else of a destination changes', async () => {
  await put('acme', 'logs');
  await put('acme', 'role', { kind: 'web_identity', roleArn });
  await put('globex', 'logs');
  newest = 'new';
  const before = await stored('acme', 'logs');
  const none = { failed: [], cursor: null };
  expect((await reseal()).body).toEqual({ resealed: 2, unchanged: 0, ...none });
  expect(await Promise.all([keyIdOf('acme', 'logs'), keyIdOf('globex', 'logs')])).toEqual([
    'new',
    'new',
  ]);
  const after = await stored('acme', 'logs');
  expect({ ...after, credentials: undefined }).toEqual({ ...before, credentials: undefined });
  const trail = await bed.redis.xlen('{lf}:changes');
  expect((await reseal()).body).toEqual({ resealed: 0, unchanged: 2, ...none });
  expect(await bed.redis.xlen('{lf}:changes')).toBe(trail);
});

test('the secret of a source is sealed anew as that of a destination, and one that is lost is named', async () => {
  await put('acme', 'logs');
  const store = new ConfigStore(bed.redis);
  const aSource = (id: string, keyId: string) =>
    Source.parse({
      id,
      type: 'auth0',
      domain: 'acme.eu.auth0.com',
      clientId: 'client',
      sealedSecret: `v1.${keyId}.${'n'.repeat(16)}.${'s'.repeat(32)}`,
    });
  await store.putSource('acme', aSource('auth0', 'old'));
  await store.putSource('acme', aSource('staging', 'lost'));
  newest = 'new';
  expect((await reseal()).body).toMatchObject({
    resealed: 2,
    failed: [
      { tenantId: 'acme', kind: 'source', id: 'staging', code: 'credential.secret_unreadable' },
    ],
  });
  expect(await store.source('acme', 'auth0')).toEqual(aSource('auth0', 'new'));
});

test('a page at a time comes to all tenants', async () => {
  for (const tenantId of ['acme', 'globex', 'initech']) await put(tenantId, 'logs');
  newest = 'new';
  const first = await reseal('?limit=2');
  expect(first.body).toMatchObject({ resealed: 2, cursor: expect.any(String) as string });
  const second = await reseal(`?limit=2&cursor=${first.body.cursor}`);
  expect(second.body).toMatchObject({ resealed: 1, cursor: null });
});

test('a secret that no key opens is named and left as it is, and the others are sealed', async () => {
  newest = 'lost';
  await put('acme', 'logs');
  newest = 'old';
  await put('globex', 'logs');
  newest = 'new';
  expect((await reseal()).body).toMatchObject({
    resealed: 1,
    failed: [
      { tenantId: 'acme', kind: 'destination', id: 'logs', code: 'credential.secret_unreadable' },
    ],
  });
  expect(await keyIdOf('acme', 'logs')).toBe('lost');
});

test('a destination that cannot be read may hold a secret, and is named', async () => {
  await put('acme', 'logs');
  await bed.redis.hset('{lf}:destinations:acme', 'later', '{"credentials":{"kind":"later"}}');
  expect((await reseal()).body.failed).toEqual([
    { tenantId: 'acme', kind: 'destination', id: 'later', code: 'destination.unreadable' },
  ]);
});

test('what is changed while it is sealed is not written over', async () => {
  await put('acme', 'logs');
  newest = 'new';
  const store = new ConfigStore(bed.redis);
  const disabled = Destination.parse({ ...(await stored('acme', 'logs')), enabled: false });
  const desk = new ResealDesk({
    store,
    readOnly: false,
    broker: {
      reseal: async (_place, sealedSecret) => {
        await store.putDestination('acme', disabled);
        return sealedSecret.replace('.old.', '.new.');
      },
    },
  });
  const asked = { caller: undefined, headers: {} };
  expect(await desk.run(asked, { limit: 50 })).toMatchObject({ resealed: 1, failed: [] });
  expect(await stored('acme', 'logs')).toMatchObject({ enabled: false });
  expect(await keyIdOf('acme', 'logs')).toBe('new');
});

test("a tenant's key and a console that only shows do not seal, and without a broker it is said", async () => {
  await put('acme', 'logs');
  const { key } = (
    await bed.json<{ key: string }>('/v1/keys', {
      method: 'POST',
      body: { name: 'all', tenant: 'acme', scopes: ['admin'] },
    })
  ).body;
  const asTenant = await bed.call('/v1/reseal', {
    method: 'POST',
    to: app,
    headers: { authorization: `Bearer ${key}` },
  });
  expect(asTenant.status).toBe(404);
  expect((await reseal('', bed.readOnlyApp)).status).toBe(405);
  const alone = await bed.startApp({ LOGFERRY_BROKER_TCP_PORT: '1' });
  expect(await reseal('', alone)).toMatchObject({
    status: 503,
    body: { code: 'console.broker_unavailable' },
  });
  await alone.close();
});

// Credentials over HTTP: what a customer may enter of them, what is stored, and that no secret comes back from anywhere. The broker's part
// is played by one that seals by turning a text around.
import { BrokerDesk, Secret, type RunningApp } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import { startSessionBroker, type SessionBroker } from '@logferry/testing';
import { useConsoleTestbed } from './console.testbed';
import { DestinationDesk } from './destination-desk';
import { WaitingLogEvents } from './waiting-log-events';

const bed = useConsoleTestbed();

const EXTERNAL_ID = 'logferry-0123456789abcdef';
const SECRET = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY';
const OTHER_SECRET = `${SECRET.slice(1)}Z`;
const PATH = '/v1/tenants/acme/destinations/logs';

let broker: SessionBroker;
let app: RunningApp;
let seals = 0;

beforeAll(async () => {
  broker = await startSessionBroker((request) => {
    const asked = request as unknown as { plainSecret?: string };
    const answer =
      asked.plainSecret === undefined
        ? { externalId: EXTERNAL_ID }
        : { sealedSecret: `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}${++seals}` };
    return answer as unknown as ReturnType<Parameters<typeof startSessionBroker>[0]>;
  });
  app = await bed.startApp({ LOGFERRY_BROKER_TCP_PORT: String(broker.port) });
});
beforeEach(() => bed.call('/v1/tenants/acme', { method: 'PUT', body: {} }));
afterAll(async () => {
  await app.close();
  await broker.stop();
});

interface Answer {
  code?: string;
  problems?: { path: string }[];
  credentials: Record<string, unknown>;
  version: number;
}

const put = (credentials: object, over: object = {}) =>
  bed.json<Answer>(PATH, {
    method: 'PUT',
    to: app,
    body: { type: 's3', region: 'eu-central-1', s3: { bucket: 'acme-logs' }, credentials, ...over },
  });
const roleArn = 'arn:aws:iam::123456789012:role/logferry';
const accessKey = (over: object = {}) => ({
  kind: 'access_key',
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  ...over,
});
const sealedNow = async (): Promise<string> => {
  const stored = (await bed.redis.hget('{lf}:destinations:acme', 'logs')) ?? '';
  return (JSON.parse(stored) as { credentials: { sealedSecret: string } }).credentials.sealedSecret;
};

test('an ExternalId is made by us: it is shown, may be sent back, and no other is taken', async () => {
  const made = await put({ kind: 'assume_role', roleArn });
  expect(made).toMatchObject({ status: 201, body: { credentials: { externalId: EXTERNAL_ID } } });
  const back = await put({ kind: 'assume_role', roleArn, externalId: EXTERNAL_ID });
  expect(back.status).toBe(200);
  const chosen = await put({ kind: 'assume_role', roleArn, externalId: 'that-of-another-tenant' });
  expect(chosen).toMatchObject({
    status: 422,
    body: { code: 'config.invalid', problems: [{ path: '$.credentials.externalId' }] },
  });
});

test('a secret is sealed, and found nowhere: not in Redis, not in an answer, not in the trail', async () => {
  const made = await put(accessKey({ secretAccessKey: SECRET }));
  expect(made.status).toBe(201);
  expect(made.body.credentials).toEqual(accessKey());
  expect(await sealedNow()).toMatch(/^v1\.k1\./);
  const answers = [made, await put(accessKey({ secretAccessKey: SECRET, secret: SECRET }))];
  for (const path of [PATH, '/v1/tenants/acme/destinations', '/v1/audit'])
    answers.push(await bed.json<Answer>(path));
  const keys = await bed.redis.keys('*');
  const hashes = await Promise.all(
    keys.map(async (key) =>
      (await bed.redis.type(key)) === 'stream'
        ? bed.redis.xrange(key, '-', '+')
        : (await bed.redis.type(key)) === 'hash'
          ? bed.redis.hgetall(key)
          : bed.redis.get(key),
    ),
  );
  for (const text of [JSON.stringify(answers), JSON.stringify(hashes)])
    expect(text).not.toContain(SECRET);
  expect(JSON.stringify(answers)).not.toContain(await sealedNow());
});

test('a secret stays where none is entered for the same key, and another key needs its own', async () => {
  await put(accessKey({ secretAccessKey: SECRET }));
  const sealed = await sealedNow();
  expect((await put(accessKey(), { enabled: false })).status).toBe(200);
  expect(await sealedNow()).toBe(sealed);
  expect((await put(accessKey({ secretAccessKey: OTHER_SECRET }))).status).toBe(200);
  expect(await sealedNow()).not.toBe(sealed);
  const missing = await put(accessKey({ accessKeyId: 'AKIAIOSFODNN7ANOTHER' }));
  expect(missing).toMatchObject({
    status: 422,
    body: { problems: [{ path: '$.credentials.secretAccessKey' }] },
  });
  expect(await put(accessKey({ sealedSecret: sealed }))).toMatchObject({
    status: 422,
    body: { problems: [{ path: '$.credentials.sealedSecret' }] },
  });
});

test('of a secret and other changes at the same moment, neither is lost', async () => {
  await put(accessKey({ secretAccessKey: SECRET }));
  const before = await sealedNow();
  const answers = await Promise.all([
    put(accessKey({ secretAccessKey: OTHER_SECRET })),
    ...Array.from({ length: 5 }, (_, i) => put(accessKey(), { enabled: i % 2 === 0 })),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  expect(await sealedNow()).not.toBe(before);
});

test.each<Record<string, string>>([{}, { 'if-match': '*' }])(
  'a secret that is entered while another change is looked at is not written over by that (%j)',
  async (headers) => {
    await put(accessKey({ secretAccessKey: SECRET }));
    let entered: string | undefined;
    const store = new ConfigStore(bed.redis);
    const desk = new DestinationDesk({
      store,
      waiting: new WaitingLogEvents(bed.stores),
      broker: new BrokerDesk({
        host: '127.0.0.1',
        port: 1,
        secret: new Secret('not asked'),
        tls: undefined,
      }),
      check: async () => {
        if (entered !== undefined) return undefined;
        await put(accessKey({ secretAccessKey: OTHER_SECRET }));
        entered = await sealedNow();
        return undefined;
      },
      readOnly: false,
    });
    const body = { type: 's3', region: 'eu-central-1', s3: { bucket: 'acme-logs' } };
    const caller = { kind: 'login' } as const;
    const request = { caller, headers, body: { ...body, credentials: accessKey() } };
    expect(await desk.put('acme', 'logs', request)).toMatchObject({ created: false });
    expect(await sealedNow()).toBe(entered);
  },
);

test('without a broker, what needs none is written, and what needs it is refused for now', async () => {
  const webIdentity = { kind: 'web_identity', roleArn };
  const body = { type: 's3', region: 'eu-central-1', s3: { bucket: 'acme-logs' } };
  const alone = await bed.startApp({ LOGFERRY_BROKER_TCP_PORT: '1' });
  const ask = (credentials: object) =>
    bed.json(PATH, { method: 'PUT', to: alone, body: { ...body, credentials } });
  expect((await ask(webIdentity)).status).toBe(201);
  expect(await ask({ kind: 'assume_role', roleArn })).toMatchObject({
    status: 503,
    body: { code: 'console.broker_unavailable' },
  });
  await alone.close();
});

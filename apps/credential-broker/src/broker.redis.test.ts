// The whole broker in this process, asked by the workers' own client; STS is the sandbox's, which verifies our tokens through the
// broker's discovery document as AWS does.
import { Destination } from '@logferry/core';
import { failFastRedis, type RedisClient } from '@logferry/queue';
import { BrokerClient, Secret, type RunningApp } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import {
  freePort,
  startRedis,
  startSandboxAws,
  until,
  withEnvironment,
  type SandboxAws,
  type TestRedis,
} from '@logferry/testing';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Issuer } from './issuer';
import { startBroker } from './main';
import { SigningKeys } from './signing-keys';

const account = '123456789012';
const region = 'eu-central-1';
const SECRET = 'what all workers know';
const roleOf = (tenantId: string): string => `arn:aws:iam::${account}:role/${tenantId}`;

let server: TestRedis;
let redis: RedisClient;
let aws: SandboxAws;
let broker: RunningApp;
let client: BrokerClient;
let dir: string;
let url: string;
let tcpPort: number;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'logferry-broker-'));
  const [httpPort, tcp] = [await freePort(), await freePort()];
  [server, aws] = await Promise.all([
    startRedis({ settings: { appendonly: 'no' } }),
    startSandboxAws({ port: 0 }),
  ]);
  [url, tcpPort] = [`http://127.0.0.1:${httpPort}`, tcp];
  process.env.AWS_ENDPOINT_URL = aws.url;
  broker = await withEnvironment(
    {
      REDIS_URL: server.url,
      LOGFERRY_LOG_LEVEL: 'silent',
      LOGFERRY_BROKER_HTTP_PORT: String(httpPort),
      LOGFERRY_BROKER_TCP_PORT: String(tcpPort),
      LOGFERRY_BROKER_SECRET: SECRET,
      LOGFERRY_BROKER_ISSUER_URL: url,
      LOGFERRY_BROKER_SIGNING_KEYS_DIR: join(dir, 'keys'),
      LOGFERRY_BROKER_STS_TIMEOUT_MS: '300',
    },
    startBroker,
  );
  redis = failFastRedis(server);
  await until(() => redis.status === 'ready');
  const store = new ConfigStore(redis);
  for (const tenantId of ['acme', 'globex']) await store.putTenant({ id: tenantId });
  await store.putDestination('acme', aDestination('s3', roleOf('acme')));
  await store.putDestination('acme', aDestination('missing-role', roleOf('nobody')));
  await store.putDestination('globex', aDestination('s3', roleOf('globex')));
  // What a tenant could try: to name a role that is somebody else's.
  await store.putDestination('globex', aDestination('stolen', roleOf('acme')));
});

beforeEach(() => {
  aws.reset();
  seedRoles();
  client = clientWith(SECRET);
});

afterEach(() => {
  client.close();
});

afterAll(async () => {
  await broker.close();
  redis.disconnect();
  await Promise.all([server.stop(), aws.stop()]);
  rmSync(dir, { recursive: true });
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
});

const keyOptions = () =>
  ({ dir: join(dir, 'keys'), algorithm: 'RS256', rotateAfterMs: 0 }) as const;

function clientWith(secret: string): BrokerClient {
  return new BrokerClient({
    host: '127.0.0.1',
    port: tcpPort,
    secret: new Secret(secret),
    tls: undefined,
  });
}

function aDestination(id: string, roleArn: string, seconds = 3_600): Destination {
  return Destination.parse({
    id,
    type: 's3',
    region,
    credentials: { kind: 'web_identity', roleArn, sessionDurationSeconds: seconds },
    s3: { bucket: 'acme-logs' },
  });
}

const ofAcme = aDestination('s3', roleOf('acme'));

function seedRoles(): void {
  const host = url.replace('http://', '');
  const trust = (tenantId: string): object => ({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/${host}` },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringEquals: {
            [`${host}:sub`]: `tenant:${tenantId}`,
            [`${host}:aud`]: 'sts.amazonaws.com',
          },
        },
      },
    ],
  });
  aws.seed({
    accounts: [account],
    oidcProviders: [{ account, url }],
    roles: ['acme', 'globex'].map((id) => ({ arn: roleOf(id), trustPolicy: trust(id) })),
  });
}

/** Makes the broker forget what it remembers of a destination: its role is another then. */
let generation = 0;
async function freshDestination(tenantId: string): Promise<Destination> {
  const id = `s3-${++generation}`;
  const destination = aDestination(id, roleOf(tenantId), 900 + generation);
  await new ConfigStore(redis).putDestination(tenantId, destination);
  await until(() =>
    client.session(tenantId, destination).then(
      () => true,
      (error: { code: string }) => error.code !== 'destination.missing',
    ),
  );
  return destination;
}

test('a tenant gets a session of its own role', async () => {
  const session = await client.session('acme', ofAcme);
  expect(session.accessKeyId).toMatch(/^ASIA/);
  expect(session.expiresAt - Date.now()).toBeGreaterThan(3_500_000);
  expect(aws.identities().sessions).toBe(1);
});

test("another tenant's role is refused by AWS, since the token names who really asks", async () => {
  await expect(
    client.session('globex', aDestination('stolen', roleOf('acme'))),
  ).rejects.toMatchObject({
    code: 'credential.trust_denied',
    disposition: 'suspend',
  });
  expect(aws.identities().sessions).toBe(0);
});

test('a role that was corrected is the one that the next session is of, though the old one is still good', async () => {
  const wrong = await freshDestination('acme');
  const before = await client.session('acme', wrong);
  const right = aDestination(wrong.id, roleOf('acme'));
  await new ConfigStore(redis).putDestination('acme', right);
  // Whatever the broker knows at the time: a session of the old destination is never given out for the new one.
  const after = await until(() =>
    client.session('acme', right).catch((error: { code: string }) => {
      expect(error.code).toBe('destination.changing');
      return false as const;
    }),
  );
  expect(after.accessKeyId).not.toBe(before.accessKeyId);
  expect(after.expiresAt - Date.now()).toBeGreaterThan(3_500_000);
  await expect(client.session('acme', wrong)).rejects.toMatchObject({
    code: 'destination.changing',
    disposition: 'defer',
  });
});

test("a destination that is not there, or is another tenant's, has no session", async () => {
  for (const [tenantId, id] of [
    ['acme', 'nope'],
    ['globex', 'missing-role'],
    ['nobody', 's3'],
  ] as const) {
    await expect(
      client.session(tenantId, aDestination(id, roleOf(tenantId))),
    ).rejects.toMatchObject({
      code: 'destination.missing',
    });
  }
});

test('a role that is not there looks like one that does not trust us', async () => {
  await expect(
    client.session('acme', aDestination('missing-role', roleOf('nobody'))),
  ).rejects.toMatchObject({
    code: 'credential.trust_denied',
  });
});

test('whoever does not know the secret gets nothing, not even which destinations there are', async () => {
  const stranger = clientWith('what nobody told me');
  const refused = { code: 'credential.broker_refused' };
  await expect(stranger.session('acme', ofAcme)).rejects.toMatchObject(refused);
  await expect(
    stranger.session('acme', aDestination('nope', roleOf('acme'))),
  ).rejects.toMatchObject(refused);
  stranger.close();
});

test('a session that AWS has forgotten is replaced', async () => {
  const destination = await freshDestination('acme');
  const first = await client.session('acme', destination);
  const second = await client.session('acme', destination, first.accessKeyId);
  expect(second.accessKeyId).not.toBe(first.accessKeyId);
});

test('an STS that is away or hangs is a failure of AWS, and passes', async () => {
  const destination = await freshDestination('acme');
  const { accessKeyId } = await client.session('acme', destination);
  aws.addFault({ match: { service: 'sts' }, action: { kind: 'connection-reset' } });
  const away = { code: 'credential.sts_unavailable', disposition: 'retry' };
  await expect(client.session('acme', destination, accessKeyId)).rejects.toMatchObject(away);
  aws.clearFaults();
  const later = await until(() =>
    client.session('acme', destination, accessKeyId).catch(() => false as const),
  );
  aws.addFault({ match: { service: 'sts' }, action: { kind: 'hang' } });
  await expect(client.session('acme', destination, later.accessKeyId)).rejects.toMatchObject(away);
});

test('what STS says about when to come back reaches the worker', async () => {
  const destination = await freshDestination('acme');
  const { accessKeyId } = await client.session('acme', destination);
  aws.addFault({
    match: { service: 'sts' },
    action: { kind: 'throttle', retryAfterSeconds: 7 },
  });
  await expect(client.session('acme', destination, accessKeyId)).rejects.toMatchObject({
    code: 'credential.throttled',
    retryAfterMs: 7_000,
  });
});

test('anybody can verify our tokens with what we publish, and find nothing else there', async () => {
  const discovery = (await (
    await fetch(`${url}/.well-known/openid-configuration`)
  ).json()) as Record<string, string>;
  expect(discovery.issuer).toBe(url);
  const token = await new Issuer(url, await SigningKeys.open(keyOptions())).tokenFor(
    'acme',
    Date.now(),
  );
  const { payload } = await jwtVerify(
    token,
    createRemoteJWKSet(new URL(discovery.jwks_uri ?? '')),
    { issuer: url, audience: 'sts.amazonaws.com' },
  );
  expect(payload.sub).toBe('tenant:acme');
  const jwks = await (await fetch(discovery.jwks_uri ?? '')).text();
  expect(jwks).not.toMatch(/"(d|p|q|dp|dq|qi)":/);
  for (const path of ['/', '/.well-known/', '/session.v1', '/key.pem', '/.well-known/jwks']) {
    expect((await fetch(url + path)).status).toBe(404);
  }
});

/** Sends something to the TCP port as it is; resolves with what came back when the broker or `last` ends it. */
async function send(bytes: string | Buffer): Promise<string> {
  const socket = connect(tcpPort, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.end(bytes);
  return text(socket).catch(() => '');
}

const frame = (message: unknown): string => {
  const json = JSON.stringify(message);
  return `${json.length}#${json}`;
};

test.each<[string, string | Buffer]>([
  ['no frame', 'GET / HTTP/1.1\r\n\r\n'],
  ['a length that is no number', 'x#{}'],
  ['a negative length', '-5#{}'],
  ['an endless length', '999999999999999999999#{'],
  ['more than may be sent', `20000#${'x'.repeat(20_000)}`],
  ['no JSON', '5#{{{{{'],
  ['JSON that is no message', '4#null2#[]1#5'],
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x23, 0xff])],
  ['an unknown pattern', frame({ pattern: 'session.v2', id: '1', data: {} })],
  ['a pattern of the prototype', frame({ pattern: '__proto__', id: '1', data: {} })],
  ['an event', frame({ pattern: 'session.v1', data: {} })],
  ['no data', frame({ pattern: 'session.v1', id: '1' })],
  [
    'an odd tenant',
    frame({ pattern: 'session.v1', id: '1', data: { secret: SECRET, tenantId: {} } }),
  ],
])('%s on the TCP port is survived, and never answered with a session', async (_, bytes) => {
  expect(await send(bytes)).not.toContain('accessKeyId');
  await expect(client.session('acme', ofAcme)).resolves.toBeDefined();
});

test('a request that asks for a role is refused, whatever else it holds', async () => {
  const data = { secret: SECRET, tenantId: 'acme', destinationId: 's3', roleArn: roleOf('globex') };
  const socket = connect(tcpPort, '127.0.0.1');
  socket.write(frame({ pattern: 'session.v1', id: '1', data }));
  const [answer] = (await new Promise<Buffer[]>((resolve) =>
    socket.once('data', (bytes) => resolve([bytes])),
  )) as [Buffer];
  socket.destroy();
  expect(answer.toString()).toContain('credential.broker_refused');
  expect(answer.toString()).not.toContain('accessKeyId');
});

test('health and metrics tell nothing of tenants or sessions', async () => {
  const session = await client.session('acme', ofAcme);
  expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(
    /logferry_broker_sts_calls_total\{outcome="issued",kind="web_identity",app="[\w-]+"\} \d+/,
  );
  for (const hidden of ['acme', session.accessKeyId, session.secretAccessKey, SECRET])
    expect(metrics).not.toContain(hidden);
});

test('a Redis that hangs is noticed, though its connections stay open', async () => {
  await server.pause();
  await until(async () => (await fetch(`${url}/health/ready`)).status === 503);
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  await server.resume();
  await until(async () => (await fetch(`${url}/health/ready`)).status === 200);
});

test('while Redis is away, destinations that are remembered go on having sessions', async () => {
  await client.session('acme', ofAcme);
  await server.kill();
  const { accessKeyId } = await client.session('acme', ofAcme);
  await expect(client.session('acme', ofAcme, accessKeyId)).resolves.toBeDefined();
  await until(async () => (await fetch(`${url}/health/ready`)).status === 503);
  await expect(client.session('initech', ofAcme)).rejects.toMatchObject({
    code: 'credential.broker_unavailable',
  });
  await server.start();
  await until(async () => (await fetch(`${url}/health/ready`)).status === 200);
});

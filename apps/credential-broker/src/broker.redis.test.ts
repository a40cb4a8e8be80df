// What workers are answered by the whole broker, and what its ports answer to anybody else.
import { Destination } from '@logferry/core';
import type { BrokerClient } from '@logferry/runtime';
import { tenantTrustPolicy, until } from '@logferry/testing';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { ACCOUNT, REGION, SECRET, useBrokerTestbed } from './broker.testbed';
import { Issuer } from './issuer';
import { SigningKeys } from './signing-keys';

const bed = useBrokerTestbed({
  tenants: ['acme', 'globex'],
  environment: { LOGFERRY_BROKER_STS_TIMEOUT_MS: '2000' },
});
const roleOf = (tenantId: string): string => `arn:aws:iam::${ACCOUNT}:role/${tenantId}`;

let client: BrokerClient;

beforeAll(async () => {
  await bed.store.putDestination('acme', aDestination('s3', roleOf('acme')));
  await bed.store.putDestination('acme', aDestination('missing-role', roleOf('nobody')));
  await bed.store.putDestination('globex', aDestination('s3', roleOf('globex')));
  // What a tenant could try: to name a role that is somebody else's.
  await bed.store.putDestination('globex', aDestination('stolen', roleOf('acme')));
});

beforeEach(() => {
  bed.aws.seed({
    accounts: [ACCOUNT],
    oidcProviders: [{ account: ACCOUNT, url: bed.url }],
    roles: ['acme', 'globex'].map((id) => ({
      arn: roleOf(id),
      trustPolicy: tenantTrustPolicy(ACCOUNT, bed.url, id),
    })),
  });
  client = bed.client();
});

function aDestination(id: string, roleArn: string, seconds = 3_600): Destination {
  return Destination.parse({
    id,
    type: 's3',
    region: REGION,
    credentials: { kind: 'web_identity', roleArn, sessionDurationSeconds: seconds },
    s3: { bucket: 'acme-logs' },
  });
}

const ofAcme = aDestination('s3', roleOf('acme'));

/** Makes the broker forget what it remembers of a destination: its role is another then. */
let generation = 0;
async function freshDestination(tenantId: string): Promise<Destination> {
  const id = `s3-${++generation}`;
  const destination = aDestination(id, roleOf(tenantId), 900 + generation);
  await bed.store.putDestination(tenantId, destination);
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
  expect(bed.aws.identities().sessions).toBe(1);
});

test("another tenant's role is refused by AWS, since the token names who really asks", async () => {
  await expect(
    client.session('globex', aDestination('stolen', roleOf('acme'))),
  ).rejects.toMatchObject({
    code: 'credential.trust_denied',
    disposition: 'suspend',
  });
  expect(bed.aws.identities().sessions).toBe(0);
});

test('a role that was corrected is the one that the next session is of, though the old one is still good', async () => {
  const wrong = await freshDestination('acme');
  const before = await client.session('acme', wrong);
  const right = aDestination(wrong.id, roleOf('acme'));
  await bed.store.putDestination('acme', right);
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
  const stranger = bed.client('what nobody told me');
  const refused = { code: 'credential.broker_refused' };
  await expect(stranger.session('acme', ofAcme)).rejects.toMatchObject(refused);
  await expect(
    stranger.session('acme', aDestination('nope', roleOf('acme'))),
  ).rejects.toMatchObject(refused);
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
  bed.aws.addFault({ match: { service: 'sts' }, action: { kind: 'connection-reset' } });
  const away = { code: 'credential.sts_unavailable', disposition: 'retry' };
  await expect(client.session('acme', destination, accessKeyId)).rejects.toMatchObject(away);
  bed.aws.clearFaults();
  const later = await until(() =>
    client.session('acme', destination, accessKeyId).catch(() => false as const),
  );
  bed.aws.addFault({ match: { service: 'sts' }, action: { kind: 'hang' } });
  await expect(client.session('acme', destination, later.accessKeyId)).rejects.toMatchObject(away);
});

test('what STS says about when to come back reaches the worker', async () => {
  const destination = await freshDestination('acme');
  const { accessKeyId } = await client.session('acme', destination);
  bed.aws.addFault({
    match: { service: 'sts' },
    action: { kind: 'throttle', retryAfterSeconds: 7 },
  });
  await expect(client.session('acme', destination, accessKeyId)).rejects.toMatchObject({
    code: 'credential.throttled',
    retryAfterMs: 7_000,
  });
});

const keyOptions = () =>
  ({ dir: bed.signingKeysDir, algorithm: 'RS256', rotateAfterMs: 0 }) as const;

test('anybody can verify our tokens with what we publish, and find nothing else there', async () => {
  const discovery = (await (
    await fetch(`${bed.url}/.well-known/openid-configuration`)
  ).json()) as Record<string, string>;
  expect(discovery.issuer).toBe(bed.url);
  const token = await new Issuer(bed.url, await SigningKeys.open(keyOptions())).tokenFor(
    'acme',
    Date.now(),
  );
  const { payload } = await jwtVerify(
    token,
    createRemoteJWKSet(new URL(discovery.jwks_uri ?? '')),
    { issuer: bed.url, audience: 'sts.amazonaws.com' },
  );
  expect(payload.sub).toBe('tenant:acme');
  const jwks = await (await fetch(discovery.jwks_uri ?? '')).text();
  expect(jwks).not.toMatch(/"(d|p|q|dp|dq|qi)":/);
  for (const path of ['/', '/.well-known/', '/session.v1', '/key.pem', '/.well-known/jwks']) {
    expect((await fetch(bed.url + path)).status).toBe(404);
  }
});

/** Sends something to the TCP port as it is; resolves with what came back when the broker or `last` ends it. */
async function send(bytes: string | Buffer): Promise<string> {
  const socket = connect(bed.tcpPort, '127.0.0.1');
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
  ['more than may be sent', `200000#${'x'.repeat(200_000)}`],
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
  const socket = connect(bed.tcpPort, '127.0.0.1');
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
  expect((await fetch(`${bed.url}/health/ready`)).status).toBe(200);
  const metrics = await (await fetch(`${bed.url}/metrics`)).text();
  expect(metrics).toMatch(
    /logferry_broker_sts_calls_total\{outcome="issued",kind="web_identity",app="[\w-]+"\} \d+/,
  );
  for (const hidden of ['acme', session.accessKeyId, session.secretAccessKey, SECRET])
    expect(metrics).not.toContain(hidden);
});

test('a Redis that hangs is noticed, though its connections stay open', async () => {
  await bed.server.pause();
  await until(async () => (await fetch(`${bed.url}/health/ready`)).status === 503);
  expect((await fetch(`${bed.url}/health/live`)).status).toBe(200);
  await bed.server.resume();
  await until(async () => (await fetch(`${bed.url}/health/ready`)).status === 200);
});

test('while Redis is away, destinations that are remembered go on having sessions', async () => {
  await client.session('acme', ofAcme);
  await bed.server.kill();
  const { accessKeyId } = await client.session('acme', ofAcme);
  await expect(client.session('acme', ofAcme, accessKeyId)).resolves.toBeDefined();
  await until(async () => (await fetch(`${bed.url}/health/ready`)).status === 503);
  await expect(client.session('initech', ofAcme)).rejects.toMatchObject({
    code: 'credential.broker_unavailable',
  });
  await bed.server.start();
  await until(async () => (await fetch(`${bed.url}/health/ready`)).status === 200);
});

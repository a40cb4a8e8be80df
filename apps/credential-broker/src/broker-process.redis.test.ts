// The broker as a process of its own: what it writes down, and what it says when it cannot start.
import { Destination } from '@logferry/core';
import { patientRedis } from '@logferry/queue';
import { BrokerClient, Secret } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import {
  steadyPort,
  startBuiltApp,
  startRedis,
  startSandboxAws,
  until,
  type BuiltApp,
  type SandboxAws,
  type TestRedis,
} from '@logferry/testing';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const account = '123456789012';
const SECRET = 'what-all-workers-know';
const roleArn = `arn:aws:iam::${account}:role/logferry`;

jest.setTimeout(60_000); // a process of its own takes seconds to start where others use the machine too

/** One of STS's answers never comes. The others must be in time also where the first call of a process is a slow one. */
const STS_TIMEOUT_MS = 2_000;

let server: TestRedis;
let aws: SandboxAws;
let dir: string;
let app: BuiltApp | undefined;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'logferry-broker-'));
  [server, aws] = await Promise.all([
    startRedis({ settings: { appendonly: 'no' } }),
    startSandboxAws({ port: 0 }),
  ]);
});

afterEach(async () => {
  await app?.stop();
});

afterAll(async () => {
  await Promise.all([server.stop(), aws.stop()]);
  rmSync(dir, { recursive: true });
});

async function startBroker(over: Record<string, string> = {}): Promise<[string, number]> {
  const [http, tcp] = [await steadyPort(), await steadyPort()];
  app = startBuiltApp('credential-broker', {
    REDIS_URL: server.url,
    AWS_ENDPOINT_URL: aws.url,
    LOGFERRY_LOG_LEVEL: 'trace',
    LOGFERRY_BROKER_HTTP_PORT: String(http),
    LOGFERRY_BROKER_TCP_PORT: String(tcp),
    LOGFERRY_BROKER_SECRET: SECRET,
    LOGFERRY_BROKER_ISSUER_URL: `http://127.0.0.1:${http}`,
    LOGFERRY_BROKER_SIGNING_KEYS_DIR: join(dir, 'keys'),
    LOGFERRY_BROKER_STS_TIMEOUT_MS: String(STS_TIMEOUT_MS),
    ...over,
  });
  return [`http://127.0.0.1:${http}`, tcp];
}

function seed(issuerUrl: string): void {
  const host = issuerUrl.replace('http://', '');
  aws.seed({
    accounts: [account],
    oidcProviders: [{ account, url: issuerUrl }],
    roles: [
      {
        arn: roleArn,
        trustPolicy: {
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/${host}` },
              Action: 'sts:AssumeRoleWithWebIdentity',
              Condition: { StringEquals: { [`${host}:aud`]: 'sts.amazonaws.com' } },
            },
          ],
        },
      },
    ],
  });
}

/** One destination for each duration, so that none of them is remembered from another. */
async function putDestinations(): Promise<Map<string, Destination>> {
  const redis = patientRedis(server);
  await until(() => redis.status === 'ready');
  const store = new ConfigStore(redis);
  await store.putTenant({ id: 'acme' });
  const destinations = new Map<string, Destination>();
  for (const [i, id] of ['granted', 'denied', 'throttled', 'reset', 'hung', 'garbled'].entries()) {
    const credentials = { kind: 'web_identity', roleArn, sessionDurationSeconds: 900 + i };
    const cloudwatch = { logGroup: 'group', logStream: 'stream' };
    const region = 'eu-central-1';
    const destination = Destination.parse({
      id,
      type: 'cloudwatch',
      region,
      credentials,
      cloudwatch,
    });
    destinations.set(id, destination);
    await store.putDestination('acme', destination);
  }
  redis.disconnect();
  return destinations;
}

async function sendRaw(port: number, bytes: string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  socket.end(bytes);
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}

test('no secret, token, key or session is ever written to the log, whatever goes wrong', async () => {
  const destinations = await putDestinations();
  const destination = (id: string): Destination => {
    const found = destinations.get(id);
    if (found === undefined) throw new Error(`there is no ${id}`);
    return found;
  };
  const [url, port] = await startBroker();
  await app?.ready;
  seed(url);
  const client = new BrokerClient({
    host: '127.0.0.1',
    port,
    secret: new Secret(SECRET),
    tls: undefined,
  });
  const stranger = new BrokerClient({
    host: '127.0.0.1',
    port,
    secret: new Secret('what-a-stranger-guesses'),
    tls: undefined,
  });
  const actions = {
    denied: { kind: 'deny' },
    throttled: { kind: 'throttle' },
    reset: { kind: 'connection-reset' },
    hung: { kind: 'hang' },
    garbled: { kind: 'error', code: 'InvalidIdentityToken', message: 'no', httpStatus: 400 },
  } as const;
  const session = await client.session('acme', destination('granted'));
  for (const [id, action] of Object.entries(actions)) {
    aws.addFault({ match: { service: 'sts' }, action });
    await expect(client.session('acme', destination(id))).rejects.toMatchObject({
      name: 'Failure',
    });
    aws.clearFaults();
  }
  await expect(stranger.session('acme', destination('granted'))).rejects.toMatchObject({
    code: 'credential.broker_refused',
  });
  // A worker's request that was cut off or garbled on its way still holds the secret.
  const json = JSON.stringify({ pattern: 'session.v1', id: '1', data: { secret: SECRET } });
  await sendRaw(port, `${json.length - 3}#${json}`);
  await sendRaw(port, `${json}#`);
  await sendRaw(port, `${json.length}#${json.replace('}', '')} `);
  client.close();
  stranger.close();
  app?.signal('SIGTERM');
  const { code, output } = (await app?.ended) ?? { code: 1, output: '' };

  expect(code).toBe(0);
  expect(output).toContain('session issued');
  expect(output).toContain('credential.trust_denied');
  expect(output).not.toContain(SECRET);
  expect(output).not.toContain('what-a-stranger-guesses');
  expect(output).not.toContain(session.secretAccessKey);
  expect(output).not.toContain(session.sessionToken);
  expect(output).not.toContain(session.accessKeyId);
  expect(output).not.toMatch(/eyJ[\w-]{10}/); // a JWT's beginning
  const { privateKey } = JSON.parse(readFileSync(join(dir, 'keys', 'key-000001.json'), 'utf8')) as {
    privateKey: string;
  };
  for (const line of privateKey.split('\n').slice(1, 4)) expect(output).not.toContain(line);
});

test('a port for workers that is taken is one sentence and exit code 1', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  await startBroker({ LOGFERRY_BROKER_TCP_PORT: String(port) });
  const end = await app?.ended;
  taken.close();
  expect(end?.code).toBe(1);
  expect(end?.complaints).toBe(
    `Port ${port} is taken: stop what listens there, or choose another port.\n`,
  );
});

test('an issuer that AWS would never take is refused at the start', async () => {
  await startBroker({ LOGFERRY_BROKER_ISSUER_URL: 'http://oidc.example.com' });
  const end = await app?.ended;
  expect(end?.code).toBe(1);
  expect(end?.complaints).toMatch(
    /^The configuration is not usable:\n {2}- LOGFERRY_BROKER_ISSUER_URL is http:\/\/oidc.example.com; it must begin with https/,
  );
});

test('a broker without its secret does not start', async () => {
  await startBroker({ LOGFERRY_BROKER_SECRET: '' });
  const end = await app?.ended;
  expect(end?.code).toBe(1);
  expect(end?.complaints).toContain('LOGFERRY_BROKER_SECRET is not set; it must be set');
});

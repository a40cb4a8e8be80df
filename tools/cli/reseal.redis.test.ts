// A sealing key's whole life, with the broker as a process of its own: it seals, a newer one takes its place, and it is taken out.
import { Destination } from '@logferry/core';
import { BrokerClient, Secret, type RunningApp } from '@logferry/runtime';
import { startBuiltApp, steadyPort, until, type BuiltApp } from '@logferry/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useConsoleTestbed } from '../../apps/console/src/console.testbed';
import { runCli, type End } from './cli.testbed';

jest.setTimeout(120_000); // three brokers and four commands, one after the other, each a process of its own

const bed = useConsoleTestbed();
const BROKER_SECRET = 'a-secret-of-many-chars';
const SECRET = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY';
const OLD = `old:${Buffer.alloc(32, 1).toString('base64')}`;
const NEW = `new:${Buffer.alloc(32, 2).toString('base64')}`;

let dir: string;
let tcp: number;
let http: number;
let broker: BuiltApp | undefined;
let console_: RunningApp;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'logferry-reseal-'));
  [tcp, http] = [await steadyPort(), await steadyPort()];
  console_ = await bed.startApp({ LOGFERRY_BROKER_TCP_PORT: String(tcp) });
});

afterAll(async () => {
  await broker?.stop();
  await console_.close();
  rmSync(dir, { recursive: true });
});

async function useKeys(keys: string): Promise<void> {
  await broker?.stop();
  broker = startBuiltApp('credential-broker', {
    REDIS_URL: bed.redisUrl,
    LOGFERRY_BROKER_HTTP_PORT: String(http),
    LOGFERRY_BROKER_TCP_PORT: String(tcp),
    LOGFERRY_BROKER_SECRET: BROKER_SECRET,
    LOGFERRY_BROKER_ISSUER_URL: `http://127.0.0.1:${http}`,
    LOGFERRY_BROKER_SIGNING_KEYS_DIR: join(dir, 'keys'),
    LOGFERRY_BROKER_SEALING_KEYS: keys,
  });
  await broker.ready;
}

/** While the console still holds the connection to the broker of before, it says that it is away. */
async function reseal(): Promise<End> {
  const environment = {
    LOGFERRY_CONSOLE_URL: `http://127.0.0.1:${console_.ports.http}`,
    LOGFERRY_CONSOLE_PASSWORD: 'correct horse battery staple',
  };
  return until(
    async () => {
      const end = await runCli(['reseal'], { environment });
      return end.told.includes('broker_unavailable') ? undefined : end;
    },
    { timeoutMs: 30_000 },
  );
}

async function secretOf(id: string): Promise<string> {
  const text = (await bed.redis.hget('{lf}:destinations:acme', id)) ?? '';
  const client = new BrokerClient({
    host: '127.0.0.1',
    port: tcp,
    secret: new Secret(BROKER_SECRET),
    tls: undefined,
  });
  try {
    const session = await client.session('acme', Destination.parse(JSON.parse(text)));
    return session.secretAccessKey;
  } finally {
    client.close();
  }
}

test('an old key goes when the command says so, and every secret opens without it', async () => {
  await useKeys(OLD);
  await bed.call('/v1/tenants/acme', { method: 'PUT', body: {}, to: console_ });
  const credentials = {
    kind: 'access_key',
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: SECRET,
  };
  const s3 = { type: 's3', region: 'eu-central-1', s3: { bucket: 'acme-logs' } };
  for (const id of ['logs', 'archive']) {
    const body = { ...s3, credentials };
    const path = `/v1/tenants/acme/destinations/${id}`;
    expect((await bed.call(path, { method: 'PUT', to: console_, body })).status).toBe(201);
  }

  await useKeys(NEW);
  const tooSoon = await reseal();
  expect(tooSoon).toMatchObject({ code: 1 });
  expect(tooSoon.out).toContain('logs of acme: not sealed anew (credential.secret_unreadable)');
  expect(tooSoon.out).toContain('Keep the older keys');

  await useKeys(`${NEW},${OLD}`);
  const done = await reseal();
  expect(done.out).toBe(
    '2 of 2 secrets were sealed anew.\nThe older keys may be taken out of LOGFERRY_BROKER_SEALING_KEYS.\n',
  );
  expect(done.code).toBe(0);
  expect((await reseal()).out).toContain('0 of 2 secrets were sealed anew.');

  await useKeys(NEW);
  expect(await Promise.all(['logs', 'archive'].map(secretOf))).toEqual([SECRET, SECRET]);
});

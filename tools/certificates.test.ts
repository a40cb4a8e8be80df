// The way between workers and broker, with the certificates that are made for it: who gets through, and who does not.
import { Destination } from '@logferry/core';
import {
  BrokerClient,
  brokerAddress,
  brokerServerTls,
  ConfigError,
  Secret,
} from '@logferry/runtime';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type Server } from 'node:tls';
import { makeCertificates, type CertificateFolders } from './certificates';

let dir: string;
let folders: CertificateFolders;
let strangers: CertificateFolders;
let server: Server;
let asked: string[];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'logferry-tls-'));
  folders = await makeCertificates(join(dir, 'ours'));
  strangers = await makeCertificates(join(dir, 'theirs'));
  server = createServer(brokerServerTls('0.0.0.0', folders.broker) ?? {}, (socket) => {
    socket.on('error', () => undefined);
    socket.setEncoding('utf8').on('data', (text: string) => {
      asked.push(text);
      const { id } = JSON.parse(text.slice(text.indexOf('#') + 1)) as { id: string };
      const response = { failure: 'credential.trust_denied' };
      const answer = JSON.stringify({ id, response, isDisposed: true });
      socket.write(`${answer.length}#${answer}`);
    });
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

beforeEach(() => {
  asked = [];
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true });
});

const destination = Destination.parse({
  id: 's3',
  type: 's3',
  region: 'eu-central-1',
  credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
  s3: { bucket: 'acme-logs' },
});
const port = (): number => (server.address() as AddressInfo).port;

async function ask(brokerTlsDir: string, brokerHost = '127.0.0.1'): Promise<string> {
  const brokerSecret = new Secret('what all workers know');
  const address = brokerAddress({ brokerHost, brokerPort: port(), brokerSecret, brokerTlsDir });
  const client = new BrokerClient({ ...address, timeoutMs: 20_000 });
  const failure = await client.session('acme', destination).then(
    () => 'a session',
    (error: { code: string }) => error.code,
  );
  client.close();
  return failure;
}

test('a worker and the broker know each other, by address and by name', async () => {
  for (const host of ['127.0.0.1', 'localhost'])
    expect(await ask(folders.worker, host)).toBe('credential.trust_denied');
  expect(asked).toHaveLength(2);
});

test('a worker does not tell the secret to whoever has no certificate of our authority', async () => {
  expect(await ask(strangers.worker)).toBe('credential.broker_unavailable');
  expect(asked).toEqual([]);
});

test('who shows no certificate, or one of another authority, is not heard', async () => {
  const read = (file: string): string => readFileSync(file, 'utf8');
  const ca = read(join(folders.worker, 'ca.crt'));
  for (const own of [
    {},
    {
      cert: read(join(strangers.worker, 'tls.crt')),
      key: read(join(strangers.worker, 'tls.key')),
    },
    // The broker's own certificate is one of a server, and no worker's.
    { cert: read(join(folders.broker, 'tls.crt')), key: read(join(folders.broker, 'tls.key')) },
  ]) {
    const socket = connect({ host: '127.0.0.1', port: port(), ca, ...own });
    const end = new Promise<string>((resolve) => {
      socket.on('error', (error) => resolve(String(error)));
      socket.on('close', () => resolve('closed'));
    });
    socket.on('secureConnect', () => socket.write('2#{}'));
    expect(await end).toMatch(/closed|alert|ECONNRESET|EPIPE/);
  }
  expect(asked).toEqual([]);
});

test('what was made stays, and only its owner can read it; the key of the authority is not kept', async () => {
  const before = readFileSync(join(folders.broker, 'tls.crt'), 'utf8');
  await makeCertificates(join(dir, 'ours'));
  expect(readFileSync(join(folders.broker, 'tls.crt'), 'utf8')).toBe(before);
  for (const folder of [folders.broker, folders.worker]) {
    expect(readdirSync(folder).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    expect(statSync(join(folder, 'tls.key')).mode & 0o777).toBe(0o600);
  }
  expect(readdirSync(join(dir, 'ours')).sort()).toEqual(['broker', 'worker']);
});

const client = (brokerHost: string, brokerTlsDir?: string) => () =>
  brokerAddress({ brokerHost, brokerPort: 1, brokerSecret: new Secret('s'), brokerTlsDir });

test('plain TCP stays on this machine, on both sides', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
    expect(brokerServerTls(host, undefined)).toBeUndefined();
    expect(client(host)().tls).toBeUndefined();
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.7', 'credential-broker', '127.0.0.1.example.com']) {
    expect(() => brokerServerTls(host, undefined)).toThrow(ConfigError);
    expect(client(host)).toThrow(/LOGFERRY_WORKER_BROKER_TLS_DIR is not set/);
  }
});

test('a folder that lacks what is needed is named at the start', () => {
  expect(() => brokerServerTls('0.0.0.0', dir)).toThrow(/must hold tls.crt and tls.key/);
  expect(client('broker', dir)).toThrow(/must hold ca.crt/);
});

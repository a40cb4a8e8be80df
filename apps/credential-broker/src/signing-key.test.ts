import { ConfigError } from '@logferry/runtime';
import { builtFile } from '@logferry/testing';
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadSigningKey } from './signing-key';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'logferry-key-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

test('a key is made once, and is the same at every start', async () => {
  const file = join(dir, 'broker', 'key.pem');
  const first = await loadSigningKey(file);
  const pem = readFileSync(file, 'utf8');
  const second = await loadSigningKey(file);
  expect(second.kid).toBe(first.kid);
  expect(second.publicJwk).toEqual(first.publicJwk);
  expect(readFileSync(file, 'utf8')).toBe(pem);
});

test('nobody but its owner can read the key, and its folder', async () => {
  const file = join(dir, 'broker', 'key.pem');
  await loadSigningKey(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(dir, 'broker')).mode & 0o777).toBe(0o700);
});

test('the world sees the public half alone', async () => {
  const { publicJwk, kid } = await loadSigningKey(join(dir, 'key.pem'));
  expect(Object.keys(publicJwk).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  expect(publicJwk).toMatchObject({ alg: 'RS256', use: 'sig', kty: 'RSA', kid });
  expect(Buffer.from(publicJwk.n ?? '', 'base64url').length * 8).toBe(2_048);
});

test('no draft of a key is left behind', async () => {
  await loadSigningKey(join(dir, 'key.pem'));
  expect(readdirSync(dir)).toEqual(['key.pem']);
});

test('brokers that start at the same time, in one process, end up with the same key', async () => {
  const file = join(dir, 'key.pem');
  const keys = await Promise.all(Array.from({ length: 4 }, () => loadSigningKey(file)));
  expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1);
});

test('brokers that start at the same time, in processes of their own, end up with the same key', async () => {
  const file = join(dir, 'broker', 'key.pem');
  const built = builtFile('apps/credential-broker/src/signing-key.ts');
  const script = `require(${JSON.stringify(built)}).loadSigningKey(process.argv[1]).then(({ kid }) => console.log(kid))`;
  const run = async (): Promise<string> =>
    (await promisify(execFile)(process.execPath, ['-e', script, file])).stdout.trim();
  const kids = await Promise.all([run(), run(), run(), run()]);
  expect(kids[0]).toMatch(/^[\w-]{43}$/);
  expect(new Set(kids).size).toBe(1);
  expect(readdirSync(join(dir, 'broker'))).toEqual(['key.pem']);
});

const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
const rsaPem = (modulusLength: number): string =>
  generateKeyPairSync('rsa', { modulusLength }).privateKey.export(pkcs8).toString();

test.each<[string, () => string]>([
  ['nothing', () => ''],
  ['some text', () => 'not a key'],
  ['a header and no key', () => '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
  [
    'a key of another kind',
    () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(pkcs8).toString(),
  ],
  [
    'a key in another form',
    () =>
      generateKeyPairSync('rsa', { modulusLength: 2_048 })
        .privateKey.export({ type: 'pkcs1', format: 'pem' })
        .toString(),
  ],
  ['a key that is cut off', () => rsaPem(2_048).slice(0, 400)],
  ['a key too short to sign with', () => rsaPem(1_024)],
])('a file that holds %s is refused at the start, and stays as it is', async (_, content) => {
  const file = join(dir, 'key.pem');
  const text = content();
  writeFileSync(file, text);
  await expect(loadSigningKey(file)).rejects.toThrow(ConfigError);
  await expect(loadSigningKey(file)).rejects.toThrow(/LOGFERRY_BROKER_SIGNING_KEY_FILE names/);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('what is no file is refused in a sentence', async () => {
  await expect(loadSigningKey(dir)).rejects.toThrow(ConfigError);
});

test('a place where no file can be made is refused in a sentence', async () => {
  const file = join(dir, 'key.pem');
  symlinkSync(join(dir, 'nowhere', 'key.pem'), file);
  await expect(loadSigningKey(file)).rejects.toThrow(
    /is not there and cannot be made: Error: ENOENT/,
  );
});

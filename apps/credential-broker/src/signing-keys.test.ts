import { ConfigError } from '@logferry/runtime';
import { builtFile } from '@logferry/testing';
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PUBLISHED_AFTER_MS, PUBLISHED_AHEAD_MS, SigningKeys } from './signing-keys';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 10, 21, 10, 48);

let dir: string;
let nowMs: number;

beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'logferry-keys-')), 'broker');
  nowMs = START_MS;
});

afterEach(() => {
  rmSync(join(dir, '..'), { recursive: true });
});

const open = (over: Partial<Parameters<typeof SigningKeys.open>[0]> = {}): Promise<SigningKeys> =>
  SigningKeys.open({
    dir,
    algorithm: 'RS256',
    rotateAfterMs: 90 * DAY_MS,
    now: () => nowMs,
    ...over,
  });

const kids = (keys: SigningKeys): (string | undefined)[] => keys.published().map(({ kid }) => kid);

test('a key is made once, signs at once, and is the same at every start', async () => {
  const first = await open();
  const text = readFileSync(join(dir, 'key-000001.json'), 'utf8');
  const second = await open();
  expect(second.current().kid).toBe(first.current().kid);
  expect(second.published()).toEqual(first.published());
  expect(readFileSync(join(dir, 'key-000001.json'), 'utf8')).toBe(text);
});

test('nobody but its owner can read a key, and the folder', async () => {
  await open();
  expect(statSync(join(dir, 'key-000001.json')).mode & 0o777).toBe(0o600);
  expect(statSync(dir).mode & 0o777).toBe(0o700);
});

test('the world sees the public half alone', async () => {
  const keys = await open();
  const [publicJwk = {}] = keys.published();
  expect(Object.keys(publicJwk).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  expect(publicJwk).toMatchObject({ alg: 'RS256', use: 'sig', kid: keys.current().kid });
  expect(Buffer.from(publicJwk.n ?? '', 'base64url').length * 8).toBe(2_048);
  const [elliptic = {}] = (await open({ dir: join(dir, 'ec'), algorithm: 'ES256' })).published();
  expect(Object.keys(elliptic).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
});

test('no draft of a key is left behind', async () => {
  await open();
  expect(readdirSync(dir)).toEqual(['key-000001.json']);
});

describe('rotation', () => {
  test('the next key is published a day before it signs, the last one a day after it signed, and then its file is gone', async () => {
    const keys = await open();
    const old = keys.current().kid;
    const at = async (ms: number): Promise<void> => {
      nowMs = START_MS + ms;
      await keys.refresh();
    };
    const rotation = 90 * DAY_MS;
    await at(rotation - PUBLISHED_AHEAD_MS - 1);
    expect(kids(keys)).toEqual([old]);
    await at(rotation - PUBLISHED_AHEAD_MS);
    const next = kids(keys)[1];
    expect(kids(keys)).toEqual([old, next]);
    expect(keys.current().kid).toBe(old);
    await at(rotation - 1);
    expect(keys.current().kid).toBe(old);
    await at(rotation);
    expect(keys.current().kid).toBe(next);
    expect(kids(keys)).toEqual([old, next]);
    await at(rotation + PUBLISHED_AFTER_MS - 1);
    expect(kids(keys)).toEqual([old, next]);
    await at(rotation + PUBLISHED_AFTER_MS);
    expect(kids(keys)).toEqual([next]);
    expect(readdirSync(dir)).toEqual(['key-000002.json']);
  });

  test('over years, whoever has looked at the keys within a day knows the one that signs', async () => {
    const keys = await open({ rotateAfterMs: 7 * DAY_MS });
    const seen: { atMs: number; kids: (string | undefined)[] }[] = [];
    const signers = new Set<string>();
    for (let hour = 0; hour < 24 * 365; hour += 3) {
      nowMs = START_MS + hour * 3_600_000;
      await keys.refresh();
      seen.push({ atMs: nowMs, kids: kids(keys) });
      signers.add(keys.current().kid);
      const dayOld = seen.find(({ atMs }) => atMs >= nowMs - PUBLISHED_AHEAD_MS);
      expect(dayOld?.kids).toContain(keys.current().kid);
      expect(kids(keys).length).toBeLessThanOrEqual(3);
    }
    expect(signers.size).toBeGreaterThan(40);
  }, 120_000);

  test('brokers that share the folder sign with the same key at the same time, whoever made it', async () => {
    const [one, other] = [await open(), await open()];
    for (let day = 0; day < 200; day++) {
      nowMs = START_MS + day * DAY_MS;
      await Promise.all([one.refresh(), other.refresh()]);
      await one.refresh(); // once more: the other one may have made a key after it was read
      expect(one.current().kid).toBe(other.current().kid);
      expect(kids(one)).toEqual(kids(other));
    }
  });

  test('another algorithm is rotated to like another key', async () => {
    const old = (await open()).current().kid;
    const keys = await open({ algorithm: 'ES256' });
    expect(keys.current().kid).toBe(old);
    expect(keys.published().map(({ alg }) => alg)).toEqual(['RS256', 'ES256']);
    nowMs += PUBLISHED_AHEAD_MS;
    expect(keys.current().algorithm).toBe('ES256');
  });

  test('brokers with different settings do not make key after key', async () => {
    const [rsa, ec] = [await open(), await open({ algorithm: 'ES256' })];
    for (let minute = 0; minute < 60; minute++) {
      nowMs += 60_000;
      await rsa.refresh();
      await ec.refresh();
    }
    expect(readdirSync(dir)).toHaveLength(2);
  });

  test('a key signs for ever if that is wanted', async () => {
    const keys = await open({ rotateAfterMs: 0 });
    nowMs += 3_650 * DAY_MS;
    await keys.refresh();
    expect(kids(keys)).toHaveLength(1);
  });

  test('an outage of years is no reason to sign with a key that nobody has seen', async () => {
    const old = (await open()).current().kid;
    nowMs += 1_000 * DAY_MS;
    const keys = await open();
    expect(keys.current().kid).toBe(old);
    expect(kids(keys)).toHaveLength(2);
  });

  test('a file that was spoilt leaves the keys at hand as they are', async () => {
    const keys = await open();
    const { kid } = keys.current();
    writeFileSync(join(dir, 'key-000002.json'), 'not a key');
    await expect(keys.refresh()).rejects.toThrow(/key-000002.json is not a signing key/);
    expect(keys.current().kid).toBe(kid);
    expect(kids(keys)).toEqual([kid]);
  });
});

test('brokers that start at the same time, in processes of their own, end up with the same key', async () => {
  const built = builtFile('apps/credential-broker/src/signing-keys.ts');
  const script = `require(${JSON.stringify(built)}).SigningKeys.open({ dir: process.argv[1], algorithm: 'RS256', rotateAfterMs: 0 })
    .then((keys) => console.log(keys.current().kid))`;
  const run = async (): Promise<string> =>
    (await promisify(execFile)(process.execPath, ['-e', script, dir])).stdout.trim();
  const found = await Promise.all([run(), run(), run(), run()]);
  expect(found[0]).toMatch(/^[\w-]{43}$/);
  expect(new Set(found).size).toBe(1);
  expect(readdirSync(dir)).toEqual(['key-000001.json']);
}, 30_000);

const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey;
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey;
const fileWith = (privateKey: string, over: object = {}): string =>
  JSON.stringify({ algorithm: 'RS256', createdAt: new Date(START_MS), privateKey, ...over });

test.each<[string, () => string]>([
  ['nothing', () => ''],
  ['some text', () => 'not a key'],
  ['no key', () => fileWith('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')],
  ['a key of another kind', () => fileWith(ec('P-256').export(pkcs8).toString())],
  ['another curve', () => fileWith(ec('P-384').export(pkcs8).toString(), { algorithm: 'ES256' })],
  [
    'a key in another form',
    () => fileWith(rsa(2_048).export({ type: 'pkcs1', format: 'pem' }).toString()),
  ],
  ['a key that is cut off', () => fileWith(rsa(2_048).export(pkcs8).toString().slice(0, 400))],
  ['a key too short to sign with', () => fileWith(rsa(1_024).export(pkcs8).toString())],
  [
    'a time that is none',
    () => fileWith(rsa(2_048).export(pkcs8).toString(), { createdAt: 'now' }),
  ],
  ['an algorithm that we do not have', () => fileWith('', { algorithm: 'none' })],
])('a file that holds %s is refused at the start, and stays as it is', async (_, content) => {
  const text = content();
  mkdirSync(dir);
  writeFileSync(join(dir, 'key-000001.json'), text);
  await expect(open()).rejects.toThrow(ConfigError);
  await expect(open()).rejects.toThrow(/LOGFERRY_BROKER_SIGNING_KEYS_DIR is .*: key-000001.json/);
  expect(readFileSync(join(dir, 'key-000001.json'), 'utf8')).toBe(text);
});

test('a place where no folder can be made is refused in a sentence', async () => {
  writeFileSync(dir, '');
  await expect(open()).rejects.toThrow(/LOGFERRY_BROKER_SIGNING_KEYS_DIR is .*EEXIST|ENOTDIR/);
});

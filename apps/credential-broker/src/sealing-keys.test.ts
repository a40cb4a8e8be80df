// The keys that secrets are sealed with, as they are written and as KMS has wrapped them. KMS is played by a stand-in over HTTP.
import { DATA_KEY_CONTEXT, openDataKey, sharedTransport } from '@logferry/aws';
import { ConfigError, Secret } from '@logferry/runtime';
import { startKmsStandIn, type KmsStandIn } from '@logferry/testing';
import { randomBytes } from 'node:crypto';
import { readSealingKeys } from './sealing-keys';

const KEY_ARN = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const context = DATA_KEY_CONTEXT;
const environmentBefore = { ...process.env };
const transport = sharedTransport({ requestTimeoutMs: 10_000 });

let kms: KmsStandIn;

beforeAll(async () => {
  kms = await startKmsStandIn();
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: kms.url,
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY',
  });
});

afterAll(async () => {
  process.env = environmentBefore;
  await kms.stop();
});

const base64 = Buffer.alloc(32, 255).toString('base64');
const read = (text: string) =>
  readSealingKeys(new Secret(text), (wrapped) => openDataKey(transport, wrapped));

/** What it says why it cannot start. */
async function refusal(text: string): Promise<string> {
  const error: unknown = await read(text).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  return String(error);
}

function wrapped(over: { plaintext?: Buffer; context?: Record<string, string> } = {}) {
  const ciphertext = randomBytes(184).toString('base64');
  const plaintext = randomBytes(32);
  kms.wrap({ kmsKeyArn: KEY_ARN, ciphertext, plaintext, context, ...over });
  return { ciphertext, plaintext };
}

test('keys are read as openssl writes them, in both alphabets', async () => {
  const url = Buffer.alloc(32, 255).toString('base64url');
  expect((await read(` a:${base64},\nb:${url}\n`)).map(({ id }) => id)).toEqual(['a', 'b']);
  expect((await read(`a:${base64}`))[0]?.bytes).toEqual(Buffer.alloc(32, 255));
  expect(await read('')).toEqual([]);
});

test.each([
  ['no id', base64],
  ['a key too short', `a:${Buffer.alloc(31).toString('base64')}`],
  ['a key too long', `a:${Buffer.alloc(33).toString('base64')}`],
  ['an id that a sealed secret cannot hold', `a.b:${base64}`],
  ['an id twice', `a:${base64},a:${Buffer.alloc(32).toString('base64')}`],
  ['an alias of KMS, which may come to mean another key', `a:arn:aws:kms:x:1:alias/b:${base64}`],
  ['text', 'this is no key at all'],
])('%s is refused at the start, and not shown', async (_, text) => {
  expect(await refusal(text)).not.toContain(text.slice(0, 12));
});

test('a key that KMS has wrapped opens, beside one that stands there as it is', async () => {
  const { ciphertext, plaintext } = wrapped();
  expect(await read(`new:${KEY_ARN}:${ciphertext},old:${base64}`)).toEqual([
    { id: 'new', bytes: plaintext },
    { id: 'old', bytes: Buffer.alloc(32, 255) },
  ]);
});

test('a KMS that is away for a moment is asked again, and one that stays away is not asked for ever', async () => {
  const { ciphertext, plaintext } = wrapped();
  kms.fail('ThrottlingException', 'KMSInternalException');
  expect(await read(`a:${KEY_ARN}:${ciphertext}`)).toEqual([{ id: 'a', bytes: plaintext }]);
  const before = kms.calls;
  kms.fail(...Array<string>(50).fill('KMSInternalException'));
  expect(await refusal(`a:${KEY_ARN}:${ciphertext}`)).toContain('KMS does not answer as it should');
  expect(kms.calls - before).toBe(4);
  kms.fail();
}, 30_000);

test.each([
  ['AccessDeniedException', 'AWS does not allow us kms:Decrypt with this key'],
  ['DisabledException', 'the key of KMS is disabled'],
  ['NotFoundException', 'there is no such key of KMS'],
])('%s is told in a sentence, without the words of AWS', async (error, told) => {
  const { ciphertext } = wrapped();
  kms.fail(error);
  const said = await refusal(`a:${KEY_ARN}:${ciphertext}`);
  expect(said).toContain(`LOGFERRY_BROKER_SEALING_KEYS: number 1 does not open: ${told}`);
  for (const word of ['of AWS', ciphertext, KEY_ARN]) expect(said).not.toContain(word);
});

test('what another key has wrapped, or for another purpose, or is of another length, is no key', async () => {
  const other = `${KEY_ARN.slice(0, -1)}c`;
  const { ciphertext } = wrapped();
  expect(await refusal(`a:${other}:${ciphertext}`)).toContain('another key of KMS has wrapped it');
  const foreign = wrapped({ context: { purpose: 'another' } });
  expect(await refusal(`a:${KEY_ARN}:${foreign.ciphertext}`)).toContain(
    'not wrapped with the encryption context logferry=sealing-key',
  );
  const short = wrapped({ plaintext: randomBytes(16) });
  expect(await refusal(`a:${KEY_ARN}:${short.ciphertext}`)).toContain('opens to 16 bytes, not 32');
});

test('everything that is amiss is told at once, by its place', async () => {
  const { ciphertext } = wrapped();
  kms.fail('DisabledException');
  const said = await refusal(`nonsense,a:${KEY_ARN}:${ciphertext}`);
  expect(said).toMatch(/number 1 is something other/);
  expect(said).toMatch(/number 2 does not open/);
});

// Our tokens before an STS that verifies them by our published documents as AWS does: those that we make are taken, and those that
// somebody else makes, or that say anything else, are refused.
import { WebIdentitySts, sharedTransport } from '@logferry/aws';
import { startSandboxAws, tenantTrustPolicy, type SandboxAws } from '@logferry/testing';
import { decodeJwt, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Issuer } from './issuer';
import { PUBLISHED_AHEAD_MS, SigningKeys } from './signing-keys';

const account = '123456789012';
const roleArn = `arn:aws:iam::${account}:role/logferry`;
const DAY_MS = 86_400_000;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

let aws: SandboxAws;
let server: Server;
let dir: string;
let url: string;
let keys: SigningKeys;
let issuer: Issuer;
/** What the keys take the time to be; STS has its own clock. */
let keysNowMs: number;

beforeAll(async () => {
  aws = await startSandboxAws({ port: 0 });
  process.env.AWS_ENDPOINT_URL = aws.url;
  server = createServer((request, response) => {
    const document = request.url?.endsWith('jwks.json') ? issuer.jwks() : issuer.discovery();
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'logferry-tokens-'));
  keysNowMs = Date.now();
  aws.reset();
  aws.seed({
    accounts: [account],
    oidcProviders: [{ account, url }],
    roles: [{ arn: roleArn, trustPolicy: tenantTrustPolicy(account, url, 'acme') }],
  });
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

afterAll(async () => {
  server.closeAllConnections();
  await Promise.all([aws.stop(), new Promise((resolve) => server.close(resolve))]);
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
});

async function issue(algorithm: 'RS256' | 'ES256' = 'RS256'): Promise<void> {
  const now = (): number => keysNowMs;
  keys = await SigningKeys.open({ dir, algorithm, rotateAfterMs: 2 * DAY_MS, now });
  issuer = new Issuer(url, keys);
}

const transport = sharedTransport();
const call = {
  region: 'eu-central-1',
  roleArn,
  sessionName: 'logferry-acme',
  durationSeconds: 900,
};
const assume = (token: string) => new WebIdentitySts(transport).assumeRole({ ...call, token });

test.each(['RS256', 'ES256'] as const)(
  'a token signed with %s gives a session',
  async (algorithm) => {
    await issue(algorithm);
    expect((await assume(await issuer.tokenFor('acme', Date.now()))).accessKeyId).toMatch(/^ASIA/);
  },
);

test('through a rotation, every token gives a session for as long as it lives', async () => {
  await issue();
  const signers = new Set<string>();
  let before = await issuer.tokenFor('acme', Date.now());
  for (let hour = 0; hour < 120; hour += 6) {
    keysNowMs += 6 * 3_600_000;
    await keys.refresh();
    signers.add(keys.current().kid);
    // The one from before the step was signed hours ago by the keys' clock, which is longer than a token lives.
    await assume(before);
    before = await issuer.tokenFor('acme', Date.now());
    await assume(before);
  }
  expect(signers.size).toBeGreaterThan(1);
});

test('a token of a key that was outlived gives none any more', async () => {
  await issue();
  const old = await issuer.tokenFor('acme', Date.now());
  keysNowMs += 2 * DAY_MS - PUBLISHED_AHEAD_MS;
  await keys.refresh();
  keysNowMs += 2 * DAY_MS;
  await assume(await issuer.tokenFor('acme', Date.now()));
  await expect(assume(old)).rejects.toMatchObject({
    code: expect.stringMatching(/^credential\./) as string,
  });
});

/** The claims of a token of ours, or others, signed with our key as we do it. */
async function signed(over: JWTPayload, header: object = {}): Promise<string> {
  const { algorithm, kid, privateKey } = keys.current();
  const claims = decodeJwt(await issuer.tokenFor('acme', Date.now()));
  return new SignJWT({ ...claims, ...over })
    .setProtectedHeader({ alg: algorithm, kid, typ: 'JWT', ...header })
    .sign(privateKey);
}

const seconds = (): number => Math.floor(Date.now() / 1_000);

test('a token that differs in nothing is taken: what follows is refused for what it says', async () => {
  await issue();
  await expect(assume(await signed({}))).resolves.toBeDefined();
});

test.each<[string, () => JWTPayload]>([
  ["another tenant's subject", () => ({ sub: 'tenant:globex' })],
  ['no subject', () => ({ sub: undefined })],
  ['a subject in other letters', () => ({ sub: 'tenant:ACME' })],
  ['another audience', () => ({ aud: 'sts.example.com' })],
  ['no audience', () => ({ aud: undefined })],
  ['another issuer', () => ({ iss: 'https://oidc.example.com' })],
  ['our issuer with a path', () => ({ iss: `${url}/other` })],
  ['no issuer', () => ({ iss: undefined })],
  ['an end that has passed', () => ({ iat: seconds() - 900, exp: seconds() - 600 })],
  ['no end', () => ({ exp: undefined })],
  ['no time of issue', () => ({ iat: undefined })],
  ['a beginning that is to come', () => ({ nbf: seconds() + 3_600 })],
])('our own key, and %s: refused', async (_, claims) => {
  await issue();
  await expect(assume(await signed(claims()))).rejects.toMatchObject({
    code: expect.stringMatching(
      /^credential\.(trust_denied|provider_missing|expired|invalid)/,
    ) as string,
  });
});

test("a stranger's key under our key's name is refused, and so is one that names none of ours", async () => {
  await issue();
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const claims = decodeJwt(await issuer.tokenFor('acme', Date.now()));
  for (const kid of [keys.current().kid, 'unknown']) {
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid })
      .sign(privateKey);
    await expect(assume(token)).rejects.toMatchObject({ fault: expect.any(String) as string });
  }
  expect(aws.identities().sessions).toBe(0);
});

test('no signature, and one made with our public key as if it were a secret, are refused', async () => {
  await issue();
  const token = await issuer.tokenFor('acme', Date.now());
  const [, payload = ''] = token.split('.');
  const { kid, publicJwk } = keys.current();
  const pem = createPublicKey({ key: publicJwk, format: 'jwk' }).export({
    type: 'spki',
    format: 'pem',
  });
  const head = Buffer.from(JSON.stringify({ alg: 'HS256', kid, typ: 'JWT' })).toString('base64url');
  const mac = createHmac('sha256', pem).update(`${head}.${payload}`).digest('base64url');
  const forged = [
    new UnsecuredJWT(decodeJwt(token)).encode(),
    `${head}.${payload}.${mac}`,
    `${token.split('.').slice(0, 2).join('.')}.`,
  ];
  for (const one of forged) await expect(assume(one)).rejects.toMatchObject({ name: 'Failure' });
  expect(aws.identities().sessions).toBe(0);
});

test('a token that was changed anywhere is refused', async () => {
  await issue();
  const [head = '', payload = '', signature = ''] = (
    await issuer.tokenFor('acme', Date.now())
  ).split('.');
  const claims = { ...decodeJwt(`${head}.${payload}.${signature}`), sub: 'tenant:acme', extra: 1 };
  const other = Buffer.from(JSON.stringify(claims)).toString('base64url');
  const flip = (text: string): string => (text.startsWith('A') ? 'B' : 'A') + text.slice(1);
  for (const token of [`${head}.${other}.${signature}`, `${head}.${payload}.${flip(signature)}`])
    await expect(assume(token)).rejects.toMatchObject({ name: 'Failure' });
  expect(aws.identities().sessions).toBe(0);
});

test('session tags need a trust policy that allows them', async () => {
  await issue();
  const tagged = new Issuer(url, keys, 'transitive');
  const token = await tagged.tokenFor('acme', Date.now());
  await expect(assume(token)).rejects.toMatchObject({ code: 'credential.trust_denied' });
  const trust = tenantTrustPolicy(account, url, 'acme');
  const Statement = trust.Statement.map((one) => ({
    ...one,
    Action: [one.Action, 'sts:TagSession'],
  }));
  aws.seed({ roles: [{ arn: roleArn, trustPolicy: { ...trust, Statement } }] });
  await expect(assume(token)).resolves.toBeDefined();
});

// Tokens are judged by an outside library, through nothing but what the issuer publishes.
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Issuer, issuerProblem } from './issuer';
import { SigningKeys } from './signing-keys';

const URL_OF_ISSUER = 'https://oidc.logs.example.com';
const nowMs = Date.UTC(2026, 10, 21, 10, 48, 0, 500);
const currentDate = new Date(nowMs);

let dir: string;
let issuer: Issuer;
let stranger: Issuer;

const keysIn = (name: string, algorithm: 'RS256' | 'ES256' = 'RS256') =>
  SigningKeys.open({ dir: join(dir, name), algorithm, rotateAfterMs: 0, now: () => nowMs });

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'logferry-issuer-'));
  issuer = new Issuer(URL_OF_ISSUER, await keysIn('ours'));
  stranger = new Issuer(URL_OF_ISSUER, await keysIn('theirs'));
});

afterAll(() => {
  rmSync(dir, { recursive: true });
});

test('a token says who issued it, for which tenant, for whom, and for five minutes', async () => {
  const token = await issuer.tokenFor('acme', nowMs);
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(issuer.jwks()), {
    currentDate,
    issuer: URL_OF_ISSUER,
    audience: 'sts.amazonaws.com',
    subject: 'tenant:acme',
  });
  const nowSeconds = Math.floor(nowMs / 1_000);
  expect(payload).toMatchObject({ iat: nowSeconds, exp: nowSeconds + 300 });
  expect(Object.keys(payload).sort()).toEqual(['aud', 'exp', 'iat', 'iss', 'jti', 'sub']);
  expect(protectedHeader).toEqual({ alg: 'RS256', kid: issuer.jwks().keys[0]?.kid, typ: 'JWT' });
});

test.each(['RS256', 'ES256'] as const)(
  'a token that is signed with %s verifies with what is published',
  async (algorithm) => {
    const signed = new Issuer(URL_OF_ISSUER, await keysIn(algorithm, algorithm));
    const token = await signed.tokenFor('acme', nowMs);
    const verified = await jwtVerify(token, createLocalJWKSet(signed.jwks()), { currentDate });
    expect(verified.protectedHeader.alg).toBe(algorithm);
    expect(JSON.stringify(signed.jwks())).not.toMatch(/"(d|p|q|dp|dq|qi)":/);
  },
);

test.each([
  ['off', undefined],
  ['on', { principal_tags: { 'logferry-tenant': ['acme'] } }],
  [
    'transitive',
    {
      principal_tags: { 'logferry-tenant': ['acme'] },
      transitive_tag_keys: ['logferry-tenant'],
    },
  ],
] as const)(
  'session tags that are %s stand in the token where AWS looks for them',
  async (tagging, claim) => {
    const tagged = new Issuer(URL_OF_ISSUER, await keysIn('ours'), tagging);
    const payload = decodeJwt(await tagged.tokenFor('acme', nowMs));
    expect(payload['https://aws.amazon.com/tags']).toEqual(claim);
  },
);

test('no two tokens are the same', async () => {
  const tokens = await Promise.all([
    issuer.tokenFor('acme', nowMs),
    issuer.tokenFor('acme', nowMs),
  ]);
  expect(tokens[0]).not.toBe(tokens[1]);
});

test("another issuer's token does not pass for ours", async () => {
  const token = await stranger.tokenFor('acme', nowMs);
  expect(decodeProtectedHeader(token).kid).not.toBe(issuer.jwks().keys[0]?.kid);
  await expect(
    jwtVerify(token, createLocalJWKSet(issuer.jwks()), { currentDate }),
  ).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
});

test('the discovery document names what the tokens name', async () => {
  expect(issuer.discovery()).toMatchObject({
    issuer: URL_OF_ISSUER,
    jwks_uri: `${URL_OF_ISSUER}/.well-known/jwks.json`,
    id_token_signing_alg_values_supported: ['RS256', 'ES256'],
  });
  expect(issuer.jwks().keys).toHaveLength(1);
  expect(JSON.stringify(issuer.jwks())).not.toMatch(/"(d|p|q|dp|dq|qi)":/);
  await expect(issuer.tokenFor('acme', nowMs)).resolves.toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
});

const https = /must begin with https/;
const plain = /must have no query, fragment or user/;

test.each<[string, RegExp | undefined]>([
  ['https://oidc.logs.example.com', undefined],
  ['https://logs.example.com/oidc/eu', undefined],
  ['http://127.0.0.1:8082', undefined],
  ['http://[::1]:8082', undefined],
  ['http://localhost:8082', undefined],
  ['http://credential-broker:8082', undefined],
  ['oidc.logs.example.com', /is not a URL/],
  ['', /is not a URL/],
  ['http://oidc.logs.example.com', https],
  ['http://10.0.0.7', https],
  ['http://[2001:db8::1]:8082', https],
  ['ftp://oidc.logs.example.com', https],
  ['https://oidc.example.com?a=b', plain],
  ['https://oidc.example.com?', plain],
  ['https://oidc.example.com/#', plain],
  ['https://ferry@oidc.example.com', plain],
  ['https://:horse@oidc.example.com', plain],
  ['https://oidc.example.com/', /must not end with a slash/],
  ['https://oidc.example.com/eu/', /must not end with a slash/],
  ['HTTPS://oidc.example.com', /must be written as https:\/\/oidc.example.com/],
  ['https://OIDC.example.com', /must be written as https:\/\/oidc.example.com/],
  [' https://oidc.example.com', /must be written as https:\/\/oidc.example.com/],
  ['https://oidc.example.com:443', /must be written as https:\/\/oidc.example.com/],
  ['https://oidc.example.com:8443', /must have no port/],
  ['https://oidc.example.com:8443/eu', /must have no port/],
  ['https://127.0.0.1:8443', undefined],
  ['https://oidc.example.com/a/../b', /must be written as https:\/\/oidc.example.com/],
  [`https://oidc.example.com/${'a'.repeat(230)}`, undefined],
  [`https://oidc.example.com/${'a'.repeat(231)}`, /must not be longer than 255/],
])('%j as an issuer: %s', (url, problem) => {
  const found = issuerProblem(url);
  if (problem === undefined) expect(found).toBeUndefined();
  else expect(found).toMatch(problem);
});

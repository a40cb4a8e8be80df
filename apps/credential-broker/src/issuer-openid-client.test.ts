// The issuer as a client of OpenID Connect takes it that has nothing to do with what we sign by, and knows no more than the issuer's
// address: it discovers the documents, fetches the keys, and judges the token by both.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as openid from 'openid-client';
import { decodeJwt, SignJWT, type JWTPayload } from 'jose';
import { Issuer } from './issuer';
import type { SigningKey } from './signing-key-file';
import { SigningKeys } from './signing-keys';

const AUDIENCE = 'sts.amazonaws.com';

let dir: string;
let server: Server;
let url: string;
let keys: SigningKeys;
let issuer: Issuer;
/** What the token endpoint, which our issuer has not, answers with. */
let token: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'logferry-openid-'));
  server = createServer((request, response) => {
    const documents: Record<string, unknown> = {
      '/.well-known/openid-configuration': issuer.discovery(),
      '/.well-known/jwks.json': issuer.jwks(),
      '/token': { access_token: 'none', token_type: 'bearer', id_token: token },
    };
    const document = documents[request.url ?? ''];
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true });
});

async function use(algorithm: 'RS256' | 'ES256'): Promise<void> {
  keys = await SigningKeys.open({ dir: join(dir, algorithm), algorithm, rotateAfterMs: 0 });
  issuer = new Issuer(url, keys, 'transitive');
}

/** The claims that the client takes of a token that it was handed as AWS is. */
async function claimsOf(shown: string): Promise<openid.IDToken | undefined> {
  token = shown;
  const options = { execute: [openid.allowInsecureRequests] };
  const found = await openid.discovery(new URL(url), AUDIENCE, undefined, undefined, options);
  const { issuer: name, jwks_uri } = found.serverMetadata();
  const metadata = { issuer: name, jwks_uri, token_endpoint: `${url}/token` };
  const { algorithm } = keys.current();
  const config = new openid.Configuration(metadata, AUDIENCE, {
    id_token_signed_response_alg: algorithm,
    client_secret: 'none',
  });
  openid.allowInsecureRequests(config);
  openid.enableNonRepudiationChecks(config); // it looks at the signature too, which TLS spares it otherwise
  const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
  return (await openid.genericGrantRequest(config, grant, {})).claims();
}

/** A token of ours that says something else. */
function signed(over: JWTPayload, key: SigningKey = keys.current()): Promise<string> {
  const claims = { ...decodeJwt(token), ...over };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: key.algorithm, kid: keys.current().kid, typ: 'JWT' })
    .sign(key.privateKey);
}

test.each(['RS256', 'ES256'] as const)(
  'it discovers the issuer, and takes a token that is signed with %s',
  async (algorithm) => {
    await use(algorithm);
    expect(await claimsOf(await issuer.tokenFor('acme', Date.now()))).toMatchObject({
      iss: url,
      sub: 'tenant:acme',
      aud: AUDIENCE,
    });
  },
);

/** Why it takes a token for none. */
async function refusal(shown: string): Promise<string> {
  const error: unknown = await claimsOf(shown).catch((thrown: unknown) => thrown);
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? cause.message : 'it was taken';
}

const seconds = (): number => Math.floor(Date.now() / 1_000);

test.each<[string, () => JWTPayload]>([
  ['another issuer', () => ({ iss: 'https://oidc.example.com' })],
  ['another audience', () => ({ aud: 'sts.example.com' })],
  ['an end that has passed', () => ({ exp: seconds() - 60 })],
  ['no end', () => ({ exp: undefined })],
  ['no subject', () => ({ sub: undefined })],
])('a token with %s it refuses, and the same without it takes', async (_, claims) => {
  await use('RS256');
  token = await issuer.tokenFor('acme', Date.now());
  expect(await claimsOf(await signed({}))).toBeDefined();
  const [claim = ''] = Object.keys(claims());
  expect(await refusal(await signed(claims()))).toContain(`"${claim}"`);
});

test("a token that a stranger has signed under our key's name it refuses", async () => {
  await use('RS256');
  const dirOfStranger = join(dir, 'stranger');
  const stranger = await SigningKeys.open({
    dir: dirOfStranger,
    algorithm: 'RS256',
    rotateAfterMs: 0,
  });
  token = await issuer.tokenFor('acme', Date.now());
  const forged = await signed({}, stranger.current());
  expect(await refusal(forged)).toBe('JWT signature verification failed');
});

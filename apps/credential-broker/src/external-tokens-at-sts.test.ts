// Tokens of an issuer that the platform has already, before an STS that verifies them as AWS does, and the trust policy that the console
// prints for them: it lets in who it was printed for, and nobody else.
import { accountSetup, sharedTransport, WebIdentitySts, type Platform } from '@logferry/aws';
import { Destination } from '@logferry/core';
import { Secret } from '@logferry/runtime';
import {
  startOidcIssuer,
  startSandboxAws,
  type OidcIssuer,
  type SandboxAws,
} from '@logferry/testing';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { FileTokens, HttpTokens } from './external-tokens';
import type { TokenSource } from './session-fetcher';

const account = '123456789012';
const region = 'eu-central-1';
const audience = 'hoMiq9PdkRh9LUvVpH4wIErWg50VSG1b';
const tenants = ['acme', 'globex'];
const roleOf = (tenantId: string): string => `arn:aws:iam::${account}:role/${tenantId}`;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

let aws: SandboxAws;
let issuer: OidcIssuer;
/** As their `iss` has it: with a slash at the end, as Auth0's custom domains have. */
let iss: string;
let server: Server;
let dir: string;

const subjectFor = (pattern: string, tenantId: string): string =>
  pattern.replaceAll('{tenant}', tenantId);
/** What such an issuer says besides: whom it was asked for, and who asked. */
const tokenOf = (sub: string): Promise<string> =>
  issuer.token({ iss, sub, aud: ['https://prod.example.com'], azp: audience });

beforeAll(async () => {
  aws = await startSandboxAws({ port: 0 });
  process.env.AWS_ENDPOINT_URL = aws.url;
  issuer = await startOidcIssuer();
  iss = `${issuer.url}/`;
  server = createServer((request, response) => {
    void text(request).then(async (body) => {
      const sub = new URLSearchParams(body).get('subject') ?? '';
      response.end(JSON.stringify({ access_token: await tokenOf(sub), expires_in: 300 }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  dir = mkdtempSync(join(tmpdir(), 'logferry-external-'));
});

afterAll(async () => {
  rmSync(dir, { recursive: true });
  server.closeAllConnections();
  await Promise.all([aws.stop(), issuer.stop(), new Promise((resolve) => server.close(resolve))]);
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
});

/** An account in which each tenant's role has the trust policy that is printed for it. */
function paste(subjectPattern: string): void {
  const platform: Platform = {
    issuerUrl: iss,
    audience,
    subjectPattern,
    principalArn: undefined,
    hasSessionTags: false,
  };
  aws.reset();
  aws.seed({
    accounts: [account],
    oidcProviders: [{ account, url: iss, clientIds: [audience] }],
    roles: tenants.map((tenantId) => {
      const credentials = { kind: 'web_identity', roleArn: roleOf(tenantId) };
      const s3 = { bucket: 'logs' };
      const destination = Destination.parse({ id: 'logs', type: 's3', region, credentials, s3 });
      const setup = accountSetup(tenantId, destination, platform);
      if ('problem' in setup || setup.identity.kind !== 'role')
        throw new Error('a role is printed');
      return { arn: roleOf(tenantId), trustPolicy: setup.identity.trustPolicy };
    }),
  });
}

const sources: [string, (subject: string) => Promise<TokenSource>][] = [
  [
    'a file',
    async (subject) => {
      for (const tenantId of tenants)
        writeFileSync(join(dir, `${tenantId}.jwt`), await tokenOf(subjectFor(subject, tenantId)));
      return new FileTokens(join(dir, '{tenant}.jwt'), subject);
    },
  ],
  [
    'an endpoint',
    (subject) => {
      const { port } = server.address() as AddressInfo;
      const client = { clientId: 'logferry', clientSecret: new Secret('a-secret-of-the-client') };
      const parameters = new URLSearchParams({ subject }).toString();
      const url = `http://127.0.0.1:${port}/token`;
      const tokens = new HttpTokens({ ...client, url, parameters, subject, timeoutMs: 5_000 });
      return Promise.resolve(tokens);
    },
  ],
];

const sts = new WebIdentitySts(sharedTransport());
async function assume(tokens: TokenSource, tenantId: string, roleArn: string): Promise<string> {
  const token = await tokens.tokenFor(tenantId, Date.now());
  const call = { region, roleArn, sessionName: 'logferry', durationSeconds: 900, token };
  return sts.assumeRole(call).then(
    () => 'let in',
    (error: unknown) => String((error as { code?: unknown }).code),
  );
}

describe.each(sources)('tokens of an issuer of its own, from %s', (_, open) => {
  test("let a tenant into its own role by the printed policy, and into nobody else's", async () => {
    const subject = 'auth0|logs-{tenant}';
    paste(subject);
    const tokens = await open(subject);
    expect(tokens.isPerTenant).toBe(true);
    expect(await assume(tokens, 'acme', roleOf('acme'))).toBe('let in');
    expect(await assume(tokens, 'globex', roleOf('globex'))).toBe('let in');
    expect(await assume(tokens, 'globex', roleOf('acme'))).toBe('credential.trust_denied');
  });

  test('are refused where the printed policy is for another subject', async () => {
    const tokens = await open('auth0|{tenant}');
    paste('tenant:{tenant}');
    expect(await assume(tokens, 'acme', roleOf('acme'))).toBe('credential.trust_denied');
  });

  test('with one subject for all let each into all, and are known for it', async () => {
    const subject = 'auth0|all';
    paste(subject);
    const tokens = await open(subject);
    expect(await assume(tokens, 'globex', roleOf('acme'))).toBe('let in');
    expect(tokens.isPerTenant).toBe(false);
  });
});

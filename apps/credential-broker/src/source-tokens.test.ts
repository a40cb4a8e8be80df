import { Failure, Source } from '@logferry/core';
import { startAuth0StandIn, until, type Auth0StandIn } from '@logferry/testing';
import { hash } from 'node:crypto';
import { Sealing } from './sealing';
import { SourceTokens } from './source-tokens';

const DOMAIN = 'acme.eu.auth0.com';
const CLIENT_SECRET = 'what Auth0 showed once';
const owner = { tenantId: 'acme', sourceId: 'auth0' };
const sealing = new Sealing([{ id: '1', bytes: Buffer.alloc(32, 7) }]);

let auth0: Auth0StandIn;
let sources: Map<string, Source>;
let nowMs: number;
let domains: string;

beforeAll(async () => {
  auth0 = await startAuth0StandIn({ nowMs: () => nowMs });
});

beforeEach(() => {
  nowMs = Date.now();
  auth0.clearFaults();
  auth0.addTenant({ domain: DOMAIN, clients: [{ clientId: 'a', clientSecret: CLIENT_SECRET }] });
  domains = '.auth0.com';
  sources = new Map([['acme/auth0', aSource()]]);
});

afterAll(async () => {
  await auth0.stop();
});

function aSource(over: object = {}): Source {
  const sealedSecret = sealing.seal(owner, CLIENT_SECRET);
  return Source.parse({
    ...{ id: 'auth0', type: 'auth0', domain: DOMAIN, clientId: 'a', sealedSecret },
    ...over,
  });
}

function someTokens(): SourceTokens {
  return new SourceTokens({
    directory: { source: (t, s) => Promise.resolve(sources.get(`${t}/${s}`)) },
    sealing,
    reach: { domains, endpointUrl: auth0.url },
    timeoutMs: 10_000,
    onRefreshError: () => undefined,
    now: () => nowMs,
  });
}

const asked = (): number =>
  auth0.tenant(DOMAIN).calls.filter(({ operation }) => operation === 'token').length;

test('a token is fetched once, however many ask for it, and kept', async () => {
  const tokens = someTokens();
  const all = await Promise.all([1, 2, 3].map(() => tokens.get('acme', 'auth0')));
  all.push(await tokens.get('acme', 'auth0'));
  expect(new Set(all.map(({ accessToken }) => accessToken)).size).toBe(1);
  expect(asked()).toBe(1);
});

test('it is renewed ahead of its end, and the one at hand serves meanwhile', async () => {
  const tokens = someTokens();
  const first = await tokens.get('acme', 'auth0');
  nowMs += 86_400_000 * 0.81;
  auth0.tenant(DOMAIN).revokeTokens(); // within a second it would issue the very same
  expect((await tokens.get('acme', 'auth0')).accessToken).toBe(first.accessToken);
  await until(async () => (await tokens.get('acme', 'auth0')).accessToken !== first.accessToken);
  expect(asked()).toBe(2);
});

test('a token that Auth0 refused is never handed out again', async () => {
  const tokens = someTokens();
  const { accessToken } = await tokens.get('acme', 'auth0');
  auth0.tenant(DOMAIN).revokeTokens();
  const next = await tokens.get('acme', 'auth0', hash('sha256', accessToken, 'hex'));
  expect(next.accessToken).not.toBe(accessToken);
  expect((await tokens.get('acme', 'auth0')).accessToken).toBe(next.accessToken);
});

test('if Auth0 issues the very same again, there is none', async () => {
  const tokens = someTokens();
  const refusedHash = hash('sha256', (await tokens.get('acme', 'auth0')).accessToken, 'hex');
  const again = tokens.get('acme', 'auth0', refusedHash);
  await expect(again).rejects.toMatchObject({ code: 'source.token_refused' });
});

test('a source that was changed gets a token of its own', async () => {
  const tokens = someTokens();
  const first = await tokens.get('acme', 'auth0');
  sources.set('acme/auth0', aSource());
  const second = await tokens.get('acme', 'auth0');
  expect(second.issuedFor).not.toBe(first.issuedFor);
  expect(asked()).toBe(2);
});

test('what Auth0 refused for the owner to mend is not asked again at once', async () => {
  sources.set('acme/auth0', aSource({ clientId: 'another' }));
  const tokens = someTokens();
  const get = (): Promise<unknown> => tokens.get('acme', 'auth0').catch((error: unknown) => error);
  expect(await get()).toMatchObject({ code: 'source.client_refused' });
  expect(await get()).toMatchObject({ code: 'source.client_refused' });
  expect(asked()).toBe(1);
  nowMs += 15_001;
  await get();
  expect(asked()).toBe(2);
});

test.each<[string, () => void, string]>([
  ['is not there', () => sources.clear(), 'source.missing'],
  [
    'has a secret that was sealed for another',
    () =>
      sources.set(
        'acme/auth0',
        aSource({ sealedSecret: sealing.seal({ ...owner, sourceId: 'x' }, CLIENT_SECRET) }),
      ),
    'credential.secret_unreadable',
  ],
  [
    'is at a domain that the platform does not allow',
    () => sources.set('acme/auth0', aSource({ domain: 'internal.example' })),
    'source.domain_not_allowed',
  ],
])('no token for a source that %s, and nobody is asked', async (_, make, code) => {
  make();
  const failure = await someTokens()
    .get('acme', 'auth0')
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Failure);
  expect(failure).toMatchObject({ code });
  expect(asked()).toBe(0);
});

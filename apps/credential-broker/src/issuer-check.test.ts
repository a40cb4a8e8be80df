import { startOidcIssuer, type IssuerBehaviour, type OidcIssuer } from '@logferry/testing';
import { issuerDocumentsProblem } from './issuer-check';

let world: OidcIssuer;

beforeEach(async () => {
  world = await startOidcIssuer();
});

afterEach(() => world.stop());

const problem = (kid = 'key-1'): Promise<string | undefined> =>
  issuerDocumentsProblem({ url: world.url, jwks: () => ({ keys: [{ kid }] }) }, 10_000);

test('an issuer whose documents the world finds has no problem', async () => {
  expect(await problem()).toBeUndefined();
});

test.each<[IssuerBehaviour, RegExp]>([
  ['failing', /openid-configuration answers HTTP 500$/],
  ['unreachable', /openid-configuration does not answer$/],
  ['garbled', /answers something other than JSON$/],
  ['misnamed', /is the document of another issuer$/],
  ['redirecting', /answers HTTP 302$/],
  ['without-keys', /jwks lacks a key that this broker signs with/],
])('one that is %s has', async (behaviour, expected) => {
  world.behaviour = behaviour;
  expect(await problem()).toMatch(expected);
});

test('a broker that has keys of its own, which the others do not publish, is told so', async () => {
  expect(await problem('of this broker alone')).toMatch(/brokers need the same signing keys$/);
});

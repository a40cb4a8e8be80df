import { ConfigError } from '@logferry/runtime';
import { withEnvironment } from '@logferry/testing';
import { loadBrokerConfig } from './config';
import { FileTokens, HttpTokens } from './external-tokens';
import { tokenSourceOf, tokenSourceWarnings } from './token-source';

const own = { tokenFor: () => Promise.resolve('ours') };

const sourceOf = (environment: Record<string, string>) =>
  withEnvironment(
    {
      LOGFERRY_BROKER_SECRET: 'what-all-workers-know',
      LOGFERRY_BROKER_ISSUER_URL: 'https://oidc.example.com',
      ...environment,
    },
    () => Promise.resolve(tokenSourceOf(loadBrokerConfig(), own)),
  );

const http = {
  LOGFERRY_BROKER_TOKEN_SOURCE: 'http',
  LOGFERRY_BROKER_TOKEN_URL: 'https://login.example.com/oauth/token',
  LOGFERRY_BROKER_TOKEN_CLIENT_ID: 'logferry',
  LOGFERRY_BROKER_TOKEN_CLIENT_SECRET: 'a-secret-of-the-client',
};

test('STS is shown our own tokens unless another source is named', async () => {
  expect(await sourceOf({})).toBe(own);
});

test.each([
  ['/var/run/tokens/{tenant}.jwt', true],
  ['/var/run/tokens/all.jwt', false],
])(
  'tokens from the file %s are known to tell tenants apart, or not to',
  async (file, isPerTenant) => {
    const source = await sourceOf({
      LOGFERRY_BROKER_TOKEN_SOURCE: 'file',
      LOGFERRY_BROKER_TOKEN_FILE: file,
    });
    expect(source).toBeInstanceOf(FileTokens);
    expect(source.isPerTenant).toBe(isPerTenant);
  },
);

test('tokens of an endpoint need its address, who asks, and a secret', async () => {
  expect(await sourceOf(http)).toBeInstanceOf(HttpTokens);
  for (const name of Object.keys(http).slice(1)) {
    const without = Object.fromEntries(Object.entries(http).filter(([key]) => key !== name));
    const refused = sourceOf(without);
    await expect(refused).rejects.toThrow(ConfigError);
    await expect(refused).rejects.toThrow(`${name} is not set`);
  }
});

const issuer = { LOGFERRY_BROKER_TOKEN_ISSUER_URL: 'https://login.example.com/' };
const each = { LOGFERRY_BROKER_TOKEN_PARAMETERS: 'scope=logs:{tenant}' };
const oneForAll = { LOGFERRY_BROKER_TOKEN_SUBJECT: 'auth0|all' };

test.each<[string, Record<string, string>, RegExp[]]>([
  ['our own tokens', oneForAll, []],
  ['a token for each tenant', { ...http, ...each, ...issuer }, []],
  [
    'one token for all',
    { ...http, ...issuer, ...oneForAll },
    [/any tenant may name the role of any/],
  ],
  [
    'many tokens with one subject',
    { ...http, ...each, ...issuer, ...oneForAll },
    [/any tenant may name the role of any/],
  ],
  [
    'one token for all, and a subject for each',
    { ...http, ...issuer },
    [/any tenant may name/, /LOGFERRY_BROKER_TOKEN_SUBJECT is to say/],
  ],
  [
    'an issuer that nobody named',
    { ...http, ...each },
    [/LOGFERRY_BROKER_TOKEN_ISSUER_URL is to name/],
  ],
])('an operator with %s is told what it means', async (_, environment, told) => {
  const warnings = await withEnvironment(
    {
      LOGFERRY_BROKER_SECRET: 'what-all-workers-know',
      LOGFERRY_BROKER_ISSUER_URL: 'https://oidc.example.com',
      ...environment,
    },
    () => {
      const config = loadBrokerConfig();
      return Promise.resolve(tokenSourceWarnings(config, tokenSourceOf(config, own)));
    },
  );
  expect(warnings).toHaveLength(told.length);
  for (const [i, words] of told.entries()) expect(warnings[i]).toMatch(words);
});

test.each([
  ['https://login.app.env0.com/', true],
  ['https://login.example.com', true],
  ['http://login.example.com/', false],
  ['https://login.example.com//', false],
  ['https://login.example.com/?a=b', false],
])('an issuer of the platform may be %s: %p', async (url, isTaken) => {
  const told = await sourceOf({ ...http, LOGFERRY_BROKER_TOKEN_ISSUER_URL: url }).then(
    () => '',
    (error: unknown) => String(error),
  );
  expect(told.includes('LOGFERRY_BROKER_TOKEN_ISSUER_URL is')).toBe(!isTaken);
});

test('a source that is a file needs one', async () => {
  await expect(sourceOf({ LOGFERRY_BROKER_TOKEN_SOURCE: 'file' })).rejects.toThrow(
    'LOGFERRY_BROKER_TOKEN_FILE is not set',
  );
});

test.each([
  ['https://login.example.com/token', true],
  ['http://127.0.0.1:9000/token', true],
  ['http://localhost/token', true],
  ['http://[::1]:9000/token', true],
  ['http://login.example.com/token', false],
  ['http://127.0.0.1.example.com/token', false],
  ['ftp://login.example.com/token', false],
  ['login.example.com', false],
])("the client's secret goes to %s: %p", async (url, isTaken) => {
  const source = sourceOf({ ...http, LOGFERRY_BROKER_TOKEN_URL: url });
  const told = await source.then(
    () => '',
    (error: unknown) => String(error),
  );
  expect(told.includes('LOGFERRY_BROKER_TOKEN_URL must begin with https://')).toBe(!isTaken);
});

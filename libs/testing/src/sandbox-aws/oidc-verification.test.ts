// Goal: STS believes no token it has not verified, and names what is wrong in AWS's codes and statuses. Method: the real SDK and a
// real OIDC issuer over HTTP, which can be made to fail. Doubles: none.
import { startOidcIssuer } from '../oidc-issuer';
import { ACCOUNT, OTHER_ACCOUNT, ROLE_ARN, trustSubject } from './fixtures';
import { refusalOf, saying } from './sdk-clients';
import { startWebIdentityWorld, SUBJECT } from './web-identity-world';
import type { WebIdentityWorld } from './web-identity-world';

let world: WebIdentityWorld;

beforeAll(async () => {
  world = await startWebIdentityWorld();
});

beforeEach(() => {
  world.nowMs = Date.now();
  world.issuer.behaviour = 'well';
  world.seedRole();
});

afterAll(async () => {
  await world.stop();
});

describe('a token is refused', () => {
  const nowSeconds = (): number => Math.floor(world.nowMs / 1000);

  test.each<[string, () => Promise<unknown>, string, number, string]>([
    [
      'that is no JWT',
      () => world.assume({ WebIdentityToken: 'not.a.jwt' }),
      'InvalidIdentityTokenException',
      400,
      'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
    ],
    [
      'from an issuer the account does not know',
      () => world.assumeWith({ iss: 'https://stranger.example' }),
      'InvalidIdentityTokenException',
      400,
      'No OpenIDConnect provider found in your account for https://stranger.example',
    ],
    [
      'without iss',
      () => world.assumeWith({ iss: undefined }),
      'InvalidIdentityTokenException',
      400,
      'Missing a required claim: iss',
    ],
    [
      'without sub',
      () => world.assumeWith({ sub: undefined }),
      'InvalidIdentityTokenException',
      400,
      'Missing a required claim: sub',
    ],
    [
      'without aud',
      () => world.assumeWith({ aud: undefined }),
      'InvalidIdentityTokenException',
      400,
      'Missing a required claim: aud',
    ],
    [
      'without exp',
      () => world.assumeWith({ exp: undefined }),
      'InvalidIdentityTokenException',
      400,
      'Missing a required claim: exp',
    ],
    [
      'without iat',
      () => world.assumeWith({ iat: undefined }),
      'InvalidIdentityTokenException',
      400,
      'Missing a required claim: iat',
    ],
    [
      'with a time that is no integer',
      () => world.assumeWith({ iat: nowSeconds() - 0.5 }),
      'InvalidIdentityTokenException',
      400,
      'The iat claim must be an integer',
    ],
    [
      'for another audience',
      () => world.assumeWith({ aud: 'someone-else' }),
      'InvalidIdentityTokenException',
      400,
      'Incorrect token audience',
    ],
    [
      'whose azp is another client',
      () => world.assumeWith({ azp: 'someone-else' }),
      'InvalidIdentityTokenException',
      400,
      'Incorrect token audience',
    ],
    [
      'that has expired',
      () => world.assumeWith({ exp: nowSeconds() }),
      'ExpiredTokenException',
      400,
      'Token expired: current date/time',
    ],
    [
      'that is more than a day old',
      () => world.assumeWith({ iat: nowSeconds() - 86_401 }),
      'ExpiredTokenException',
      400,
      'Token too old: 86401',
    ],
    [
      'that is not valid yet',
      () => world.assumeWith({ nbf: nowSeconds() + 600 }),
      'InvalidIdentityTokenException',
      400,
      'not valid yet',
    ],
    [
      'of another subject',
      () => world.assumeWith({ sub: 'tenant:other' }),
      'AccessDenied',
      403,
      'Not authorized to perform sts:AssumeRoleWithWebIdentity',
    ],
    [
      'for a role that does not exist',
      () => world.assume({ RoleArn: `${ROLE_ARN}-absent` }),
      'AccessDenied',
      403,
      'Not authorized to perform sts:AssumeRoleWithWebIdentity',
    ],
    [
      'for a role of an account without the provider',
      () => world.assume({ RoleArn: `arn:aws:iam::${OTHER_ACCOUNT}:role/x` }),
      'InvalidIdentityTokenException',
      400,
      'No OpenIDConnect provider found in your account for',
    ],
  ])('%s', async (_name, call, ...expected) => {
    const [code, httpStatus, message] = expected;
    expect(await refusalOf(call())).toEqual({ code, httpStatus, message: saying(message) });
  });

  test('whose payload was changed after signing', async () => {
    const [head, , signature] = (
      await world.issuer.token({ sub: 'tenant:other' }, world.nowMs)
    ).split('.');
    const [, payload] = (await world.issuer.token({ sub: SUBJECT }, world.nowMs)).split('.');
    const call = world.assume({ WebIdentityToken: [head, payload, signature].join('.') });
    expect(await refusalOf(call)).toMatchObject({
      code: 'InvalidIdentityTokenException',
      message: "The token's signature could not be verified",
    });
  });

  test('that is not signed at all', async () => {
    const [, payload] = (await world.issuer.token({ sub: SUBJECT }, world.nowMs)).split('.');
    const head = Buffer.from('{"alg":"none"}').toString('base64url');
    const call = world.assume({ WebIdentityToken: `${head}.${payload ?? ''}.` });
    expect(await refusalOf(call)).toMatchObject({ code: 'InvalidIdentityTokenException' });
  });

  test.each([
    ['failing', 'IDPCommunicationErrorException', 'could not be reached'],
    ['unreachable', 'IDPCommunicationErrorException', 'could not be reached'],
    ['redirecting', 'IDPCommunicationErrorException', 'could not be reached'],
    ['garbled', 'InvalidIdentityTokenException', "Couldn't retrieve verification key"],
    ['without-keys', 'InvalidIdentityTokenException', "Couldn't retrieve verification key"],
    ['misnamed', 'InvalidIdentityTokenException', 'is not the registered provider'],
  ] as const)('while the issuer is %s', async (behaviour, code, message) => {
    world.issuer.behaviour = behaviour;
    expect(await refusalOf(world.assume())).toEqual({
      code,
      httpStatus: 400,
      message: saying(message),
    });
  });
});

describe('keys and algorithms', () => {
  test('a new key is taken at once, and a withdrawn one no longer', async () => {
    const oldToken = await world.issuer.token({ sub: SUBJECT }, world.nowMs);
    await world.issuer.rotateKeys();
    await world.assume();
    await world.assume({ WebIdentityToken: oldToken });
    world.issuer.withdrawOldKeys();
    await world.assume();
    expect(await refusalOf(world.assume({ WebIdentityToken: oldToken }))).toMatchObject({
      code: 'InvalidIdentityTokenException',
      message: saying("Couldn't retrieve verification key"),
    });
  });

  test.each([
    ['RS256', true],
    ['RS384', true],
    ['RS512', true],
    ['ES256', true],
    ['ES384', true],
    ['ES512', true],
    ['PS256', false],
    ['EdDSA', false],
  ])('%s', async (algorithm, isTaken) => {
    const signer = await startOidcIssuer({ algorithm, path: '/with/a/path' });
    world.sandbox.seed({
      accounts: [ACCOUNT],
      oidcProviders: [{ account: ACCOUNT, url: signer.url }],
      roles: [{ arn: `${ROLE_ARN}-${algorithm}`, trustPolicy: trustSubject(signer.url, SUBJECT) }],
    });
    const call = world.assume({
      RoleArn: `${ROLE_ARN}-${algorithm}`,
      WebIdentityToken: await signer.token({ sub: SUBJECT }, world.nowMs),
    });
    const outcome = isTaken ? await call : await refusalOf(call);
    expect(outcome).toMatchObject(
      isTaken
        ? { Credentials: {} }
        : { code: 'InvalidIdentityTokenException', message: saying('not supported') },
    );
    await signer.stop();
  });
});

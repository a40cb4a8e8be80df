// Trading tokens for sessions at an STS that verifies them through the issuer's own documents.
import {
  startOidcIssuer,
  startSandboxAws,
  tenantTrustPolicy,
  type OidcIssuer,
  type SandboxAws,
} from '@logferry/testing';
import { sharedTransport } from './transport';
import { WebIdentitySts, type WebIdentityCall } from './web-identity';

const account = '123456789012';
const roleArn = `arn:aws:iam::${account}:role/logferry`;

let aws: SandboxAws;
let issuer: OidcIssuer;
const sts = new WebIdentitySts(sharedTransport({ requestTimeoutMs: 20_000 }));
const endpointBefore = process.env.AWS_ENDPOINT_URL;

beforeAll(async () => {
  [aws, issuer] = await Promise.all([startSandboxAws({ port: 0 }), startOidcIssuer()]);
  process.env.AWS_ENDPOINT_URL = aws.url;
});

beforeEach(() => {
  aws.reset();
  issuer.behaviour = 'well';
  aws.seed({
    accounts: [account],
    oidcProviders: [{ account, url: issuer.url }],
    roles: [
      {
        arn: roleArn,
        trustPolicy: tenantTrustPolicy(account, issuer.url, 'acme'),
      },
    ],
  });
});

afterAll(async () => {
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
  await Promise.all([aws.stop(), issuer.stop()]);
});

const assume = async (over: Partial<WebIdentityCall> = {}, subject = 'tenant:acme') =>
  sts.assumeRole({
    region: 'eu-central-1',
    roleArn,
    sessionName: 'logferry-acme',
    durationSeconds: 3_600,
    token: await issuer.token({ sub: subject }),
    ...over,
  });

test('a token of the right tenant is a session of the asked length', async () => {
  const session = await assume({ durationSeconds: 900 });
  expect(session.accessKeyId).toMatch(/^ASIA/);
  expect(session.sessionToken).not.toBe('');
  expect(Math.abs(session.expiresAt - Date.now() - 900_000)).toBeLessThan(5_000);
});

test("another tenant's token is refused by the trust policy", async () => {
  await expect(assume({}, 'tenant:globex')).rejects.toMatchObject({
    code: 'credential.trust_denied',
  });
});

test('a role that is not there looks like one that does not trust us, as AWS has it', async () => {
  const missing = { roleArn: `arn:aws:iam::${account}:role/missing` };
  await expect(assume(missing)).rejects.toMatchObject({ code: 'credential.trust_denied' });
});

test('an account without our identity provider says so', async () => {
  aws.reset();
  aws.seed({ accounts: [account] });
  await expect(assume()).rejects.toMatchObject({
    code: expect.stringMatching(/provider_missing|trust_denied/) as string,
  });
});

test('a duration above the maximum of the role is a wrong request, not a denial', async () => {
  await expect(assume({ durationSeconds: 7_200 })).rejects.toMatchObject({
    code: 'credential.duration_too_long',
  });
});

test('an issuer that STS cannot reach just now is worth another try', async () => {
  issuer.behaviour = 'failing';
  await expect(assume()).rejects.toMatchObject({
    code: 'credential.issuer_unreachable',
    disposition: 'defer',
  });
});

test('throttling and outages of STS are told apart', async () => {
  aws.addFault({ match: { service: 'sts' }, action: { kind: 'throttle' }, times: 1 });
  await expect(assume()).rejects.toMatchObject({ code: 'credential.throttled' });
  aws.addFault({ match: { service: 'sts' }, action: { kind: 'server-error' }, times: 1 });
  await expect(assume()).rejects.toMatchObject({ code: 'credential.sts_unavailable' });
});

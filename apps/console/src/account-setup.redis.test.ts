// What the console prints for a customer to paste: for what is stored, and for what is not stored yet.
import { useConsoleTestbed } from './console.testbed';

const bed = useConsoleTestbed();
const path = '/v1/tenants/acme/destinations/logs';
const roleArn = 'arn:aws:iam::123456789012:role/logferry';

const destination = (over: object = {}): object => ({
  type: 'cloudwatch',
  region: 'eu-central-1',
  preset: 'env0',
  credentials: { kind: 'web_identity', roleArn },
  ...over,
});

interface Printed {
  trustPolicy: { Statement: { Condition: unknown }[] } | null;
  permissionPolicy: { document: { Statement: { Action: string[]; Resource: string[] }[] } };
  quickCreateUrl: string | null;
}

beforeEach(async () => {
  await bed.call('/v1/tenants/acme', { method: 'PUT', body: {} });
});

test('a stored destination has its policies printed, with issuer, subject and audience filled in', async () => {
  await bed.call(path, { method: 'PUT', body: destination() });
  const { status, body } = await bed.json<Printed>(`${path}/policy`);
  expect(status).toBe(200);
  expect(body.trustPolicy?.Statement[0]?.Condition).toEqual({
    StringEquals: {
      '127.0.0.1:8082:sub': 'tenant:acme',
      '127.0.0.1:8082:aud': 'sts.amazonaws.com',
    },
  });
  expect(body.permissionPolicy.document.Statement[0]?.Resource).toContain(
    'arn:aws:logs:eu-central-1:123456789012:log-group:env0-*',
  );
  expect(body.quickCreateUrl).toBeNull();
});

test('where the tokens are of an issuer that the platform has already, its names are printed', async () => {
  const app = await bed.startApp({
    LOGFERRY_BROKER_TOKEN_ISSUER_URL: 'https://login.example.com/',
    LOGFERRY_BROKER_TOKEN_AUDIENCE: 'hoMiq9PdkRh9LUvVpH4w',
    LOGFERRY_BROKER_TOKEN_SUBJECT: 'auth0|logs-{tenant}',
  });
  const draft = { method: 'POST', body: destination(), to: app };
  const { body } = await bed.json<Printed>(`${path}/policy`, draft);
  expect(body).toMatchObject({
    identityProvider: { url: 'https://login.example.com/', audience: 'hoMiq9PdkRh9LUvVpH4w' },
    trustPolicy: {
      Statement: [
        {
          Principal: {
            Federated: 'arn:aws:iam::123456789012:oidc-provider/login.example.com/',
          },
          Condition: {
            StringEquals: {
              'login.example.com/:sub': 'auth0|logs-acme',
              'login.example.com/:aud': 'hoMiq9PdkRh9LUvVpH4w',
            },
          },
        },
      ],
    },
  });
  await app.close();
});

test.each([
  ['terraform', /^resource "aws_iam_role" "logferry" \{$/m],
  ['cloudformation', /"Default": "tenant:acme"/],
  ['cloudformation-template', /"AWS::IAM::RolePolicy"/],
  ['commands', /^aws iam put-role-policy /m],
])('a stored destination has them printed as %s', async (format, text) => {
  await bed.call(path, { method: 'PUT', body: destination() });
  const answer = await bed.call(`${path}/policy?format=${format}`);
  expect(answer.status).toBe(200);
  expect(answer.text).toMatch(text);
});

test('a draft has them printed, and is not stored', async () => {
  const draft = destination({ cloudwatch: { retentionDays: 7 } });
  const { status, body } = await bed.json<Printed>(`${path}/policy`, {
    method: 'POST',
    body: draft,
  });
  expect(status).toBe(200);
  expect(body.permissionPolicy.document.Statement[0]?.Action).toContain('logs:PutRetentionPolicy');
  expect((await bed.call(path)).status).toBe(404);
});

test('a draft with an access key has the policy of a user printed, without asking for the secret', async () => {
  const credentials = { kind: 'access_key', accessKeyId: 'AKIALOGFERRY00000001' };
  const { status, body } = await bed.json<Printed>(`${path}/policy`, {
    method: 'POST',
    body: destination({ credentials }),
  });
  expect(status).toBe(200);
  expect(body.trustPolicy).toBeNull();
  expect(body.permissionPolicy.document.Statement[0]?.Resource).toContain(
    'arn:aws:logs:eu-central-1:*:log-group:env0-*',
  );
});

interface Refused {
  to?: string;
  body?: object;
  is: { status: number; code: string };
}

const toNobody = `${path.replace('acme', 'ajax')}/policy`;

test.each<[string, Refused]>([
  ['what is not there', { is: { status: 404, code: 'config.unknown_destination' } }],
  ['what is of no tenant', { to: toNobody, is: { status: 404, code: 'tenant.unknown' } }],
  [
    'a draft for no tenant',
    { to: toNobody, body: destination(), is: { status: 404, code: 'tenant.unknown' } },
  ],
  [
    'a draft that is none',
    { body: destination({ region: 'here' }), is: { status: 422, code: 'config.invalid' } },
  ],
  [
    'a draft whose ExternalId nobody can mint',
    {
      body: destination({ credentials: { kind: 'assume_role', roleArn } }),
      is: { status: 503, code: 'console.broker_unavailable' },
    },
  ],
])('%s is answered by its own name', async (_, { to = `${path}/policy`, body, is }) => {
  const options = body === undefined ? {} : { method: 'POST', body };
  const answer = await bed.json<{ code: string }>(to, options);
  expect({ status: answer.status, code: answer.body.code }).toEqual(is);
});

test('an unknown format is refused', async () => {
  expect((await bed.call(`${path}/policy?format=pulumi`)).status).toBe(400);
});

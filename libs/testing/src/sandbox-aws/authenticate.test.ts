// Goal: only requests that are really signed by someone the sandbox knows get through, and each service refuses in its own words.
// Method: the real SDK, with its signed requests changed on the way out. Doubles: none.
import { ACCOUNT, ADMIN, ALLOW_ALL, REGION, startWorld } from './fixtures';
import { sendRaw } from './raw-request';
import { logs, logsClient, refusalOf, s3, s3Client, saying, sts, stsClient } from './sdk-clients';
import type { SdkKeys } from './sdk-clients';
import type { SandboxAws } from './start-sandbox-aws';

interface SignedRequest {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body: unknown;
}

const MINUTE_MS = 60 * 1000;
let nowMs = Date.now();
let sandbox: SandboxAws;

beforeAll(async () => {
  sandbox = await startWorld({ nowMs: () => nowMs });
  sandbox.seed({
    accounts: [ACCOUNT],
    roles: [
      {
        arn: `arn:aws:iam::${ACCOUNT}:role/worker`,
        trustPolicy: {
          Version: '2012-10-17',
          Statement: { Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'sts:AssumeRole' },
        },
        policies: [ALLOW_ALL],
      },
    ],
    buckets: [{ name: 'a-bucket', region: REGION, account: ACCOUNT }],
  });
});

beforeEach(() => {
  nowMs = Date.now();
});

afterAll(async () => {
  await sandbox.stop();
});

type Tamper = (request: SignedRequest) => void;

/** Sends one harmless call of each service, changed by `tamper` after it has been signed. */
const SERVICES = {
  logs: async (credentials: SdkKeys, tamper: Tamper = () => undefined) => {
    const client = logsClient({ endpoint: sandbox.url, credentials });
    client.middlewareStack.add(tampering(tamper), { step: 'deserialize', priority: 'low' });
    await client.send(new logs.DescribeLogGroupsCommand({})).finally(() => {
      client.destroy();
    });
  },
  sts: async (credentials: SdkKeys, tamper: Tamper = () => undefined) => {
    const client = stsClient({ endpoint: sandbox.url, credentials });
    client.middlewareStack.add(tampering(tamper), { step: 'deserialize', priority: 'low' });
    await client.send(new sts.GetCallerIdentityCommand({})).finally(() => {
      client.destroy();
    });
  },
  s3: async (credentials: SdkKeys, tamper: Tamper = () => undefined) => {
    const client = s3Client({ endpoint: sandbox.url, credentials });
    client.middlewareStack.add(tampering(tamper), { step: 'deserialize', priority: 'low' });
    await client
      .send(new s3.PutObjectCommand({ Bucket: 'a-bucket', Key: 'key', Body: 'content' }))
      .finally(() => {
        client.destroy();
      });
  },
} as const;

type Service = keyof typeof SERVICES;

function tampering(tamper: Tamper) {
  return <Args extends { request: unknown }, Output>(next: (args: Args) => Promise<Output>) =>
    (args: Args) => {
      tamper(args.request as SignedRequest);
      return next(args);
    };
}

async function assumeWorker(): Promise<SdkKeys> {
  const client = stsClient({ endpoint: sandbox.url, credentials: ADMIN });
  const { Credentials } = await client.send(
    new sts.AssumeRoleCommand({
      RoleArn: `arn:aws:iam::${ACCOUNT}:role/worker`,
      RoleSessionName: 'tests',
      DurationSeconds: 900,
    }),
  );
  client.destroy();
  return {
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  };
}

const MISMATCH = saying('The request signature we calculated does not match');

describe('a request that is signed rightly', () => {
  test.each(['logs', 'sts', 's3'] as const)(
    'reaches %s, by a user or a session',
    async (service) => {
      await SERVICES[service](ADMIN);
      await SERVICES[service](await assumeWorker());
      expect(sandbox.identities().sessions).toBeGreaterThan(0);
    },
  );
});

describe.each<[Service, string, number]>([
  ['logs', 'InvalidSignatureException', 400],
  ['sts', 'SignatureDoesNotMatch', 403],
  ['s3', 'SignatureDoesNotMatch', 403],
])('a signature for %s that does not fit', (service, code, httpStatus) => {
  const refusal = { code, httpStatus, message: MISMATCH };

  test('because of a wrong secret', async () => {
    const call = SERVICES[service]({ ...ADMIN, secretAccessKey: 'wrong' });
    expect(await refusalOf(call)).toEqual(refusal);
  });

  test('because a signed header was changed', async () => {
    const call = SERVICES[service](ADMIN, ({ headers }) => {
      headers['amz-sdk-request'] = 'attempt=7; max=7';
    });
    expect(await refusalOf(call)).toEqual(refusal);
  });

  test('because the query was changed', async () => {
    const call = SERVICES[service](ADMIN, (request) => {
      request.query = { ...request.query, extra: '1' };
    });
    expect(await refusalOf(call)).toMatchObject({ message: MISMATCH });
  });
});

describe('a payload that was changed on the way', () => {
  test('is a wrong signature to CloudWatch Logs and STS', async () => {
    const tamper: Tamper = (request) => {
      request.body = 'x'.repeat(Number(request.headers['content-length']));
    };
    expect(await refusalOf(SERVICES.logs(ADMIN, tamper))).toMatchObject({ message: MISMATCH });
    expect(await refusalOf(SERVICES.sts(ADMIN, tamper))).toMatchObject({ message: MISMATCH });
  });

  test('is told apart from a wrong signature by S3', async () => {
    const call = SERVICES.s3(ADMIN, (request) => {
      request.body = 'CONTENT';
    });
    expect(await refusalOf(call)).toMatchObject({
      code: 'XAmzContentSHA256Mismatch',
      httpStatus: 400,
    });
  });
});

describe('keys and tokens', () => {
  const stranger = { accessKeyId: 'AKIASTRANGER00000000', secretAccessKey: 'x' };

  test.each<[Service, string, number, string]>([
    [
      'logs',
      'UnrecognizedClientException',
      400,
      'The security token included in the request is invalid.',
    ],
    ['sts', 'InvalidClientTokenId', 403, 'The security token included in the request is invalid.'],
    [
      's3',
      'InvalidAccessKeyId',
      403,
      'The AWS Access Key Id you provided does not exist in our records.',
    ],
  ])('%s does not know a stranger’s key', async (service, code, httpStatus, message) => {
    expect(await refusalOf(SERVICES[service](stranger))).toEqual({ code, httpStatus, message });
  });

  test.each<[Service, string]>([
    ['logs', 'UnrecognizedClientException'],
    ['sts', 'InvalidClientTokenId'],
    ['s3', 'InvalidToken'],
  ])(
    '%s refuses a session without its token, with another’s, and a user with one',
    async (service, code) => {
      const { accessKeyId, secretAccessKey, sessionToken = '' } = await assumeWorker();
      const other = await assumeWorker();
      const wrong = [
        { accessKeyId, secretAccessKey },
        { ...other, sessionToken },
        { ...ADMIN, sessionToken },
      ];
      for (const keys of wrong) {
        expect(await refusalOf(SERVICES[service](keys))).toMatchObject({ code });
      }
    },
  );

  test.each<[Service, string, number, string]>([
    ['logs', 'ExpiredTokenException', 400, 'The security token included in the request is expired'],
    ['sts', 'ExpiredToken', 403, 'The security token included in the request is expired'],
    ['s3', 'ExpiredToken', 400, 'The provided token has expired.'],
  ])('%s refuses a session from its expiry on', async (service, code, httpStatus, message) => {
    const startMs = nowMs;
    // The signature must stay current while the session ages, so the session is issued in the past.
    nowMs = startMs - 14 * MINUTE_MS;
    const keys = await assumeWorker();
    nowMs = startMs + MINUTE_MS - 1;
    await SERVICES[service](keys);
    nowMs = startMs + MINUTE_MS;
    expect(await refusalOf(SERVICES[service](keys))).toEqual({ code, httpStatus, message });
  });

  test.each<[Service, string]>([
    ['logs', 'UnrecognizedClientException'],
    ['sts', 'InvalidClientTokenId'],
    ['s3', 'InvalidAccessKeyId'],
  ])('%s does not know a session that was forgotten', async (service, code) => {
    const keys = await assumeWorker();
    await SERVICES[service](keys);
    expect(sandbox.forgetSessions()).toBeGreaterThan(0);
    expect(await refusalOf(SERVICES[service](keys))).toMatchObject({ code });
  });
});

describe('clocks', () => {
  test.each<[Service, string, number, RegExp]>([
    [
      'logs',
      'InvalidSignatureException',
      400,
      /^Signature expired: \w+ is now earlier than \w+ \(\w+ - 15 min\.\)$/u,
    ],
    ['sts', 'SignatureDoesNotMatch', 403, /^Signature expired: /u],
    [
      's3',
      'RequestTimeTooSkewed',
      403,
      /^The difference between the request time and the current time is too large\.$/u,
    ],
  ])('%s takes a signature up to 15 minutes old', async (service, code, httpStatus, message) => {
    nowMs = Date.now() + 14 * MINUTE_MS;
    await SERVICES[service](ADMIN);
    nowMs = Date.now() + 16 * MINUTE_MS;
    const refusal = await refusalOf(SERVICES[service](ADMIN));
    expect(refusal).toMatchObject({ code, httpStatus });
    expect(refusal.message).toMatch(message);
  });

  test.each<[Service, string]>([
    ['logs', 'InvalidSignatureException'],
    ['sts', 'SignatureDoesNotMatch'],
    ['s3', 'RequestTimeTooSkewed'],
  ])('%s takes a signature up to 15 minutes ahead', async (service, code) => {
    nowMs = Date.now() - 14 * MINUTE_MS;
    await SERVICES[service](ADMIN);
    nowMs = Date.now() - 16 * MINUTE_MS;
    expect(await refusalOf(SERVICES[service](ADMIN))).toMatchObject({ code });
  });

  test('answers carry the sandbox’s own time, so that a client can correct its clock by them', async () => {
    nowMs = Date.UTC(2030, 0, 2, 3, 4, 5);
    const answer = await sendRaw({ port: sandbox.port, path: '/a-bucket' });
    expect(answer.headers.date).toBe('Wed, 02 Jan 2030 03:04:05 GMT');
  });
});

describe('requests that are not signed, or not like this', () => {
  const target = { 'x-amz-target': 'Logs_20140328.PutLogEvents' };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  test.each<[string, number, string, object]>([
    [
      'logs',
      400,
      'MissingAuthenticationTokenException',
      { method: 'POST', headers: target, body: '{}' },
    ],
    [
      'sts',
      403,
      'MissingAuthenticationToken',
      { method: 'POST', headers: form, body: 'Action=GetCallerIdentity' },
    ],
    ['s3', 403, 'AccessDenied', { path: '/a-bucket/key' }],
  ])('%s refuses the anonymous', async (_service, httpStatus, code, request) => {
    const answer = await sendRaw({ port: sandbox.port, ...request });
    expect(answer.httpStatus).toBe(httpStatus);
    expect(answer.text).toContain(code);
  });

  test.each([
    ['Basic dXNlcjpwYXNz', 'IncompleteSignatureException'],
    ['AWS4-HMAC-SHA256 Credential=AKID', 'IncompleteSignatureException'],
    [
      'AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/logs/aws4_request, SignedHeaders=host',
      'IncompleteSignatureException',
    ],
    [
      'AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00',
      'InvalidSignatureException',
    ],
    [
      'AWS4-HMAC-SHA256 Credential=AKID/20260101/nowhere/logs/aws4_request, SignedHeaders=host, Signature=00',
      'InvalidSignatureException',
    ],
    [
      'AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/logs/aws4_request, SignedHeaders=host, Signature=00',
      'IncompleteSignatureException',
    ],
  ])('the header %s', async (authorization, code) => {
    const answer = await sendRaw({
      port: sandbox.port,
      method: 'POST',
      headers: { ...target, authorization },
      body: '{}',
    });
    expect(answer.httpStatus).toBe(400);
    expect(answer.text).toContain(`"${code}"`);
  });

  test('S3 insists that every x-amz- header is signed', async () => {
    const call = SERVICES.s3(ADMIN, ({ headers }) => {
      headers['x-amz-storage-class'] = 'GLACIER';
    });
    expect(await refusalOf(call)).toMatchObject({
      code: 'AccessDenied',
      message: 'There were headers present in the request which were not signed',
    });
  });
});

// Row by row: every error that AWS documents for a call of ours, and everything that can become of the way there, met by the sinks over
// HTTP with the SDK's own clients. What we do about each is decided in libs/core/src/failure.ts; which it is, in classify.ts.
import { Failure, failureKinds, type Disposition, type FailureCode } from '@logferry/core';
import {
  creationMemory,
  startSandboxAws,
  until,
  type FaultSpec,
  type SandboxAws,
} from '@logferry/testing';
import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { errorRules, type ErrorRule, type Service } from './classify';
import { CloudWatchSink, logEventsFrame } from './cloudwatch-sink';
import { S3Sink } from './s3-sink';
import type { SinkAccess } from './sink-access';
import { sharedTransport } from './transport';
import { WebIdentitySts } from './web-identity';

const account = '123456789012';
const region = 'eu-central-1';
const keys = { accessKeyId: 'AKIALOGFERRY00000001', secretAccessKey: 'a-secret-of-the-sandbox' };
const access: SinkAccess = {
  destinationKey: 'acme/d',
  region,
  session: { ...keys, sessionToken: '', expiresAt: Number.MAX_SAFE_INTEGER },
};
const endpointBefore = process.env.AWS_ENDPOINT_URL;

let aws: SandboxAws;

beforeAll(async () => {
  aws = await startSandboxAws({ port: 0 });
});

beforeEach(() => {
  process.env.AWS_ENDPOINT_URL = aws.url;
  aws.reset();
  const Statement = [{ Effect: 'Allow', Action: '*', Resource: '*' }];
  const policies = [{ Version: '2012-10-17', Statement }];
  aws.seed({
    accounts: [account],
    users: [{ account, name: 'logferry', accessKeys: [keys], policies }],
    buckets: [{ name: 'acme-logs', region, account }],
    logGroups: [{ account, region, name: 'there', streams: ['s'] }],
  });
});

afterAll(async () => {
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
  await aws.stop();
});

const transport = sharedTransport({ requestTimeoutMs: 300 });

function putLogEvents(logGroup: string): Promise<unknown> {
  const { head, tail } = logEventsFrame(logGroup, 's');
  const body = Buffer.from(head + JSON.stringify({ timestamp: Date.now(), message: 'm' }) + tail);
  const newGroup = { retentionDays: 30 } as const;
  const call = { logGroup, logStream: 's', body, logEvents: 1, account, newGroup };
  const memory = creationMemory();
  const sink = new CloudWatchSink(transport, { clientsMax: 10, memory });
  return sink.put(access, { ...call, compression: 'none' });
}

/** Everything that we ask of AWS. */
const calls = {
  PutLogEvents: () => putLogEvents('there'),
  CreateLogStream: () => putLogEvents('missing'),
  CreateLogGroup: () => putLogEvents('missing'),
  PutRetentionPolicy: () => putLogEvents('missing'),
  PutObject: () =>
    new S3Sink(transport, { clientsMax: 10, forcePathStyle: true }).put(
      access,
      {
        bucket: 'acme-logs',
        key: 'k',
        compression: 'none',
        contentType: 'text/plain',
        encryption: { kind: 'bucket' },
        storageClass: 'STANDARD',
        checksum: 'CRC32',
        bucketOwner: account,
      },
      Buffer.from('x'),
    ),
  AssumeRoleWithWebIdentity: () =>
    new WebIdentitySts(transport).assumeRole({
      region,
      roleArn: `arn:aws:iam::${account}:role/logferry`,
      sessionName: 'logferry-acme',
      durationSeconds: 900,
      token: 'a.b.c',
    }),
} as const;
type Operation = keyof typeof calls;
const operations = Object.keys(calls) as Operation[];
const creating: Operation[] = ['CreateLogStream', 'CreateLogGroup', 'PutRetentionPolicy'];
const ofLogs: Operation[] = ['PutLogEvents', ...creating];
const S: Operation[] = ['PutObject'];
const T: Operation[] = ['AssumeRoleWithWebIdentity'];
const P: Operation[] = ['PutLogEvents'];

type Row = [
  name: string,
  httpStatus: number,
  operations: readonly Operation[],
  code: FailureCode,
  disposition: Disposition,
  message?: string,
];

const KMS = 'not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:x:1:key/1';

/** AWS's names and statuses, from each call's own list of errors and the service's common ones. */
const documented: readonly Row[] = [
  // CloudWatch Logs
  ['ThrottlingException', 400, ofLogs, 'cloudwatch.throttled', 'defer'],
  ['ServiceUnavailableException', 500, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['InternalFailure', 500, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['ServiceUnavailable', 503, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['RequestTimeoutException', 408, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['RequestAbortedException', 400, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['MalformedHttpRequestException', 400, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['UnknownOperationException', 404, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['OperationAbortedException', 400, creating, 'cloudwatch.unavailable', 'retry'],
  ['InvalidSequenceTokenException', 400, P, 'cloudwatch.unavailable', 'retry'],
  ['ResourceNotFoundException', 400, P, 'cloudwatch.not_there_yet', 'retry'],
  ['ResourceNotFoundException', 400, ['CreateLogStream'], 'cloudwatch.not_there_yet', 'retry'],
  ['AccessDeniedException', 400, ofLogs, 'cloudwatch.access_denied', 'suspend'],
  ['NotAuthorized', 400, ofLogs, 'cloudwatch.access_denied', 'suspend'],
  ['OptInRequired', 403, ofLogs, 'cloudwatch.access_denied', 'suspend'],
  ['AccessDeniedException', 400, ofLogs, 'cloudwatch.kms_denied', 'suspend', KMS],
  ['InvalidParameterException', 400, ofLogs, 'cloudwatch.kms_denied', 'suspend', 'The KMS key'],
  [
    'AccessDeniedException',
    400,
    ['PutRetentionPolicy'],
    'cloudwatch.group_options_denied',
    'suspend',
    'not authorized to perform: logs:PutRetentionPolicy',
  ],
  [
    'AccessDeniedException',
    400,
    ['CreateLogGroup'],
    'cloudwatch.group_options_denied',
    'suspend',
    'User with accountId: 1 is not authorized to perform CreateLogGroup with Tags',
  ],
  ['LimitExceededException', 400, ofLogs, 'cloudwatch.quota_exceeded', 'suspend'],
  ['InvalidParameterException', 400, P, 'cloudwatch.invalid_batch', 'reject'],
  ['ValidationException', 400, P, 'cloudwatch.invalid_batch', 'reject'],
  ['ValidationError', 400, P, 'cloudwatch.invalid_batch', 'reject'],
  ['SerializationException', 400, P, 'cloudwatch.invalid_batch', 'reject'],
  ['RequestEntityTooLargeException', 413, P, 'cloudwatch.invalid_batch', 'reject'],
  ['InvalidParameterException', 400, creating, 'cloudwatch.group_refused', 'suspend'],
  ['ValidationException', 400, creating, 'cloudwatch.group_refused', 'suspend'],
  ['TooManyTagsException', 400, ['CreateLogGroup'], 'cloudwatch.group_refused', 'suspend'],
  // S3
  ['SlowDown', 503, S, 's3.throttled', 'defer'],
  ['RequestLimitExceeded', 503, S, 's3.throttled', 'defer'],
  ['InternalError', 500, S, 's3.unavailable', 'retry'],
  ['ServiceUnavailable', 503, S, 's3.unavailable', 'retry'],
  ['Busy', 503, S, 's3.unavailable', 'retry'],
  ['OperationAborted', 409, S, 's3.not_stored', 'retry'],
  ['ConditionalRequestConflict', 409, S, 's3.not_stored', 'retry'],
  ['RequestTimeout', 400, S, 's3.not_stored', 'retry'],
  ['BadDigest', 400, S, 's3.not_stored', 'retry'],
  ['IncompleteBody', 400, S, 's3.not_stored', 'retry'],
  ['XAmzContentSHA256Mismatch', 400, S, 's3.not_stored', 'retry'],
  ['AccessDenied', 403, S, 's3.access_denied', 'suspend'],
  ['AccountProblem', 403, S, 's3.access_denied', 'suspend'],
  ['AllAccessDisabled', 403, S, 's3.access_denied', 'suspend'],
  ['NotSignedUp', 403, S, 's3.access_denied', 'suspend'],
  ['InvalidPayer', 403, S, 's3.access_denied', 'suspend'],
  ['InvalidObjectState', 403, S, 's3.access_denied', 'suspend'],
  ['UnauthorizedAccess', 403, S, 's3.access_denied', 'suspend'],
  ['NoSuchBucket', 404, S, 's3.bucket_missing', 'suspend'],
  ['InvalidBucketName', 400, S, 's3.bucket_missing', 'suspend'],
  ['BrandNew', 301, S, 's3.wrong_region', 'suspend'],
  ['PermanentRedirect', 301, S, 's3.wrong_region', 'suspend'],
  ['TemporaryRedirect', 307, S, 's3.wrong_region', 'suspend'],
  ['AuthorizationHeaderMalformed', 400, S, 's3.wrong_region', 'suspend'],
  ['IllegalLocationConstraintException', 400, S, 's3.wrong_region', 'suspend'],
  ['KMS.DisabledException', 400, S, 'kms.denied', 'suspend'],
  ['KMS.KMSInvalidStateException', 400, S, 'kms.denied', 'suspend'],
  ['KMS.NotFoundException', 400, S, 'kms.denied', 'suspend'],
  ['AccessDenied', 403, S, 'kms.denied', 'suspend', KMS],
  ['InvalidStorageClass', 400, S, 's3.settings_refused', 'suspend'],
  ['InvalidEncryptionAlgorithmError', 400, S, 's3.settings_refused', 'suspend'],
  ['KMS.ThrottlingException', 400, S, 's3.throttled', 'defer'],
  ['EntityTooLarge', 400, S, 's3.invalid_object', 'reject'],
  ['KeyTooLongError', 400, S, 's3.invalid_object', 'reject'],
  // STS
  ['Throttling', 400, T, 'credential.throttled', 'defer'],
  ['InternalFailure', 500, T, 'credential.sts_unavailable', 'retry'],
  ['ServiceUnavailable', 503, T, 'credential.sts_unavailable', 'retry'],
  ['IDPCommunicationError', 400, T, 'credential.issuer_unreachable', 'defer'],
  [
    'InvalidIdentityToken',
    400,
    T,
    'credential.issuer_unreachable',
    'defer',
    "Couldn't retrieve verification key from your identity provider",
  ],
  ['InvalidIdentityToken', 400, T, 'credential.provider_missing', 'suspend'],
  ['IDPRejectedClaim', 403, T, 'credential.trust_denied', 'suspend'],
  ['AccessDenied', 403, T, 'credential.trust_denied', 'suspend'],
  ['RegionDisabledException', 403, T, 'credential.region_disabled', 'suspend'],
  ['ValidationError', 400, T, 'credential.invalid_request', 'suspend'],
  ['MalformedPolicyDocument', 400, T, 'credential.invalid_request', 'suspend'],
  ['PackedPolicyTooLarge', 400, T, 'credential.invalid_request', 'suspend'],
  ['ExpiredTokenException', 400, T, 'credential.expired', 'retry'],
  // A session, or a clock
  ...[
    'ExpiredTokenException',
    'ExpiredToken',
    'UnrecognizedClientException',
    'InvalidClientTokenId',
    'InvalidAccessKeyId',
    'InvalidSignatureException',
    'SignatureDoesNotMatch',
    'IncompleteSignature',
    'MissingAuthenticationToken',
    'RequestExpired',
    'RequestTimeTooSkewed',
  ].map((name): Row => [name, 403, [...ofLogs, ...S], 'credential.expired', 'retry']),
  // What nobody has heard of
  ...[400, 402, 404, 405, 409, 418, 500, 501, 502, 504].flatMap((status): Row[] => [
    ['BrandNew', status, ofLogs, 'cloudwatch.unavailable', 'retry'],
    ['BrandNew', status, S, 's3.unavailable', 'retry'],
    ['BrandNew', status, T, 'credential.sts_unavailable', 'retry'],
  ]),
  ...[401, 403].flatMap((status): Row[] => [
    ['BrandNew', status, ofLogs, 'cloudwatch.access_denied', 'suspend'],
    ['BrandNew', status, S, 's3.access_denied', 'suspend'],
    ['BrandNew', status, T, 'credential.trust_denied', 'suspend'],
  ]),
  ['BrandNew', 429, ofLogs, 'cloudwatch.throttled', 'defer'],
  ['BrandNew', 429, S, 's3.throttled', 'defer'],
  ['BrandNew', 429, T, 'credential.throttled', 'defer'],
  ['BrandNew', 413, S, 's3.invalid_object', 'reject'],
];

const callsAsked = (operation: Operation): number =>
  Object.entries(aws.counters().calls).find(([name]) => name.endsWith(`:${operation}`))?.[1]
    .calls ?? 0;

async function failureOf(operation: Operation): Promise<Failure> {
  const outcome: unknown = await calls[operation]().catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(Failure);
  return outcome as Failure;
}

/** To create a stream that AWS says is not there is tried again a moment later. */
const asksPatiently = ({ code }: Failure): boolean => code === 'cloudwatch.not_there_yet';

describe.each(operations)('%s', (operation) => {
  const rows = documented.filter(([, , of]) => of.includes(operation));

  test.each(rows)('%s (HTTP %d)', async (...row) => {
    const [name, httpStatus, , code, disposition, message = 'no'] = row;
    aws.addFault({
      match: { operation },
      action: { kind: 'error', code: name, message, httpStatus },
    });
    const failure = await failureOf(operation);
    expect([failure.code, failure.disposition]).toEqual([code, disposition]);
    // The SDK tries nothing again by itself: attempts are counted by the queue, and by nobody else.
    if (!asksPatiently(failure)) expect(callsAsked(operation)).toBe(1);
  });

  test.each<[string, FaultSpec['action'], number]>([
    ['the connection is reset', { kind: 'connection-reset' }, 2], // once more, at once: it may have been idle too long
    ['the answer is lost', { kind: 'lose-answer' }, 2],
    ['there is no answer in time', { kind: 'hang' }, 1],
  ])('%s', async (_, action, asked) => {
    aws.addFault({ match: { operation }, action });
    const failure = await failureOf(operation);
    expect([failure.code, failure.disposition]).toEqual([unreachable(operation), 'retry']);
    const expected = creating.includes(operation) ? 1 : asked; // to create once more is for the next attempt
    await until(() => callsAsked(operation) >= expected);
    expect(callsAsked(operation)).toBe(expected);
  });
});

const unreachable = (operation: Operation): FailureCode =>
  operation === 'AssumeRoleWithWebIdentity' ? 'credential.sts_unavailable' : 'network.unreachable';

/** One call of each service; the others differ in nothing on the way there. */
const services: readonly Operation[] = ['PutLogEvents', 'PutObject', 'AssumeRoleWithWebIdentity'];

describe.each(services)('on its way, %s', (operation) => {
  test('nobody listens', async () => {
    const server = createServer();
    await listen(server);
    process.env.AWS_ENDPOINT_URL = urlOf(server);
    await close(server);
    expect(await failureOf(operation)).toMatchObject({
      code: unreachable(operation),
      disposition: 'retry',
    });
  });

  test.each<[string, FailureCode, Disposition]>([
    ['ENOTFOUND', 'network.unknown_region', 'suspend'],
    ['EAI_AGAIN', unreachable(operation), 'retry'],
  ])('the name is answered with %s', async (code, expected, disposition) => {
    process.env.AWS_ENDPOINT_URL = 'http://logs.eu-centrall-1.example';
    const { lookup } = dns;
    dns.lookup = ((host: string, _options: unknown, done: (error: Error) => void) => {
      done(Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code }));
    }) as typeof lookup;
    const failure = await failureOf(operation).finally(() => (dns.lookup = lookup));
    expect([failure.code, failure.disposition]).toEqual([expected, disposition]);
  });

  test.each<[number, string, Disposition]>([
    [403, 'denied', 'suspend'],
    [407, 'unavailable', 'retry'],
    [429, 'throttled', 'defer'],
    [502, 'unavailable', 'retry'],
    [503, 'throttled', 'defer'], // with a time to come back
  ])('something in between answers HTTP %d with a page', async (status, expected, disposition) => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(status, { 'content-type': 'text/html', 'retry-after': '7' });
        response.end('<html><body>A proxy says no</body></html>');
      });
    });
    await listen(server);
    process.env.AWS_ENDPOINT_URL = urlOf(server);
    const outcome: unknown = await calls[operation]().catch((error: unknown) => error);
    await close(server);
    expect(outcome).toMatchObject({
      code: expect.stringContaining(expected) as string,
      disposition,
      ...(disposition === 'defer' ? { retryAfterMs: 7_000 } : {}),
    });
  });
});

test.each<Operation>(['PutLogEvents', 'AssumeRoleWithWebIdentity'])(
  'a page in place of the answer to %s is no success, whatever its status says',
  async (operation) => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.end('<html></html>'));
    });
    await listen(server);
    process.env.AWS_ENDPOINT_URL = urlOf(server);
    const failure = await failureOf(operation);
    await close(server);
    expect(failure.disposition).toBe('retry');
  },
);

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

const urlOf = (server: Server): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

test('a call is refused that a quota of AWS forbids, and what AWS asks for is kept', async () => {
  aws.addFault({ action: { kind: 'throttle', retryAfterSeconds: 7 } });
  for (const operation of operations)
    expect(await failureOf(operation)).toMatchObject({ disposition: 'defer', retryAfterMs: 7_000 });
});

/** Failures that no answer of AWS's is, and where they are raised. */
const raisedElsewhere: Partial<Record<FailureCode, string>> = {
  'batch.stalled': 'libs/queue/src/sweep.ts',
  'batch.unreadable': 'libs/queue/src/consumer.ts',
  'cloudwatch.create_rationed': 'libs/aws/src/log-stream-creator.ts',
  'cloudwatch.log_event_expired': 'libs/aws/src/rejected-ranges.ts',
  'cloudwatch.log_event_too_new': 'libs/aws/src/rejected-ranges.ts',
  'cloudwatch.log_event_too_old': 'libs/aws/src/rejected-ranges.ts',
  'credential.broker_refused': 'apps/credential-broker/src/broker.controller.ts',
  'credential.broker_unavailable': 'libs/runtime/src/broker-client.ts',
  'destination.changing': 'libs/runtime/src/broker-client.ts',
  'destination.disabled': 'libs/worker/src/deliverable.ts',
  'destination.held_too_long': 'libs/queue/src/hold-scripts.ts',
  'destination.held_too_much': 'libs/queue/src/hold-scripts.ts',
  'destination.lookup_failed': 'libs/worker/src/deliverable.ts',
  'destination.missing': 'libs/worker/src/deliverable.ts',
  'destination.unreadable': 'libs/worker/src/deliverable.ts',
  'internal.fault': 'libs/queue/src/consumer.ts',
  's3.key_taken': 'apps/s3-worker/src/deliver-object.ts',
};

const operationsOf: Readonly<Record<Service, readonly Operation[]>> = {
  cloudwatch: P,
  cloudwatch_create: creating,
  s3: S,
  sts: T,
};

test.each(Object.entries(operationsOf))('every row of the table of %s is met', (service, of) => {
  const met = ({ code, names, statuses, says }: ErrorRule): boolean =>
    documented.some(
      ([name, status, operations, expected, , message = '']) =>
        expected === code &&
        operations.some((operation) => of.includes(operation)) &&
        (names?.some((one) => one === name || one === `${name.split('.')[0]}.*`) ?? true) &&
        (statuses?.includes(status) ?? true) &&
        (says?.text.test(message) ?? true),
    );
  // Those of the network, and of a time to come back, are met on their way.
  const rules = errorRules[service as Service].filter(
    ({ network, hasRetryAfter }) => network === undefined && hasRetryAfter === undefined,
  );
  expect(rules.filter((rule) => !met(rule))).toEqual([]);
});

test('every failure is reached by a row, or raised in the file that is named for it', () => {
  const byRows = new Set<string>(documented.map(([, , , code]) => code));
  for (const onTheWay of ['network.unreachable', 'network.unknown_region']) byRows.add(onTheWay);
  const root = join(__dirname, '..', '..', '..');
  const orphans = Object.keys(failureKinds).filter((code) => {
    const file = raisedElsewhere[code as FailureCode];
    if (file === undefined) return !byRows.has(code);
    return byRows.has(code) || !readFileSync(join(root, file), 'utf8').includes(`'${code}'`);
  });
  expect(orphans).toEqual([]);
});

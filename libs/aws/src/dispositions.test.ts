// Row by row: every error that AWS documents for a call of ours, and everything that can become of the way there, met by the sinks over
// HTTP with the SDK's own clients. What we do about each is decided in libs/core/src/failure.ts; which it is, in classify.ts.
import { Failure, failureKinds, S3, type Disposition, type FailureCode } from '@logferry/core';
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
import {
  byPlatform,
  byToken,
  creating,
  documented,
  ofS3,
  making,
  ofSts,
  preparing,
  putting,
  type Operation,
} from './documented-errors.testbed';
import type { ObjectCall } from './object-call';
import { PlatformIdentitySts } from './platform-identity';
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
const environmentBefore = { ...process.env };

let aws: SandboxAws;

beforeAll(async () => {
  aws = await startSandboxAws({ port: 0 });
  // The platform's own identity, where the SDK looks for it first.
  process.env.AWS_ACCESS_KEY_ID = keys.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = keys.secretAccessKey;
});

beforeEach(() => {
  transport = patient;
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
  process.env = environmentBefore;
  await aws.stop();
});

/** Parts of megabytes are signed and checked within it. */
const patient = sharedTransport({ requestTimeoutMs: 20_000 });
const hasty = (requestTimeoutMs: number) => sharedTransport({ requestTimeoutMs });
let transport = patient;

function putLogEvents(logGroup: string): Promise<unknown> {
  const { head, tail } = logEventsFrame(logGroup, 's');
  const body = Buffer.from(head + JSON.stringify({ timestamp: Date.now(), message: 'm' }) + tail);
  const newGroup = { retentionDays: 30 } as const;
  const call = { logGroup, logStream: 's', body, logEvents: 1, account, newGroup };
  const memory = creationMemory();
  const sink = new CloudWatchSink(transport, { clientsMax: 10, memory });
  return sink.put(access, { ...call, compression: 'none' });
}

const s3 = (over = transport): S3Sink => new S3Sink(over, { clientsMax: 10, forcePathStyle: true });

function anObject(bucket = 'acme-logs'): ObjectCall {
  return {
    ...{ bucket, key: 'k', bucketOwner: account },
    ...{ compression: 'none', contentType: 'text/plain', checksum: 'CRC32' },
    ...{ encryption: { kind: 'bucket' }, storageClass: 'STANDARD' },
  };
}

// eslint-disable-next-line @typescript-eslint/require-await -- as a body comes, bit by bit
async function* twoParts(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(S3.partBytes);
  yield Buffer.from('x');
}

const uploads = { remember: () => Promise.resolve(true), forget: () => Promise.resolve() };

/** Everything that we ask of AWS. */
const calls = {
  PutLogEvents: () => putLogEvents('there'),
  CreateLogStream: () => putLogEvents('missing'),
  CreateLogGroup: () => putLogEvents('missing'),
  PutRetentionPolicy: () => putLogEvents('missing'),
  PutObject: () => s3().put(access, anObject(), Buffer.from('x')),
  CreateMultipartUpload: () => s3().tryParts(access, anObject()),
  UploadPart: () => s3().tryParts(access, anObject()),
  CompleteMultipartUpload: () => s3().putStream(access, anObject(), twoParts(), uploads),
  AbortMultipartUpload: () =>
    s3().abort(access, { bucket: 'acme-logs', key: 'k', uploadId: 'one' }, account),
  AssumeRoleWithWebIdentity: () =>
    new WebIdentitySts(transport).assumeRole({
      region,
      roleArn: `arn:aws:iam::${account}:role/logferry`,
      sessionName: 'logferry-acme',
      durationSeconds: 900,
      token: 'a.b.c',
    }),
  AssumeRole: () =>
    new PlatformIdentitySts(transport).assumeRole({
      region,
      roleArn: `arn:aws:iam::${account}:role/logferry`,
      sessionName: 'logferry-acme',
      durationSeconds: 900,
      externalId: 'logferry-of-acme',
    }),
} as const satisfies Record<Operation, () => Promise<unknown>>;
const operations = Object.keys(calls) as Operation[];

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

/** A part is sent again at once and in vain a few times, so that its errors are met all together: below. */
describe.each(operations.filter((operation) => operation !== 'UploadPart'))('%s', (operation) => {
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
    if (action.kind === 'hang')
      transport = hasty(operation === 'CompleteMultipartUpload' ? 5_000 : 1_000);
    aws.addFault({ match: { operation }, action });
    const failure = await failureOf(operation);
    expect([failure.code, failure.disposition]).toEqual([unreachable(operation), 'retry']);
    const expected = repeated.includes(operation) ? asked : 1; // once more is for the next attempt
    await until(() => callsAsked(operation) >= expected);
    expect(callsAsked(operation)).toBe(expected);
  });
});

/** What is made by one call, and may be made by its repetition. */
const repeated: readonly Operation[] = [...putting, ...making, ...ofSts];

function unreachable(operation: Operation): FailureCode {
  if (ofSts.includes(operation)) return 'credential.sts_unavailable';
  return preparing.includes(operation) ? 's3.not_stored' : 'network.unreachable';
}

/** Of an error that may pass, a part of an upload is tried three times before the upload is given up. */
function triesOfPart([name, , , code, disposition]: (typeof documented)[number]): number {
  const isFinal = code === 'credential.expired' || name === 'NoSuchUpload';
  return !isFinal && (disposition === 'retry' || disposition === 'defer') ? 3 : 1;
}

test('UploadPart meets each of its errors', async () => {
  const rows = documented.filter(([, , of]) => of.includes('UploadPart'));
  // All at once, each in a bucket of its own: one after the other they would wait for half a minute.
  const met = rows.map(async ([name, httpStatus, , , , message = 'no'], index) => {
    const bucket = `acme-logs-${index}`;
    aws.seed({ buckets: [{ name: bucket, region, account }] });
    const fault = aws.addFault({
      match: { operation: 'UploadPart', bucket },
      action: { kind: 'error', code: name, message, httpStatus },
    });
    const outcome: unknown = await s3()
      .tryParts(access, anObject(bucket))
      .catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(Failure);
    const { code, disposition } = outcome as Failure;
    return [name, code, disposition, aws.faults().find(({ id }) => id === fault)?.hits];
  });
  expect(await Promise.all(met)).toEqual(
    rows.map((row) => [row[0], row[3], row[4], triesOfPart(row)]),
  );
});

// What is asked by HEAD is answered without a body, and so without a name. S3 names the Region with most refusals; here it does not.
test.each<[number, FailureCode | undefined, Disposition | undefined]>([
  [301, 's3.wrong_region', 'suspend'],
  [400, 's3.unavailable', 'retry'],
  [403, undefined, undefined], // somebody else's, which is no failure: only nobody says where it lies
  [404, 's3.bucket_missing', 'suspend'],
  [429, 's3.throttled', 'defer'],
  [500, 's3.unavailable', 'retry'],
  [503, 's3.unavailable', 'retry'],
])('HeadBucket meets HTTP %d', async (status, code, disposition) => {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status).end());
  });
  await listen(server);
  process.env.AWS_ENDPOINT_URL = urlOf(server);
  const told = s3().regionOf(access, 'acme-logs');
  const expected = expect(told);
  await (code === undefined
    ? expected.resolves.toBeUndefined()
    : expected.rejects.toMatchObject({ code, disposition }));
  await close(server);
});

/** One call of each service; the others differ in nothing on the way there. */
const services: readonly Operation[] = ['PutLogEvents', 'PutObject', ...ofSts];

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
  'channel.address_refused': 'apps/console/src/message-sender.ts',
  'channel.gone': 'apps/console/src/message-sender.ts',
  'channel.missing': 'apps/credential-broker/src/open-channel.ts',
  'channel.refused': 'apps/console/src/message-sender.ts',
  'channel.throttled': 'apps/console/src/message-sender.ts',
  'channel.unavailable': 'apps/console/src/message-sender.ts',
  'cloudwatch.create_rationed': 'libs/aws/src/log-stream-creator.ts',
  'cloudwatch.log_event_expired': 'libs/aws/src/rejected-ranges.ts',
  'cloudwatch.log_event_too_new': 'libs/aws/src/rejected-ranges.ts',
  'cloudwatch.log_event_too_old': 'libs/aws/src/rejected-ranges.ts',
  'credential.broker_refused': 'apps/credential-broker/src/request-gate.ts',
  'credential.external_id_foreign': 'apps/credential-broker/src/issue-session.ts',
  'credential.key_refused': 'apps/credential-broker/src/issue-session.ts',
  'credential.kind_unavailable': 'apps/credential-broker/src/sealing.ts',
  'credential.token_unavailable': 'apps/credential-broker/src/external-tokens.ts',
  'credential.rationed': 'apps/credential-broker/src/session-cache.ts',
  'credential.secret_unreadable': 'apps/credential-broker/src/sealing.ts',
  'credential.broker_unavailable': 'libs/runtime/src/broker-client.ts',
  'credential.trusts_others': 'libs/worker/src/deliverable.ts',
  'destination.changing': 'libs/runtime/src/broker-client.ts',
  'destination.disabled': 'libs/worker/src/deliverable.ts',
  'destination.held_too_long': 'libs/queue/src/hold-scripts.ts',
  'destination.held_too_much': 'libs/queue/src/hold-scripts.ts',
  'destination.lookup_failed': 'libs/worker/src/deliverable.ts',
  'destination.missing': 'libs/worker/src/deliverable.ts',
  'destination.suspended_by_hand': 'libs/queue/src/hold-scripts.ts',
  'destination.unreadable': 'libs/worker/src/deliverable.ts',
  'internal.fault': 'libs/queue/src/consumer.ts',
  's3.key_taken': 'apps/s3-worker/src/deliver-object.ts',
};

const operationsOf: Readonly<Record<Service, readonly Operation[]>> = {
  cloudwatch: putting,
  cloudwatch_create: creating,
  s3: ofS3,
  sts: byToken,
  sts_signed: byPlatform,
};

/** Names that the SDK gives to what goes wrong before anything is asked. */
const OF_THE_SDK = ['CredentialsProviderError', 'ProviderError'];

test.each(Object.entries(operationsOf))(
  'every row of the table of %s is met, by each of its names',
  (service, of) => {
    const met = ({ code, statuses, says }: ErrorRule, wanted?: string): boolean =>
      documented.some(
        ([name, status, operations, expected, , message = '']) =>
          expected === code &&
          operations.some((operation) => of.includes(operation)) &&
          (wanted === undefined || wanted === name || wanted === `${name.split('.')[0]}.*`) &&
          (statuses?.includes(status) ?? true) &&
          (says?.text.test(message) ?? true),
      );
    // Those of the network, and of a time to come back, are met on their way.
    const rules = errorRules[service as Service].filter(
      ({ network, hasRetryAfter }) => network === undefined && hasRetryAfter === undefined,
    );
    const unmet = rules.flatMap((rule) => {
      const names = rule.names?.filter((name) => !OF_THE_SDK.includes(name)) ?? [undefined];
      return names.filter((name) => !met(rule, name)).map((name) => [rule.code, name]);
    });
    expect(unmet).toEqual([]);
  },
);

test('every failure is reached by a row, or raised in the file that is named for it', () => {
  const byRows = new Set<string>(documented.map(([, , , code]) => code));
  for (const onTheWay of ['network.unreachable', 'network.unknown_region']) byRows.add(onTheWay);
  const root = join(__dirname, '..', '..', '..');
  // Those of sources, where there is no AWS, are looked for by a test of the poller.
  const codes = Object.keys(failureKinds).filter((code) => !code.startsWith('source.'));
  const orphans = codes.filter((code) => {
    const file = raisedElsewhere[code as FailureCode];
    if (file === undefined) return !byRows.has(code);
    return byRows.has(code) || !readFileSync(join(root, file), 'utf8').includes(`'${code}'`);
  });
  expect(orphans).toEqual([]);
});

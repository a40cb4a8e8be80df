// The sink against an AWS that refuses what AWS refuses, over HTTP and with the SDK's own signatures.
import { Failure } from '@logferry/core';
import dns from 'node:dns';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import {
  creationMemory,
  startSandboxAws,
  type FaultSpec,
  type SandboxAws,
} from '@logferry/testing';
import { CloudWatchSink, logEventsFrame, type LogEventsCall } from './cloudwatch-sink';
import type { SinkAccess } from './sink-access';
import { sharedTransport } from './transport';

const account = '123456789012';
const region = 'eu-central-1';
const keys = { accessKeyId: 'AKIALOGFERRY00000001', secretAccessKey: 'a-secret-of-the-sandbox' };
const access: SinkAccess = {
  destinationKey: 'acme/cw',
  region,
  session: { ...keys, sessionToken: '', expiresAt: Number.MAX_SAFE_INTEGER },
};

let aws: SandboxAws;
let sink: CloudWatchSink;
let memory: ReturnType<typeof creationMemory>;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

beforeAll(async () => {
  aws = await startSandboxAws({ port: 0 });
  process.env.AWS_ENDPOINT_URL = aws.url;
});

beforeEach(() => {
  aws.reset();
  const allow = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  };
  aws.seed({
    accounts: [account],
    users: [{ account, name: 'logferry', accessKeys: [keys], policies: [allow] }],
  });
  memory = creationMemory();
  sink = aSink();
});

afterAll(async () => {
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
  await aws.stop();
});

const aSink = (
  mayHaveTaken: (logEvents: number, why: string) => void = () => undefined,
  requestTimeoutMs = 20_000,
) =>
  new CloudWatchSink(sharedTransport({ requestTimeoutMs }), {
    ...{ clientsMax: 10, memory, mayHaveTaken },
  });

function aCall(messages: string[], timeMs = Date.now(), logStream = 'dep-1'): LogEventsCall {
  const { head, tail } = logEventsFrame('env0-deployments', logStream);
  const events = messages.map((message) => JSON.stringify({ timestamp: timeMs, message }));
  return {
    logGroup: 'env0-deployments',
    logStream,
    body: Buffer.from(`${head}${events.join(',\n')}${tail}`),
    logEvents: messages.length,
    compression: 'none',
    account,
    newGroup: {},
  };
}

const arrived = (stream = 'dep-1') =>
  aws
    .logEvents({ account, region, group: 'env0-deployments', stream })
    .map(({ message }) => message);
const calls = () => aws.counters().calls;
const fail = (fault: FaultSpec) => aws.addFault(fault);

test('the ready body arrives as it was written, and group and stream are created on the way', async () => {
  const odd = ['plain', 'quote " backslash \\ tab \t', 'é 😀   \u0000', '{"json":true}'];
  expect(await sink.put(access, aCall(odd))).toEqual([]);
  expect(arrived()).toEqual(odd);
});

test('nothing is described, and what is there is not created again', async () => {
  await sink.put(access, aCall(['one']));
  aws.resetCounters();
  await sink.put(access, aCall(['two']));
  expect(Object.keys(calls())).toEqual(['logs:PutLogEvents']);
});

test('batches that meet a missing stream together create it once', async () => {
  await sink.put(access, aCall(['x'], Date.now(), 'other'));
  aws.resetCounters();
  await Promise.all(Array.from({ length: 10 }, (_, i) => sink.put(access, aCall([`m${i}`]))));
  expect(arrived()).toHaveLength(10);
  expect(calls()['logs:CreateLogStream']?.calls).toBe(1);
});

test('a stream that is deleted in the middle is created again', async () => {
  await sink.put(access, aCall(['one']));
  aws.deleteLogStream({ account, region, group: 'env0-deployments', stream: 'dep-1' });
  await sink.put(access, aCall(['two']));
  expect(arrived()).toEqual(['two']);
});

test('log events that AWS refuses are named with their places and reasons', async () => {
  const now = Date.now();
  const { head, tail } = logEventsFrame('env0-deployments', 'dep-1');
  const events = [now - 20 * 86_400_000, now - 15 * 86_400_000, now];
  // All three cannot be in one call by AWS's rule of 24 hours for valid log events only: the old ones are not valid.
  const body = `${head}${events.map((timestamp) => JSON.stringify({ timestamp, message: 'm' })).join(',\n')}${tail}`;
  const rejected = await sink.put(access, { ...aCall([]), body: Buffer.from(body), logEvents: 3 });
  expect(rejected).toEqual([{ code: 'cloudwatch.log_event_too_old', from: 0, to: 2 }]);
  expect(arrived()).toEqual(['m']);
});

test.each<[string, FaultSpec['action'], Failure['code']]>([
  ['throttling', { kind: 'throttle', retryAfterSeconds: 7 }, 'cloudwatch.throttled'],
  ['a denial', { kind: 'deny' }, 'cloudwatch.access_denied'],
  ['a server error', { kind: 'server-error', httpStatus: 500 }, 'cloudwatch.unavailable'],
  ['an unavailable service', { kind: 'server-error', httpStatus: 503 }, 'cloudwatch.unavailable'],
  ['no answer', { kind: 'hang' }, 'network.unreachable'],
])('%s is the failure that it is', async (_, action, code) => {
  if (action.kind === 'hang') sink = aSink(undefined, 1_000);
  fail({ match: { operation: 'PutLogEvents' }, action });
  await expect(sink.put(access, aCall(['m']))).rejects.toMatchObject({ code });
});

test('the wait that AWS asks for is kept', async () => {
  fail({
    match: { operation: 'PutLogEvents' },
    action: { kind: 'throttle', retryAfterSeconds: 7 },
  });
  await expect(sink.put(access, aCall(['m']))).rejects.toMatchObject({ retryAfterMs: 7_000 });
});

test('an idle connection that was closed is not the end of the batch', async () => {
  fail({ match: { operation: 'PutLogEvents' }, action: { kind: 'connection-reset' }, times: 1 });
  expect(await sink.put(access, aCall(['m']))).toEqual([]);
});

test.each<[string, FaultSpec['action'], Record<string, number>]>([
  [
    'whose answer is lost, and that is repeated at once',
    { kind: 'lose-answer' },
    { unanswered: 2 },
  ],
  ['whose connection breaks', { kind: 'connection-reset' }, { unanswered: 2 }],
  ['that AWS does not answer in time', { kind: 'hang' }, { unanswered: 2 }],
  ['that AWS fails at itself', { kind: 'server-error', httpStatus: 500 }, { server_error: 2 }],
  ['that AWS throttles', { kind: 'throttle' }, {}],
  [
    'that AWS throttles by a 503',
    { kind: 'error', code: 'SlowDown', message: '', httpStatus: 503 },
    {},
  ],
  ['that AWS refuses', { kind: 'deny' }, {}],
])('of a call %s, it is told whether AWS may have it', async (_, action, expected) => {
  await sink.put(access, aCall(['before']));
  const told: Record<string, number> = {};
  const watched = aSink(
    (logEvents, why) => (told[why] = (told[why] ?? 0) + logEvents),
    action.kind === 'hang' ? 1_000 : undefined,
  );
  fail({ match: { operation: 'PutLogEvents' }, action, times: 1 });
  await watched.put(access, aCall(['one', 'two'])).catch((error: unknown) => {
    if (!(error instanceof Failure)) throw error;
  });
  expect(told).toEqual(expected);
});

test('a call that never got as far as AWS is none that it may have', async () => {
  const told: string[] = [];
  const port = new URL(aws.url).port;
  process.env.AWS_ENDPOINT_URL = 'http://127.0.0.1:1';
  const refused = aSink((_, why) => told.push(why));
  await expect(refused.put(access, aCall(['m']))).rejects.toMatchObject({
    code: 'network.unreachable',
  });
  process.env.AWS_ENDPOINT_URL = `http://nowhere.invalid:${port}`;
  const unknown = aSink((_, why) => told.push(why));
  const { lookup } = dns;
  dns.lookup = ((host: string, _options: unknown, done: (error: Error) => void) => {
    const found = { code: 'ENOTFOUND', syscall: 'getaddrinfo' };
    done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), found));
  }) as typeof lookup;
  await expect(
    unknown.put(access, aCall(['m'])).finally(() => (dns.lookup = lookup)),
  ).rejects.toBeInstanceOf(Failure);
  process.env.AWS_ENDPOINT_URL = aws.url;
  expect(told).toEqual([]);
});

test('a session that is not known any more asks for a fresh one', async () => {
  const stale = { ...access, session: { ...access.session, accessKeyId: 'ASIAUNKNOWN000000001' } };
  await expect(sink.put(stale, aCall(['m']))).rejects.toMatchObject({ code: 'credential.expired' });
  expect(await sink.put(access, aCall(['m']))).toEqual([]); // the same destination with a new session
});

/** What a call looks like on its way. */
async function onTheWire(
  call: LogEventsCall,
): Promise<{ encoding: string | undefined; body: Buffer }> {
  const { promise, resolve } = Promise.withResolvers<{
    encoding: string | undefined;
    body: Buffer;
  }>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      resolve({ encoding: request.headers['content-encoding'], body: Buffer.concat(chunks) });
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end('{}');
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  process.env.AWS_ENDPOINT_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await sink.put(access, call);
    return await promise;
  } finally {
    process.env.AWS_ENDPOINT_URL = aws.url;
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

test('a call travels as it is, or as gzip if the destination says so', async () => {
  const call = aCall(Array.from({ length: 100 }, (_, i) => `line ${i} of many that look alike`));
  expect(await onTheWire(call)).toEqual({ encoding: undefined, body: call.body });
  sink = aSink();
  const packed = await onTheWire({ ...call, compression: 'gzip' });
  expect(packed.encoding).toBe('gzip');
  expect(packed.body.length).toBeLessThan(call.body.length / 5);
  expect(gunzipSync(packed.body)).toEqual(call.body);
});

test('what gzip would not make smaller travels as it is', async () => {
  const call = aCall(['m']);
  expect(await onTheWire({ ...call, compression: 'gzip' })).toEqual({
    encoding: undefined,
    body: call.body,
  });
});

test('a gzip call arrives log event for log event, also when a stream has to be created first', async () => {
  const messages = Array.from({ length: 1_000 }, (_, i) => `é line ${i} "of" many`);
  await sink.put(access, { ...aCall(messages), compression: 'gzip' });
  expect(arrived()).toEqual(messages);
});

test.each([
  ['a byte less than', -1],
  ['exactly', 0],
  ['a byte more than', 1],
])('a batch of %s 1,048,576 bytes is measured before it is packed', async (_, more) => {
  const call = aCall(['x'.repeat(1_048_576 - 26 + more)]);
  const sent = sink.put(access, { ...call, compression: 'gzip' });
  if (more > 0) await expect(sent).rejects.toMatchObject({ code: 'cloudwatch.invalid_batch' });
  else expect(await sent).toEqual([]);
});

test('what AWS says it has already is delivered', async () => {
  fail({
    match: { operation: 'PutLogEvents' },
    action: {
      kind: 'error',
      code: 'DataAlreadyAcceptedException',
      message: 'The given batch of log events has already been accepted.',
      httpStatus: 400,
    },
  });
  expect(await sink.put(access, aCall(['m']))).toEqual([]);
});

test('a failure never carries what AWS said in the words that a tenant reads', async () => {
  fail({
    match: { operation: 'PutLogEvents' },
    action: {
      kind: 'error',
      code: 'AccessDeniedException',
      message: 'User: arn:aws:sts::42:secret',
      httpStatus: 400,
    },
  });
  const failure = await sink.put(access, aCall(['m'])).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Failure);
  expect((failure as Failure).message).not.toContain('arn:aws:sts');
});

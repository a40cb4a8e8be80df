// The workers' own way to a session, and a CloudWatch Logs that refuses what AWS refuses.
import { CloudWatchSink, sharedTransport, type LogEventsCall } from '@logferry/aws';
import { Destination, sessionKey, type AwsSession } from '@logferry/core';
import {
  BatchPayload,
  encodeFragment,
  PayloadSource,
  type Batch,
  type DeliveryOutcome,
} from '@logferry/queue';
import { BrokerClient, Secret } from '@logferry/runtime';
import {
  aCloudWatchLane,
  aLogEvent,
  creationMemory,
  anS3Lane,
  startSandboxAws,
  startSessionBroker,
  type SandboxAws,
  type SessionBroker,
} from '@logferry/testing';
import { deliverLogEvents } from './deliver-log-events';

const account = '123456789012';
const region = 'eu-central-1';
const keys = { accessKeyId: 'AKIALOGFERRY00000001', secretAccessKey: 'a-secret-of-the-sandbox' };
const good: AwsSession = { ...keys, sessionToken: '', expiresAt: Date.now() + 3_600_000 };
/** Another session of the same role, as the broker fetches one. */
const other = { ...keys, accessKeyId: 'AKIALOGFERRY00000002' };
const stale: AwsSession = { ...good, accessKeyId: 'ASIAUNKNOWN000000001' };
const lane = aCloudWatchLane();
const target = { sink: 'cloudwatch', logGroup: 'group', logStream: 'dep "7" é' } as const;
const nowMs = Date.now();

let aws: SandboxAws;
let broker: SessionBroker;
let sessions: BrokerClient;
let sink: CloudWatchSink;
let answers: AwsSession[];
let destination: Destination | undefined;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

beforeAll(async () => {
  [aws, broker] = await Promise.all([
    startSandboxAws({ port: 0 }),
    startSessionBroker(() => ({
      session: answers.shift() ?? good,
      issuedFor: sessionKey(destination ?? aDestination()),
    })),
  ]);
  process.env.AWS_ENDPOINT_URL = aws.url;
});

beforeEach(() => {
  aws.reset();
  const allow = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'logs:*', Resource: '*' }],
  };
  aws.seed({
    accounts: [account],
    users: [{ account, name: 'logferry', accessKeys: [keys, other], policies: [allow] }],
  });
  answers = [];
  broker.asked.length = 0;
  destination = aDestination();
  sessions = new BrokerClient({
    host: '127.0.0.1',
    port: broker.port,
    secret: new Secret('what all workers know'),
    tls: undefined,
  });
  sink = new CloudWatchSink(sharedTransport({ requestTimeoutMs: 20_000 }), {
    clientsMax: 10,
    memory: creationMemory(),
  });
});

afterEach(() => {
  sessions.close();
});

afterAll(async () => {
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
  await Promise.all([aws.stop(), broker.stop()]);
});

function aDestination(over: { enabled?: boolean; region?: string } = {}): Destination {
  return Destination.parse({
    id: 'cw',
    type: 'cloudwatch',
    region,
    credentials: { kind: 'web_identity', roleArn: `arn:aws:iam::${account}:role/logferry` },
    cloudwatch: { logGroup: 'group', logStream: 'stream' },
    ...over,
  });
}

/** Something else under the same name. */
function anS3Destination(): Destination {
  const { id, credentials } = aDestination();
  return Destination.parse({ id, type: 's3', region, credentials, s3: { bucket: 'acme-logs' } });
}

/** @param chunks the messages of each chunk, a millisecond apart */
function aBatch(
  chunks: readonly (readonly string[])[],
  over: Partial<Batch> = {},
): [Batch, PayloadSource] {
  let timeMs = nowMs;
  const buffers = chunks.map((messages) =>
    Buffer.from(
      messages
        .map((message) => encodeFragment(lane, aLogEvent({ timeMs: timeMs++, message })).text)
        .join(',\n'),
    ),
  );
  const batch: Batch = {
    id: 'batch-1',
    tenantId: 'acme',
    destinationId: 'cw',
    target,
    logEvents: chunks.flat().length,
    bytes: 100,
    firstMs: nowMs,
    openedAt: nowMs,
    state: 'sealed',
    begun: 1,
    reason: undefined,
    lastFailure: undefined,
    ...over,
  };
  const payload = BatchPayload.fromChunks('cloudwatch', buffers);
  return [batch, new PayloadSource(() => Promise.resolve(payload))];
}

/** @param calls takes what the sink is called with */
function deliver(
  [batch, payload]: [Batch, PayloadSource],
  calls: LogEventsCall[] = [],
): Promise<DeliveryOutcome> {
  const watched: Pick<CloudWatchSink, 'put'> = {
    put: (access, call) => {
      calls.push(call);
      return sink.put(access, call);
    },
  };
  const directory = {
    destination: () => Promise.resolve(destination),
    hasWideRole: () => Promise.resolve(false),
  };
  return deliverLogEvents(directory, sessions, watched)(batch, payload);
}

const arrived = (at = region): string[] =>
  aws
    .logEvents({ account, region: at, group: target.logGroup, stream: target.logStream })
    .map(({ message }) => message);

const putCalls = (): number => aws.counters().calls['logs:PutLogEvents']?.calls ?? 0;

/** The group and the stream are there, so that a batch takes one call. */
async function warm(): Promise<void> {
  await deliver(aBatch([['first of all']]));
  aws.resetCounters();
}

test.each(['message', 'event'] as const)(
  'what is delivered is kept if its destination says so, and known to be a %s',
  async (format) => {
    await warm();
    const keep = { forMs: 60_000, bytesMax: 1_048_576 };
    destination = Destination.parse({ ...aDestination(), format, keep });
    expect(await deliver(aBatch([['one']]))).toEqual({
      rejected: [],
      keep: { bytesMax: 1_048_576, isEvent: format === 'event' },
    });
  },
);

test('a batch goes out as one call, with exactly the bytes that were encoded at ingest', async () => {
  await warm();
  const odd = ['plain', 'quote " backslash \\ tab \t', 'é 😀 \u2028 \u0000', '{"json":true}'];
  const calls: LogEventsCall[] = [];
  expect(await deliver(aBatch([odd, ['of a second chunk']]), calls)).toEqual({ rejected: [] });
  const events = [...odd, 'of a second chunk'].map(
    (message, i) => `{"timestamp":${nowMs + i},"message":${JSON.stringify(message)}}`,
  );
  expect(calls.map(({ body, logEvents }) => [body.toString(), logEvents])).toEqual([
    [
      `{"logGroupName":"group","logStreamName":"dep \\"7\\" é","logEvents":[${events.join(',\n')}]}`,
      5,
    ],
  ]);
  expect(arrived().toSorted()).toEqual(['first of all', ...odd, 'of a second chunk'].toSorted());
  expect(Object.keys(aws.counters().calls)).toEqual(['logs:PutLogEvents']);
  expect(putCalls()).toBe(1);
});

test.each<[string, Destination | undefined, string]>([
  ['missing', undefined, 'destination.missing'],
  ['disabled', aDestination({ enabled: false }), 'destination.disabled'],
  ['replaced', anS3Destination(), 'destination.missing'],
])('a %s destination holds the batch before anybody is asked', async (_, found, code) => {
  destination = found;
  const batch = aBatch([['held']]);
  await expect(deliver(batch)).rejects.toMatchObject({ code, disposition: 'suspend' });
  expect(broker.asked).toEqual([]);
  expect(aws.counters().calls).toEqual({});
  destination = aDestination();
  await deliver(batch);
  expect(arrived()).toEqual(['held']);
});

test('a batch goes to the Region that its destination has now', async () => {
  destination = aDestination({ region: 'us-east-1' });
  await deliver(aBatch([['moved']]));
  expect([arrived('us-east-1'), arrived()]).toEqual([['moved'], []]);
});

test.each([
  ['too-old', 2, [{ code: 'cloudwatch.log_event_too_old', from: 0, to: 2 }], ['c', 'd', 'e']],
  ['too-new', 1, [{ code: 'cloudwatch.log_event_too_new', from: 4, to: 5 }], ['a', 'b', 'c', 'd']],
  ['expired', 5, [{ code: 'cloudwatch.log_event_expired', from: 0, to: 5 }], []],
] as const)(
  'what AWS took the call for and refused as %s is named by its place in the batch',
  async (rejectedAs, rejectedCount, rejected, taken) => {
    aws.addFault({ action: { kind: 'half-accept', rejectedAs, rejectedCount } });
    expect(
      await deliver(
        aBatch([
          ['a', 'b', 'c'],
          ['d', 'e'],
        ]),
      ),
    ).toEqual({ rejected });
    expect(arrived()).toEqual(taken);
  },
);

test('a session that AWS says is expired is replaced once, and the put is repeated', async () => {
  answers = [stale];
  await deliver(aBatch([['once']]));
  expect(broker.asked).toMatchObject([
    { tenantId: 'acme', destinationId: 'cw' },
    { tenantId: 'acme', destinationId: 'cw', refusedAccessKeyId: stale.accessKeyId },
  ]);
  expect(broker.asked[0]).not.toHaveProperty('refusedAccessKeyId');
  expect(arrived()).toEqual(['once']);
});

test('if AWS does not take the fresh session either, the attempt has failed', async () => {
  answers = [stale, { ...stale, accessKeyId: 'ASIAUNKNOWN000000002' }];
  await expect(deliver(aBatch([['m']]))).rejects.toMatchObject({
    code: 'credential.expired',
    disposition: 'retry',
  });
  expect(broker.asked).toHaveLength(2);
  expect(arrived()).toEqual([]);
});

test("a clock that differs from AWS's costs one attempt, and then nothing any more", async () => {
  aws.setClockOffset(20 * 60_000);
  answers = [
    good,
    { ...good, accessKeyId: other.accessKeyId },
    { ...good, accessKeyId: other.accessKeyId },
  ];
  await expect(deliver(aBatch([['m']]))).rejects.toMatchObject({ code: 'credential.expired' });
  await deliver(aBatch([['m']]));
  await deliver(aBatch([['n']]));
  expect(arrived()).toEqual(['m', 'n']);
});

test('a batch of another sink is a fault of ours, and never put', async () => {
  const batch = aBatch([['m']], {
    target: anS3Lane().target,
  });
  await expect(deliver(batch)).rejects.toThrow('CloudWatch batches');
  expect(aws.counters().calls).toEqual({});
});

// Creating against an AWS that checks permissions, keys, tags and how often it is asked to create.
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
const kmsKeyId = `arn:aws:kms:${region}:${account}:key/1234abcd`;
const writing = ['logs:PutLogEvents', 'logs:CreateLogStream', 'logs:CreateLogGroup'];
const all = [...writing, 'logs:PutRetentionPolicy', 'logs:TagResource'];

let aws: SandboxAws;
let memory: ReturnType<typeof creationMemory>;
let sink: CloudWatchSink;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

beforeAll(async () => {
  aws = await startSandboxAws({ port: 0 });
  process.env.AWS_ENDPOINT_URL = aws.url;
});

beforeEach(() => {
  aws.reset();
  aws.seed({ accounts: [account], kmsKeys: [kmsKeyId] });
  allow(all);
  memory = creationMemory();
  sink = aProcess();
});

afterAll(async () => {
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
  await aws.stop();
});

/** Knows only what all processes know. */
function aProcess(requestTimeoutMs = 20_000): CloudWatchSink {
  const transport = sharedTransport({ requestTimeoutMs });
  return new CloudWatchSink(transport, { clientsMax: 10, memory });
}

function allow(actions: readonly string[]): void {
  const Statement = [{ Effect: 'Allow', Action: [...actions], Resource: '*' }];
  const policies = [{ Version: '2012-10-17', Statement }];
  aws.seed({ users: [{ account, name: 'logferry', accessKeys: [keys], policies }] });
}

function put(
  newGroup: LogEventsCall['newGroup'] = {},
  { by = sink, logStream = 's', message = 'm' } = {},
) {
  const { head, tail } = logEventsFrame('g', logStream);
  const body = Buffer.from(head + JSON.stringify({ timestamp: Date.now(), message }) + tail);
  const call = { logGroup: 'g', logStream, body, logEvents: 1, account, newGroup };
  return by.put(access, { ...call, compression: 'none' });
}

const arrived = (stream = 's') =>
  aws.logEvents({ account, region, group: 'g', stream }).map(({ message }) => message);
const callsOf = (operation: string) => aws.counters().calls[`logs:${operation}`]?.calls ?? 0;
const fail = (operation: string, action: FaultSpec['action'], times = 1) =>
  aws.addFault({ match: { operation }, action, times });
const anError = (code: string): FaultSpec['action'] => ({
  kind: 'error',
  code,
  message: 'no',
  httpStatus: 400,
});

test('a group that we create has all that its destination asks for', async () => {
  const tags = { team: 'platform', 'cost centre': '4711' };
  await put({ retentionDays: 30, kmsKeyId, tags, logClass: 'INFREQUENT_ACCESS' });
  expect(aws.logGroups()).toMatchObject([
    { group: 'g', retentionDays: 30, kmsKeyId, tags, groupClass: 'INFREQUENT_ACCESS' },
  ]);
  expect(arrived()).toEqual(['m']);
});

test('without options a group is created as AWS creates one, and needs no more permissions', async () => {
  allow(writing);
  await put({ tags: {} });
  expect(aws.logGroups()).toMatchObject([{ retentionDays: undefined, tags: {} }]);
  expect(callsOf('PutRetentionPolicy')).toBe(0);
});

test('a group that is there is never touched, whatever the destination asks for', async () => {
  aws.seed({ logGroups: [{ account, region, name: 'g', retentionDays: 365 }] });
  await put({ retentionDays: 1, tags: { a: 'b' } });
  expect(aws.logGroups()).toMatchObject([{ retentionDays: 365, tags: {} }]);
  expect(callsOf('CreateLogGroup') + callsOf('PutRetentionPolicy')).toBe(0);
});

test('a group that somebody else creates in the same moment is theirs', async () => {
  aws.seed({ logGroups: [{ account, region, name: 'g', retentionDays: 365 }] });
  fail('CreateLogStream', anError('ResourceNotFoundException'));
  await put({ retentionDays: 1 });
  expect(callsOf('CreateLogGroup')).toBe(1);
  expect(aws.logGroups()).toMatchObject([{ retentionDays: 365 }]);
  expect(arrived()).toEqual(['m']);
});

test.each<[string, FaultSpec['action'], string]>([
  ['is throttled', { kind: 'throttle' }, 'cloudwatch.throttled'],
  ['gets no answer', { kind: 'hang' }, 'network.unreachable'],
  ['meets another change', anError('OperationAbortedException'), 'cloudwatch.unavailable'],
  ['is not permitted', { kind: 'deny' }, 'cloudwatch.group_options_denied'],
])(
  'a retention that %s is put by the next attempt, whichever process makes it',
  async (_, action, code) => {
    fail('PutRetentionPolicy', action);
    if (action.kind === 'hang') sink = aProcess(2_000);
    await expect(put({ retentionDays: 30 })).rejects.toMatchObject({ code });
    expect(aws.logGroups()).toMatchObject([{ retentionDays: undefined }]);
    aws.clearFaults();
    await put({ retentionDays: 30 }, { by: aProcess() });
    expect(aws.logGroups()).toMatchObject([{ retentionDays: 30 }]);
    expect(arrived()).toEqual(['m']);
    aws.resetCounters();
    await put({ retentionDays: 30 }, { by: aProcess(), logStream: 'another' });
    expect(callsOf('PutRetentionPolicy')).toBe(0);
  },
);

test('a group of which AWS never said that we made it keeps its log events for ever', async () => {
  fail('CreateLogGroup', { kind: 'lose-answer' });
  await expect(put({ retentionDays: 30 })).rejects.toMatchObject({ disposition: 'retry' });
  await put({ retentionDays: 30 });
  // It might have been somebody else who made it, and a retention deletes.
  expect(aws.logGroups()).toMatchObject([{ retentionDays: undefined }]);
  expect(arrived()).toEqual(['m']);
});

test.each([
  ['logs:PutRetentionPolicy', { retentionDays: 30 } as const],
  ['logs:TagResource', { tags: { a: 'b' } }],
])('a role without %s is told so, and goes on once it has it', async (action, newGroup) => {
  allow(all.filter((other) => other !== action));
  await expect(put(newGroup)).rejects.toMatchObject({
    code: 'cloudwatch.group_options_denied',
    disposition: 'suspend',
    publicMessage: expect.stringContaining(action) as string,
  });
  allow(all);
  await put(newGroup);
  expect(aws.logGroups()).toMatchObject([newGroup]);
  expect(arrived()).toEqual(['m']);
});

test.each([
  ['a KMS key that CloudWatch Logs may not use', { kmsKeyId: `${kmsKeyId}5` }, 'kms_denied'],
  ['tags that AWS refuses', { tags: { 'aws:x': 'y' } }, 'group_refused'],
])('%s holds what waits, and no batch is blamed for it', async (_, newGroup, code) => {
  const failure = { code: `cloudwatch.${code}`, disposition: 'suspend' };
  await expect(put(newGroup)).rejects.toMatchObject(failure);
  expect(aws.logGroups()).toEqual([]);
});

test('forty new streams of a new group create it once, and each of them once', async () => {
  const streams = Array.from({ length: 40 }, (_, i) => `s${i}`);
  await Promise.all(streams.map((logStream) => put({ retentionDays: 7 }, { logStream })));
  expect(streams.flatMap((stream) => arrived(stream))).toHaveLength(40);
  expect(callsOf('CreateLogGroup')).toBe(1);
  expect(callsOf('PutRetentionPolicy')).toBe(1);
  expect(aws.counters().calls['logs:CreateLogStream']?.errors).not.toHaveProperty(
    'ResourceAlreadyExistsException',
  );
});

test('a stream that AWS does not show yet is put to again, and not created again', async () => {
  fail('PutLogEvents', anError('ResourceNotFoundException'), 3);
  await put();
  expect(arrived()).toEqual(['m']);
  expect([callsOf('CreateLogStream'), callsOf('CreateLogGroup')]).toEqual([2, 1]); // the first met no group
});

test('a stream that AWS does not show for longer is waited for elsewhere, without creating', async () => {
  fail('PutLogEvents', anError('ResourceNotFoundException'), 100);
  const failure = { code: 'cloudwatch.not_there_yet', disposition: 'retry' };
  await expect(put()).rejects.toMatchObject(failure);
  aws.resetCounters();
  await expect(put()).rejects.toMatchObject(failure);
  expect(Object.keys(aws.counters().calls)).toEqual(['logs:PutLogEvents']);
  aws.clearFaults();
  await put();
  expect(arrived()).toEqual(['m']);
});

test('a group that AWS does not show yet is not created again either', async () => {
  aws.seed({ logGroups: [{ account, region, name: 'g' }] });
  fail('CreateLogStream', anError('ResourceNotFoundException'), 4);
  for (let i = 0; i < 2; i++)
    await expect(put()).rejects.toMatchObject({ code: 'cloudwatch.not_there_yet' });
  expect(callsOf('CreateLogGroup')).toBe(1);
  await put();
  expect(arrived()).toEqual(['m']);
});

test('what is over the ration waits without a call, and without an attempt', async () => {
  memory.rations.take = (name) => Promise.resolve(name.startsWith('stream') ? 1_234 : 0);
  const failure = {
    code: 'cloudwatch.create_rationed',
    disposition: 'defer',
    retryAfterMs: 1_234,
  };
  await expect(put()).rejects.toMatchObject(failure);
  expect(Object.keys(aws.counters().calls)).toEqual(['logs:PutLogEvents']);
});

test('a group is not created while its retention would have to wait', async () => {
  memory.rations.take = (name) => Promise.resolve(name.startsWith('retention') ? 500 : 0);
  const failure = { code: 'cloudwatch.create_rationed', detail: 'retention' };
  await expect(put({ retentionDays: 30 })).rejects.toMatchObject(failure);
  expect(callsOf('CreateLogGroup')).toBe(0);
});

test('rations belong to the account and the Region, and are taken only for what is created', async () => {
  await put({ retentionDays: 30 });
  expect(memory.taken).toEqual([
    `stream:${account}:${region}`,
    `retention:${account}:${region}`,
    `group:${account}:${region}`,
    `stream:${account}:${region}`,
  ]);
  memory.taken.length = 0;
  await put({ retentionDays: 30 });
  expect(memory.taken).toEqual([]);
});

test('a memory that is away is no fault of the batch', async () => {
  const away = Object.assign(new Error('LOADING'), { name: 'ReplyError' });
  memory.rations.take = () => Promise.reject(away);
  await expect(put()).rejects.toBe(away); // the consumer knows what to do about Redis
});

import { startSandboxAws, type FaultSpec, type SandboxAws } from '@logferry/testing';
import { S3Sink } from './s3-sink';
import type { ObjectCall } from './object-call';
import type { SinkAccess } from './sink-access';
import { sharedTransport } from './transport';

const account = '123456789012';
const region = 'eu-central-1';
const keys = { accessKeyId: 'AKIALOGFERRY00000001', secretAccessKey: 'a-secret-of-the-sandbox' };
const access: SinkAccess = {
  destinationKey: 'acme/s3',
  region,
  session: { ...keys, sessionToken: '', expiresAt: Number.MAX_SAFE_INTEGER },
};
const key = 'env0-audits/2026/11/21/10:48:00_abcde.log';

let aws: SandboxAws;
let sink: S3Sink;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

beforeAll(async () => {
  aws = await startSandboxAws({ port: 0 });
  process.env.AWS_ENDPOINT_URL = aws.url;
});

beforeEach(() => {
  aws.reset();
  const allow = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:PutObject', Resource: '*' }],
  };
  aws.seed({
    accounts: [account],
    users: [{ account, name: 'logferry', accessKeys: [keys], policies: [allow] }],
    buckets: [{ name: 'acme-logs', region, account }],
  });
  sink = aSink();
});

afterAll(async () => {
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
  await aws.stop();
});

const aSink = (requestTimeoutMs = 20_000) =>
  new S3Sink(sharedTransport({ requestTimeoutMs }), { clientsMax: 10, forcePathStyle: true });

const standard: ObjectCall = {
  bucket: 'acme-logs',
  key,
  compression: 'none',
  contentType: 'application/x-ndjson',
  encryption: { kind: 'bucket' },
  storageClass: 'STANDARD',
  checksum: 'CRC32',
  bucketOwner: account,
};

const put = (
  over: Partial<ObjectCall> = {},
  { as = access, body = Buffer.from('{"a":1}\n') }: { as?: SinkAccess; body?: Buffer } = {},
) => sink.put(as, { ...standard, ...over }, body);

test('an object is put under exactly its key, colons and all, with nothing but the right to put', async () => {
  expect(await put()).toBe('created');
  expect(aws.objects('acme-logs').map((object) => object.key)).toEqual([key]);
  expect(aws.object('acme-logs', key)?.content?.toString()).toBe('{"a":1}\n');
});

test('an object that is there is never overwritten', async () => {
  await put();
  expect(await put({}, { body: Buffer.from('other') })).toBe('taken');
  expect(aws.object('acme-logs', key)?.content?.toString()).toBe('{"a":1}\n');
});

test('an answer that was lost after the object was made says that it may be ours', async () => {
  aws.addFault({ match: { operation: 'PutObject' }, action: { kind: 'lose-answer' }, times: 1 });
  expect(await put()).toBe('created_or_taken');
  expect(aws.objects('acme-logs')).toHaveLength(1);
});

test.each<FaultSpec['action']>([
  { kind: 'error', code: 'ExpiredToken', message: '', httpStatus: 400 },
  { kind: 'deny' },
  { kind: 'throttle' },
])(
  'a refusal (%o) after a lost answer does not hide that the object may be there',
  async (action) => {
    aws.addFault({ match: { operation: 'PutObject' }, action: { kind: 'lose-answer' }, times: 1 });
    aws.addFault({ match: { operation: 'PutObject' }, action, skip: 1 });
    await expect(put()).rejects.toMatchObject({ code: 'network.unreachable' });
    expect(aws.objects('acme-logs')).toHaveLength(1);
  },
);

test('an object larger than what the SDK announces first arrives whole', async () => {
  const body = Buffer.alloc(5 * 1024 * 1024, 'x');
  expect(await put({}, { body })).toBe('created');
  expect(aws.object('acme-logs', key)?.content?.equals(body)).toBe(true);
});

test.each<[string, FaultSpec['action'], string]>([
  ['slow down', { kind: 'throttle' }, 's3.throttled'],
  ['a server error', { kind: 'server-error', httpStatus: 500 }, 's3.unavailable'],
  ['no answer', { kind: 'hang' }, 'network.unreachable'],
  [
    'a race',
    { kind: 'error', code: 'ConditionalRequestConflict', message: '', httpStatus: 409 },
    's3.not_stored',
  ],
  [
    'a KMS denial',
    {
      kind: 'error',
      code: 'AccessDenied',
      message: 'User: x is not authorized to perform: kms:GenerateDataKey on resource: y',
      httpStatus: 403,
    },
    'kms.denied',
  ],
])('%s is the failure that it is', async (_, action, code) => {
  if (action.kind === 'hang') sink = aSink(1_000);
  aws.addFault({ match: { operation: 'PutObject' }, action });
  await expect(put()).rejects.toMatchObject({ code });
});

test('a bucket of another Region is found where S3 says that it lies', async () => {
  expect(await put({}, { as: { ...access, region: 'us-east-1' } })).toBe('created');
  expect(aws.counters().calls['s3:PutObject']).toEqual({
    calls: 2,
    mostAtOnce: 1,
    errors: { PermanentRedirect: 1 },
  });
});

test('a bucket that has moved is found again', async () => {
  const as = { ...access, region: 'us-east-1' };
  await put({}, { as });
  aws.removeBucket('acme-logs');
  aws.seed({ buckets: [{ name: 'acme-logs', region: 'eu-west-1', account }] });
  expect(await put({}, { as })).toBe('created');
  aws.removeBucket('acme-logs');
  aws.seed({ buckets: [{ name: 'acme-logs', region: 'us-east-1', account }] });
  expect(await put({}, { as })).toBe('created');
});

test('a bucket that is missing, out of the partition or forbidden is three different failures', async () => {
  await expect(put({ bucket: 'no-such-bucket' })).rejects.toMatchObject({
    code: 's3.bucket_missing',
  });
  aws.seed({ buckets: [{ name: 'acme-gov', region: 'us-gov-west-1', account }] });
  await expect(put({ bucket: 'acme-gov' })).rejects.toMatchObject({ code: 's3.wrong_region' });
  aws.addFault({ match: { bucket: 'acme-logs' }, action: { kind: 'deny' } });
  await expect(put()).rejects.toMatchObject({ code: 's3.access_denied' });
});

test('a session that is not known any more asks for a fresh one', async () => {
  const stale = { ...access, session: { ...access.session, accessKeyId: 'ASIAUNKNOWN000000001' } };
  await expect(put({}, { as: stale })).rejects.toMatchObject({ code: 'credential.expired' });
});

test("a bucket's Region is known with nothing but the right to put, from wherever it is asked", async () => {
  expect(await sink.regionOf(access, 'acme-logs')).toBe(region);
  expect(await sink.regionOf({ ...access, region: 'us-east-1' }, 'acme-logs')).toBe(region);
});

test('a bucket that is not there has no Region', async () => {
  await expect(sink.regionOf(access, 'nobodys-logs')).rejects.toMatchObject({
    code: 's3.bucket_missing',
  });
});

test('an object in parts is rehearsed without leaving anything behind', async () => {
  const allow = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: ['s3:PutObject', 's3:AbortMultipartUpload'], Resource: '*' },
    ],
  };
  aws.seed({ users: [{ account, name: 'logferry', accessKeys: [keys], policies: [allow] }] });
  await sink.tryParts(access, standard);
  expect(aws.uploads('acme-logs')).toEqual([]);
  expect(aws.objects('acme-logs')).toEqual([]);
});

test('a rehearsal says so if we may not abort', async () => {
  await expect(sink.tryParts(access, standard)).rejects.toMatchObject({ code: 's3.access_denied' });
});

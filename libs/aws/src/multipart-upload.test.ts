import { S3, type Failure } from '@logferry/core';
import { startSandboxAws, type FaultSpec, type SandboxAws } from '@logferry/testing';
import { randomBytes } from 'node:crypto';
import type { UploadMemory } from './multipart-upload';
import type { ObjectCall, UploadRef } from './object-call';
import { S3Sink } from './s3-sink';
import type { SinkAccess } from './sink-access';
import { sharedTransport } from './transport';

const account = '123456789012';
const region = 'eu-central-1';
const bucket = 'acme-logs';
const keys = { accessKeyId: 'AKIALOGFERRY00000001', secretAccessKey: 'a-secret-of-the-sandbox' };
const access: SinkAccess = {
  destinationKey: 'acme/s3',
  region,
  session: { ...keys, sessionToken: '', expiresAt: Number.MAX_SAFE_INTEGER },
};
const call: ObjectCall = {
  bucket,
  key: 'env0-audits/2026/11/21/10:48:00_abcde.log',
  compression: 'gzip',
  contentType: 'application/x-ndjson',
  encryption: { kind: 'sse_s3' },
  storageClass: 'STANDARD_IA',
  checksum: 'CRC32',
  bucketOwner: account,
};

/** What the sink has told of its uploads. */
class Remembered implements UploadMemory {
  readonly open = new Map<string, UploadRef>();
  told = 0;

  remember(upload: UploadRef): Promise<boolean> {
    this.told++;
    this.open.set(upload.uploadId, upload);
    return Promise.resolve(true);
  }

  forget({ uploadId }: UploadRef): Promise<void> {
    this.open.delete(uploadId);
    return Promise.resolve();
  }
}

let aws: SandboxAws;
let sink: S3Sink;
let uploads: Remembered;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

beforeAll(async () => {
  aws = await startSandboxAws({ port: 0 });
  process.env.AWS_ENDPOINT_URL = aws.url;
});

beforeEach(() => {
  aws.reset();
  aws.seed({ accounts: [account], buckets: [{ name: bucket, region, account }] });
  allow('s3:PutObject', 's3:AbortMultipartUpload');
  uploads = new Remembered();
  sink = new S3Sink(sharedTransport({ requestTimeoutMs: 20_000 }), {
    clientsMax: 10,
    forcePathStyle: true,
  });
});

afterAll(async () => {
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
  await aws.stop();
});

function allow(...actions: string[]): void {
  const policy = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }],
  };
  aws.seed({ users: [{ account, name: 'logferry', accessKeys: [keys], policies: [policy] }] });
}

jest.setTimeout(30_000); // megabytes are signed and checked by either side of each call

const longest = randomBytes(2 * S3.partBytes + 1);
const content = longest.subarray(0, S3.partBytes + 12_345);

async function* inPieces(bytes: Buffer, pieceBytes = 700_001): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
  }
}

const put = (body: AsyncIterable<Buffer> = inPieces(content), as = access) =>
  sink.putStream(as, call, body, uploads);

const calls = (operation: string): number => aws.counters().calls[`s3:${operation}`]?.calls ?? 0;

test.each([
  [0, 0],
  [1, 0],
  [S3.partBytes - 1, 0],
  [S3.partBytes, 0],
  [S3.partBytes + 1, 2],
  [2 * S3.partBytes, 2],
  [2 * S3.partBytes + 1, 3],
])('an object of %d bytes is put in %d parts', async (bytes, parts) => {
  const body = longest.subarray(0, bytes);
  expect(await put(inPieces(body))).toBe('created');
  expect([calls('UploadPart'), calls('PutObject')]).toEqual([parts, parts === 0 ? 1 : 0]);
  expect(aws.object(bucket, call.key)?.content?.equals(body)).toBe(true);
  expect([aws.uploads(bucket), uploads.told]).toEqual([[], parts === 0 ? 0 : 1]);
});

test('an object in parts has all that its destination says of it', async () => {
  await sink.putStream(access, { ...call, checksum: 'CRC32C' }, inPieces(content), uploads);
  expect(aws.object(bucket, call.key)).toMatchObject({
    contentBytes: content.length,
    headers: { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' },
    storageClass: 'STANDARD_IA',
    checksum: { algorithm: 'crc32c', value: expect.stringMatching(/-2$/) as unknown },
    encryption: { algorithm: 'AES256' },
  });
});

test('an object that is there is never overwritten, and the upload is aborted', async () => {
  await sink.put(access, call, Buffer.from('other'));
  expect(await put()).toBe('taken');
  expect(aws.object(bucket, call.key)?.content?.toString()).toBe('other');
  expect([aws.uploads(bucket), uploads.open.size]).toEqual([[], 0]);
});

test.each<[string, FaultSpec, string]>([
  ['a bucket elsewhere', { match: { operation: 'x' }, action: { kind: 'deny' } }, 'us-east-1'],
  [
    'two parts that fail in passing',
    {
      match: { operation: 'UploadPart' },
      action: { kind: 'server-error', httpStatus: 503 },
      times: 2,
    },
    region,
  ],
  [
    'a part whose answer is lost',
    { match: { operation: 'UploadPart' }, action: { kind: 'lose-answer' }, times: 1 },
    region,
  ],
])('%s costs no more than another call', async (_, fault, from) => {
  aws.addFault(fault);
  expect(await put(inPieces(content), { ...access, region: from })).toBe('created');
  expect(aws.object(bucket, call.key)?.content?.equals(content)).toBe(true);
  expect(aws.uploads(bucket)).toEqual([]);
});

const conflict = {
  kind: 'error',
  code: 'ConditionalRequestConflict',
  message: '',
  httpStatus: 409,
} as const;

/** S3 begins to answer before it knows how it ends; taken for what its status says, this would be an object that is not there. */
const late = { kind: 'error', code: 'InternalError', message: '', httpStatus: 200 } as const;

test.each<[string, FaultSpec['action'], string]>([
  ['CreateMultipartUpload', { kind: 'throttle' }, 's3.throttled'],
  ['CreateMultipartUpload', { kind: 'deny' }, 's3.access_denied'],
  ['CreateMultipartUpload', { kind: 'server-error' }, 's3.not_stored'],
  ['UploadPart', { kind: 'server-error' }, 's3.not_stored'],
  ['UploadPart', { kind: 'deny' }, 's3.access_denied'],
  ['CompleteMultipartUpload', { kind: 'server-error' }, 's3.unavailable'],
  ['CompleteMultipartUpload', { kind: 'throttle' }, 's3.throttled'],
  ['CompleteMultipartUpload', conflict, 's3.not_stored'],
  ['CompleteMultipartUpload', late, 's3.unavailable'],
  ['CompleteMultipartUpload', { kind: 'connection-reset' }, 'network.unreachable'],
])('%s that answers %o leaves no object and no upload behind', async (operation, action, code) => {
  aws.addFault({ match: { operation }, action });
  await expect(put()).rejects.toMatchObject({ code });
  expect([aws.objects(bucket), aws.uploads(bucket), uploads.open.size]).toEqual([[], [], 0]);
});

test.each(['UploadPart', 'CompleteMultipartUpload'])(
  'of an object in parts it is known how long the %s took that failed, not how long the others did',
  async (operation) => {
    const slow = { kind: 'late-answer', forMs: 1_000 } as const;
    aws.addFault({ match: { operation: 'CreateMultipartUpload' }, action: slow });
    aws.addFault({ match: { operation }, action: { kind: 'deny' } });
    const startedAt = performance.now();
    const failure = await put().catch((error: unknown) => error as Failure);
    const allMs = performance.now() - startedAt;
    const { code, callMs = 0 } = failure as Failure;
    expect(code).toBe('s3.access_denied');
    expect(callMs).toBeGreaterThan(0);
    expect(callMs).toBeLessThan(allMs - 900);
  },
);

test('an answer that was lost after the object was completed says that it may be there', async () => {
  const lost = { match: { operation: 'CompleteMultipartUpload' }, action: { kind: 'lose-answer' } };
  aws.addFault({ ...(lost as FaultSpec), times: 1 });
  await expect(put()).rejects.toMatchObject({ code: 'network.unreachable' });
  expect(aws.object(bucket, call.key)?.content?.equals(content)).toBe(true);
  expect([aws.uploads(bucket), uploads.open.size]).toEqual([[], 0]);
  expect(await put()).toBe('taken');
});

test.each<[string, FaultSpec['action']]>([
  ['fails', { kind: 'server-error' }],
  ['is not allowed', { kind: 'deny' }],
])('an upload whose abortion %s stays remembered, and can be aborted later', async (_, action) => {
  aws.addFault({ match: { operation: 'UploadPart' }, action: { kind: 'deny' } });
  aws.addFault({ match: { operation: 'AbortMultipartUpload' }, action });
  await expect(put()).rejects.toMatchObject({ code: 's3.access_denied' });
  expect(aws.uploads(bucket)).toHaveLength(1);
  const [left] = uploads.open.values();
  aws.clearFaults();
  await sink.abort(access, left as UploadRef, account);
  expect(aws.uploads(bucket)).toEqual([]);
  await sink.abort(access, left as UploadRef, account); // once more is no failure
});

test('an upload that somebody else has aborted meanwhile makes no object', async () => {
  async function* robbed(): AsyncGenerator<Buffer, void, void> {
    yield content.subarray(0, S3.partBytes + 1);
    for (const upload of uploads.open.values()) await sink.abort(access, upload, account);
    yield content.subarray(S3.partBytes + 1);
  }
  await expect(put(robbed())).rejects.toMatchObject({ code: 's3.not_stored' });
  expect(aws.objects(bucket)).toEqual([]);
});

test('a batch that was delivered meanwhile is not put again', async () => {
  uploads.remember = () => Promise.resolve(false);
  expect(await put()).toBe('taken');
  expect([aws.objects(bucket), aws.uploads(bucket), calls('UploadPart')]).toEqual([[], [], 0]);
});

test('a body that ends in an error makes no object, and the error is what is told', async () => {
  async function* broken(): AsyncGenerator<Buffer, void, void> {
    yield content.subarray(0, S3.partBytes + 1);
    throw await Promise.resolve(new Error('Redis is gone'));
  }
  await expect(put(broken())).rejects.toThrow('Redis is gone');
  expect([aws.objects(bucket), aws.uploads(bucket)]).toEqual([[], []]);
});

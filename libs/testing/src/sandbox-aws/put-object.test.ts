// Goal: S3 takes whole, verified objects and nothing else, once per key where that is asked for. Method: the real SDK. Doubles: none.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { ACCOUNT, ADMIN, allow, OTHER_ACCOUNT, REGION, startWorld } from './fixtures';
import { crc32c } from './checksums';
import { refusalOf, s3, s3Client, saying } from './sdk-clients';
import type { SdkKeys } from './sdk-clients';
import type { SandboxAws } from './start-sandbox-aws';

const Bucket = 'the-bucket';
const LIMITED: SdkKeys = { accessKeyId: 'AKIALIMITED000000001', secretAccessKey: 'limited' };
let sandbox: SandboxAws;
let client: s3.S3Client;

beforeAll(async () => {
  sandbox = await startWorld();
  client = s3Client({ endpoint: sandbox.url, credentials: ADMIN });
});

beforeEach(() => {
  sandbox.removeBucket(Bucket);
  sandbox.seed({
    accounts: [ACCOUNT],
    buckets: [{ name: Bucket, region: REGION, account: ACCOUNT }],
  });
});

afterAll(async () => {
  client.destroy();
  await sandbox.stop();
});

function put(more: Partial<s3.PutObjectCommandInput> = {}, by = client) {
  return by.send(new s3.PutObjectCommand({ Bucket, Key: 'key', Body: 'content', ...more }));
}

async function get(Key = 'key', more: Partial<s3.GetObjectCommandInput> = {}) {
  const answer = await client.send(new s3.GetObjectCommand({ Bucket, Key, ...more }));
  return { ...answer, text: await answer.Body?.transformToString() };
}

describe('what is stored', () => {
  test('comes back as it was, with its headers and metadata', async () => {
    const written = await put({
      Body: 'a line\n',
      ContentType: 'text/plain; charset=utf-8',
      ContentEncoding: 'identity',
      CacheControl: 'no-store',
      Metadata: { batch: '01J', 'lane-name': 'zürich' },
      StorageClass: 'STANDARD_IA',
    });
    const etag = `"${createHash('md5').update('a line\n').digest('hex')}"`;
    expect(written).toMatchObject({
      ETag: etag,
      ServerSideEncryption: 'AES256',
      ChecksumCRC32: expect.any(String) as unknown,
    });
    expect(await get()).toMatchObject({
      text: 'a line\n',
      ContentType: 'text/plain; charset=utf-8',
      ContentEncoding: 'identity',
      CacheControl: 'no-store',
      Metadata: { batch: '01J', 'lane-name': '=?UTF-8?B?esO8cmljaA==?=' },
      StorageClass: 'STANDARD_IA',
      ContentLength: 7,
      ETag: etag,
      ServerSideEncryption: 'AES256',
    });
    expect(sandbox.object(Bucket, 'key')?.metadata).toEqual({
      batch: '01J',
      'lane-name': 'zürich',
    });
    const head = await client.send(new s3.HeadObjectCommand({ Bucket, Key: 'key' }));
    expect(head).toMatchObject({ ContentLength: 7, ETag: etag });
  });

  test('a range of it comes back as a range', async () => {
    await put({ Body: '0123456789' });
    expect(await get('key', { Range: 'bytes=2-4' })).toMatchObject({
      text: '234',
      ContentRange: 'bytes 2-4/10',
    });
    expect(await get('key', { Range: 'bytes=-3' })).toMatchObject({ text: '789' });
    expect(await get('key', { Range: 'bytes=8-99' })).toMatchObject({ text: '89' });
    expect(await refusalOf(get('key', { Range: 'bytes=10-' }))).toMatchObject({
      code: 'InvalidRange',
      httpStatus: 416,
    });
  });

  test('any key and any bytes survive the way there and back', async () => {
    const key = fc
      .string({ minLength: 1, maxLength: 40, unit: 'grapheme' })
      .filter((text) => !/^\.{1,2}$|^\s*$/u.test(text) && text.isWellFormed());
    await fc.assert(
      fc.asyncProperty(key, fc.uint8Array({ maxLength: 200 }), async (Key, bytes) => {
        await put({ Key, Body: bytes });
        const answer = await client.send(new s3.GetObjectCommand({ Bucket, Key }));
        expect(Buffer.from((await answer.Body?.transformToByteArray()) ?? [])).toEqual(
          Buffer.from(bytes),
        );
      }),
      { numRuns: 100 },
    );
  });

  test('a body of three mebibytes, for which the SDK waits for 100-continue', async () => {
    const Body = Buffer.alloc(3 * 1024 ** 2, 'x');
    await put({ Body });
    expect(sandbox.object(Bucket, 'key')?.content?.equals(Body)).toBe(true);
  });

  test('a stream, which the SDK sends in chunks with its checksum behind it', async () => {
    const chunks = ['first ', 'second ', 'third'].map((text) => Buffer.from(text));
    await put({ Body: Readable.from(chunks), ContentLength: 18, ContentEncoding: 'gzip' });
    expect(sandbox.object(Bucket, 'key')).toMatchObject({
      contentBytes: 18,
      headers: { 'content-encoding': 'gzip' },
      checksum: { algorithm: 'crc32' },
    });
    expect(sandbox.object(Bucket, 'key')?.content?.toString()).toBe('first second third');
  });

  test.each([
    ['x'.repeat(1_023), true],
    ['x'.repeat(1_024), true],
    ['x'.repeat(1_025), false],
    ['ü'.repeat(512), true],
    ['ü'.repeat(512) + 'x', false],
  ])('the key %s', async (Key, isAllowed) => {
    const outcome = isAllowed ? await put({ Key }) : await refusalOf(put({ Key }));
    expect(outcome).toMatchObject(isAllowed ? {} : { code: 'KeyTooLongError', httpStatus: 400 });
    expect(sandbox.objects(Bucket)).toHaveLength(isAllowed ? 1 : 0);
  });
});

describe('checksums', () => {
  const number = (value: number) => {
    const buffer = Buffer.alloc(4);
    buffer.writeUInt32BE(value);
    return buffer.toString('base64');
  };
  const hash = (algorithm: string, text: string) =>
    createHash(algorithm).update(text).digest('base64');

  test('CRC32C is the Castagnoli one', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });

  test.each([
    [
      'CRC32',
      { ChecksumCRC32: number(crc32('content')) },
      { ChecksumCRC32: number(crc32('other')) },
    ],
    [
      'CRC32C',
      { ChecksumCRC32C: number(crc32c(Buffer.from('content'))) },
      { ChecksumCRC32C: number(crc32c(Buffer.from('other'))) },
    ],
    ['SHA1', { ChecksumSHA1: hash('sha1', 'content') }, { ChecksumSHA1: hash('sha1', 'other') }],
    [
      'SHA256',
      { ChecksumSHA256: hash('sha256', 'content') },
      { ChecksumSHA256: hash('sha256', 'other') },
    ],
  ])('%s is verified, kept and given back', async (_name, right, wrong) => {
    expect(await put(right)).toMatchObject(right);
    expect(await get('key', { ChecksumMode: 'ENABLED' })).toMatchObject({
      ...right,
      text: 'content',
    });
    expect(await refusalOf(put({ ...wrong, Key: 'wrong' }))).toEqual({
      code: 'BadDigest',
      httpStatus: 400,
      message: saying('you specified did not match the calculated checksum.'),
    });
    expect(sandbox.object(Bucket, 'wrong')).toBeUndefined();
  });

  test.each([
    [{ ContentMD5: hash('md5', 'content') }, undefined],
    [{ ContentMD5: hash('md5', 'other') }, 'BadDigest'],
    [{ ContentMD5: 'short' }, 'InvalidDigest'],
    [{ ChecksumCRC32: 'AAAA' }, 'InvalidRequest'],
  ])('%j', async (checksum, code) => {
    const outcome = code === undefined ? await put(checksum) : await refusalOf(put(checksum));
    expect(outcome).toMatchObject(code === undefined ? {} : { code, httpStatus: 400 });
    expect(sandbox.objects(Bucket)).toHaveLength(code === undefined ? 1 : 0);
  });
});

describe('conditions', () => {
  test('If-None-Match: * lets one writer win and the others know', async () => {
    const outcomes = await Promise.all(
      [...Array(20).keys()].map((n) =>
        put({ IfNoneMatch: '*', Body: String(n) }).then(
          () => 'written',
          (error: s3.S3ServiceException) =>
            `${error.name} ${String(error.$metadata.httpStatusCode)}`,
        ),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'PreconditionFailed 412')).toHaveLength(19);
  });

  test('If-Match wants the object as it is', async () => {
    expect(await refusalOf(put({ IfMatch: '"x"' }))).toMatchObject({
      code: 'NoSuchKey',
      httpStatus: 404,
    });
    const { ETag } = await put();
    expect(await refusalOf(put({ IfMatch: '"x"' }))).toMatchObject({
      code: 'PreconditionFailed',
      httpStatus: 412,
    });
    await put({ IfMatch: ETag });
  });

  test('an overwritten object is counted', async () => {
    sandbox.resetCounters();
    await put();
    await put();
    expect(sandbox.counters().objects).toEqual({ put: 2, putBytes: 14, overwritten: 1 });
  });

  test.each([
    [{ ExpectedBucketOwner: ACCOUNT }, undefined],
    [{ ExpectedBucketOwner: OTHER_ACCOUNT }, 'AccessDenied 403'],
    [{ Bucket: 'absent-bucket' }, 'NoSuchBucket 404'],
    [{ StorageClass: 'NONSENSE' as s3.StorageClass }, 'InvalidStorageClass 400'],
    [
      { ServerSideEncryption: 'AES512' as s3.ServerSideEncryption },
      'InvalidEncryptionAlgorithmError 400',
    ],
    [{ SSEKMSKeyId: 'k', ServerSideEncryption: 'AES256' as const }, 'InvalidArgument 400'],
    [{ ACL: 'bucket-owner-full-control' as const }, undefined],
    [{ ACL: 'public-read' as const }, 'AccessControlListNotSupported 400'],
    [{ ObjectLockMode: 'GOVERNANCE' as const }, 'InvalidRequest 400'],
    [{ Metadata: { a: 'x'.repeat(2_047) } }, undefined],
    [{ Metadata: { a: 'x'.repeat(2_048) } }, 'MetadataTooLarge 400'],
    [{ IfNoneMatch: '"x"' }, 'NotImplemented 501'],
  ])('%j is answered with %s', async (input, refusal) => {
    const call = put(input);
    if (refusal === undefined) {
      expect((await call).ETag).toBeDefined();
      return;
    }
    const { code, httpStatus } = await refusalOf(call);
    expect(`${code} ${String(httpStatus)}`).toBe(refusal);
    expect(sandbox.objects(Bucket)).toHaveLength(0);
  });
});

describe('permissions', () => {
  const arn = `arn:aws:s3:::${Bucket}`;
  let limited: s3.S3Client;

  beforeEach(() => {
    limited = s3Client({ endpoint: sandbox.url, credentials: LIMITED });
  });

  afterEach(() => {
    limited.destroy();
  });

  function permit(...policies: object[]): void {
    sandbox.seed({
      accounts: [ACCOUNT],
      users: [{ account: ACCOUNT, name: 'limited', accessKeys: [LIMITED], policies }],
    });
  }

  test('a PUT without permission names who, what and where', async () => {
    permit(allow('s3:PutObject', `${arn}/logs/*`));
    await put({ Key: 'logs/a' }, limited);
    expect(await refusalOf(put({ Key: 'other/a' }, limited))).toEqual({
      code: 'AccessDenied',
      httpStatus: 403,
      message: `User: arn:aws:iam::${ACCOUNT}:user/limited is not authorized to perform: s3:PutObject on resource: "${arn}/other/a" because no identity-based policy allows the s3:PutObject action`,
    });
  });

  test('If-None-Match needs nothing but s3:PutObject', async () => {
    permit(allow('s3:PutObject', `${arn}/*`));
    await put({ IfNoneMatch: '*' }, limited);
    expect(await refusalOf(put({ IfNoneMatch: '*' }, limited))).toMatchObject({
      code: 'PreconditionFailed',
    });
  });

  test('a KMS key needs kms:GenerateDataKey on it', async () => {
    const SSEKMSKeyId = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1234`;
    const input = { SSEKMSKeyId, ServerSideEncryption: 'aws:kms' } as const;
    permit(allow('s3:PutObject', `${arn}/*`));
    expect(await refusalOf(put(input, limited))).toMatchObject({
      code: 'AccessDenied',
      message: saying(`kms:GenerateDataKey on resource: ${SSEKMSKeyId}`),
    });
    permit(allow('s3:PutObject', `${arn}/*`), allow('kms:GenerateDataKey', SSEKMSKeyId));
    expect(await put(input, limited)).toMatchObject({
      SSEKMSKeyId,
      ServerSideEncryption: 'aws:kms',
    });
  });

  test('an ACL and tags need permissions of their own', async () => {
    permit(allow('s3:PutObject', `${arn}/*`));
    expect((await refusalOf(put({ ACL: 'bucket-owner-full-control' }, limited))).message).toContain(
      's3:PutObjectAcl',
    );
    expect((await refusalOf(put({ Tagging: 'a=b' }, limited))).message).toContain(
      's3:PutObjectTagging',
    );
  });

  test('who may not list a bucket gets 403 for a key that is not there', async () => {
    permit(allow('s3:GetObject', `${arn}/*`));
    const fetchAbsent = () => limited.send(new s3.GetObjectCommand({ Bucket, Key: 'absent' }));
    expect(await refusalOf(fetchAbsent())).toMatchObject({ code: 'AccessDenied', httpStatus: 403 });
    permit(allow('s3:GetObject', `${arn}/*`), allow('s3:ListBucket', arn));
    expect(await refusalOf(fetchAbsent())).toMatchObject({ code: 'NoSuchKey', httpStatus: 404 });
  });

  test('another account’s bucket is out of reach', async () => {
    sandbox.removeBucket(Bucket);
    sandbox.seed({
      accounts: [OTHER_ACCOUNT],
      buckets: [{ name: Bucket, region: REGION, account: OTHER_ACCOUNT }],
    });
    expect(await refusalOf(put())).toEqual({
      code: 'AccessDenied',
      httpStatus: 403,
      message: 'Access Denied',
    });
  });
});

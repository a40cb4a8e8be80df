// Goal: a multipart upload becomes one whole object or none, as S3 documents it. Method: the real SDK. Doubles: none.
import { ACCOUNT, ADMIN, allow, REGION, startWorld } from './fixtures';
import { refusalOf, s3, s3Client, saying } from './sdk-clients';
import type { SdkKeys } from './sdk-clients';
import type { SandboxAws } from './start-sandbox-aws';

const Bucket = 'the-bucket';
const Key = 'a/key';
const PART_BYTES_MIN = 5 * 1024 ** 2;
const LIMITED: SdkKeys = { accessKeyId: 'AKIALIMITED000000001', secretAccessKey: 'limited' };
let sandbox: SandboxAws;
let client: s3.S3Client;

beforeAll(async () => {
  sandbox = await startWorld();
  client = s3Client({ endpoint: sandbox.url, credentials: ADMIN });
});

beforeEach(() => {
  sandbox.removeBucket(Bucket);
  sandbox.seed({ buckets: [{ name: Bucket, region: REGION, account: ACCOUNT }] });
});

afterAll(async () => {
  client.destroy();
  await sandbox.stop();
});

async function create(
  more: Partial<s3.CreateMultipartUploadCommandInput> = {},
  by = client,
): Promise<string> {
  const input = { Bucket, Key, ChecksumAlgorithm: 'CRC32' as const, ...more };
  return (await by.send(new s3.CreateMultipartUploadCommand(input))).UploadId ?? '';
}

async function upload(
  UploadId: string,
  PartNumber: number,
  Body: Buffer | string,
  more: Partial<s3.UploadPartCommandInput> = {},
): Promise<s3.CompletedPart> {
  const input = { Bucket, Key, UploadId, PartNumber, Body, ...more };
  const { ETag, ChecksumCRC32 } = await client.send(new s3.UploadPartCommand(input));
  return { PartNumber, ETag, ChecksumCRC32 };
}

function complete(
  UploadId: string,
  Parts: s3.CompletedPart[],
  more: Partial<s3.CompleteMultipartUploadCommandInput> = {},
) {
  const input = { Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more };
  return client.send(new s3.CompleteMultipartUploadCommand(input));
}

const abort = (UploadId: string, by = client) =>
  by.send(new s3.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));

const big = (fill: string, bytes = PART_BYTES_MIN) => Buffer.alloc(bytes, fill);

test('parts in any order become one object, with the headers of its beginning', async () => {
  const id = await create({
    ContentType: 'text/plain',
    ContentEncoding: 'gzip',
    StorageClass: 'STANDARD_IA',
  });
  const second = await upload(id, 2, 'end');
  const first = await upload(id, 1, big('a'));
  expect(sandbox.objects(Bucket)).toEqual([]);
  expect(sandbox.uploads(Bucket)).toEqual([
    { key: Key, uploadId: id, parts: 2, bytes: PART_BYTES_MIN + 3 },
  ]);
  const { ETag, ChecksumCRC32 } = await complete(id, [first, second]);
  expect(ETag).toMatch(/^"[0-9a-f]{32}-2"$/);
  expect(ChecksumCRC32).toMatch(/-2$/);
  expect(sandbox.uploads(Bucket)).toEqual([]);
  expect(sandbox.object(Bucket, Key)).toMatchObject({
    contentBytes: PART_BYTES_MIN + 3,
    storageClass: 'STANDARD_IA',
    headers: { 'content-type': 'text/plain', 'content-encoding': 'gzip' },
  });
  expect(
    sandbox.object(Bucket, Key)?.content?.equals(Buffer.concat([big('a'), Buffer.from('end')])),
  ).toBe(true);
});

test('If-None-Match is asked when the object is completed, and the upload is there still', async () => {
  const id = await create();
  const part = await upload(id, 1, 'mine');
  await client.send(new s3.PutObjectCommand({ Bucket, Key, Body: 'theirs' }));
  expect(await refusalOf(complete(id, [part], { IfNoneMatch: '*' }))).toMatchObject({
    code: 'PreconditionFailed',
    httpStatus: 412,
  });
  expect(sandbox.object(Bucket, Key)?.content?.toString()).toBe('theirs');
  expect(sandbox.uploads(Bucket)).toHaveLength(1);
});

test('what was completed or aborted is no upload any more', async () => {
  const completed = await create();
  const part = await upload(completed, 1, 'x');
  await complete(completed, [part]);
  const aborted = await create();
  await abort(aborted);
  for (const id of [completed, aborted]) {
    const calls = [() => upload(id, 1, 'x'), () => complete(id, [part]), () => abort(id)];
    for (const call of calls) {
      expect(await refusalOf(call())).toMatchObject({ code: 'NoSuchUpload', httpStatus: 404 });
    }
  }
});

test.each([
  [PART_BYTES_MIN - 1, 'EntityTooSmall'],
  [PART_BYTES_MIN, undefined],
])('a part of %d bytes before the last is answered with %s', async (bytes, code) => {
  const id = await create();
  const parts = [await upload(id, 1, big('a', bytes)), await upload(id, 2, 'b')];
  if (code === undefined) expect(await complete(id, parts)).toMatchObject({ Key });
  else expect(await refusalOf(complete(id, parts))).toMatchObject({ code, httpStatus: 400 });
});

test.each([
  [0, false],
  [1, true],
  [10_000, true],
  [10_001, false],
])('the part number %d is taken: %s', async (number, isTaken) => {
  const call = upload(await create(), number, 'x');
  if (isTaken) expect(await call).toMatchObject({ PartNumber: number });
  else expect(await refusalOf(call)).toMatchObject({ code: 'InvalidArgument' });
});

test('parts must be named in order, as they were uploaded, each with its checksum', async () => {
  const id = await create();
  const one = await upload(id, 1, big('a'));
  const two = await upload(id, 2, 'b');
  const cases: [s3.CompletedPart[], string][] = [
    [[two, one], 'InvalidPartOrder'],
    [[one, one], 'InvalidPartOrder'],
    [[one, { ...two, PartNumber: 3 }], 'InvalidPart'],
    [[one, { ...two, ETag: one.ETag }], 'InvalidPart'],
    [[one, { ...two, ChecksumCRC32: undefined }], 'InvalidRequest'],
    [[one, { ...two, ChecksumCRC32: 'AAAAAA==' }], 'InvalidPart'],
    [[], 'MalformedXML'],
  ];
  for (const [parts, code] of cases) {
    expect(await refusalOf(complete(id, parts))).toMatchObject({ code, httpStatus: 400 });
  }
  await complete(id, [one, two]);
});

test('a part that was damaged on its way is refused', async () => {
  const id = await create();
  expect(await refusalOf(upload(id, 1, 'x', { ChecksumCRC32: 'AAAAAA==' }))).toMatchObject({
    code: 'BadDigest',
  });
  expect(sandbox.uploads(Bucket)).toMatchObject([{ parts: 0 }]);
});

test('aborting needs a permission of its own, and a KMS key kms:Decrypt beside', async () => {
  const SSEKMSKeyId = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1234`;
  const limited = s3Client({ endpoint: sandbox.url, credentials: LIMITED });
  const put = allow('s3:PutObject', `arn:aws:s3:::${Bucket}/*`);
  const permit = (...policies: object[]) =>
    sandbox.seed({
      accounts: [ACCOUNT],
      users: [{ account: ACCOUNT, name: 'limited', accessKeys: [LIMITED], policies }],
    });
  permit(put, allow('kms:GenerateDataKey', SSEKMSKeyId));
  const id = await create({ SSEKMSKeyId, ServerSideEncryption: 'aws:kms' }, limited);
  expect(await refusalOf(abort(id, limited))).toMatchObject({
    code: 'AccessDenied',
    message: saying('s3:AbortMultipartUpload'),
  });
  const part = new s3.UploadPartCommand({ Bucket, Key, UploadId: id, PartNumber: 1, Body: 'x' });
  expect(await refusalOf(limited.send(part))).toMatchObject({ message: saying('kms:Decrypt') });
  permit(put, allow('s3:AbortMultipartUpload', `arn:aws:s3:::${Bucket}/*`));
  await abort(id, limited);
  limited.destroy();
});

test('a KMS key of another Region is none', async () => {
  const SSEKMSKeyId = `arn:aws:kms:us-east-1:${ACCOUNT}:key/1234`;
  expect(await refusalOf(create({ SSEKMSKeyId, ServerSideEncryption: 'aws:kms' }))).toMatchObject({
    code: 'KMS.NotFoundException',
    httpStatus: 400,
  });
});

test('another owner than expected is refused for every call', async () => {
  const ExpectedBucketOwner = '999999999999';
  const id = await create();
  const part = await upload(id, 1, 'x');
  for (const call of [
    () => create({ ExpectedBucketOwner }),
    () => upload(id, 1, 'x', { ExpectedBucketOwner }),
    () => complete(id, [part], { ExpectedBucketOwner }),
    () =>
      client.send(
        new s3.AbortMultipartUploadCommand({ Bucket, Key, UploadId: id, ExpectedBucketOwner }),
      ),
  ]) {
    expect(await refusalOf(call())).toMatchObject({ code: 'AccessDenied', httpStatus: 403 });
  }
});

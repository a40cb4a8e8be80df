// What AWS documents of S3, as probes.
import { REGION } from './fixtures';
import { outcomeOf } from './probe';
import type { Place, Probe } from './probe';
import { s3 } from './sdk-clients';

const putObject = (place: Place, more: Partial<s3.PutObjectCommandInput> = {}) =>
  outcomeOf(
    place.s3.send(
      new s3.PutObjectCommand({ Bucket: place.bucket, Key: 'key', Body: 'content', ...more }),
    ),
  );
/** Uploads the parts and completes the object; the outcome of the last call. */
async function putParts(
  { s3: client, bucket: Bucket }: Place,
  bodies: readonly string[],
  more: Partial<s3.CompleteMultipartUploadCommandInput> = {},
): Promise<string> {
  const Key = 'key';
  const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ Bucket, Key }));
  const Parts = await Promise.all(
    bodies.map(async (Body, index) => {
      const input = { Bucket, Key, UploadId, PartNumber: index + 1, Body };
      const { ETag, ChecksumCRC32 } = await client.send(new s3.UploadPartCommand(input));
      return { PartNumber: index + 1, ETag, ChecksumCRC32 };
    }),
  );
  const input = { Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more };
  return outcomeOf(client.send(new s3.CompleteMultipartUploadCommand(input)));
}

export const S3_PROBES: readonly Probe[] = [
  {
    name: 'a bucket’s location',
    aws: REGION,
    ask: async (at) =>
      (await at.s3.send(new s3.GetBucketLocationCommand({ Bucket: at.bucket }))).LocationConstraint,
  },
  {
    name: 'a bucket created twice',
    aws: 'BucketAlreadyOwnedByYou',
    ask: (at) => outcomeOf(at.s3.send(new s3.CreateBucketCommand({ Bucket: at.bucket }))),
  },
  {
    name: 'a bucket that is not there',
    aws: 'NoSuchBucket',
    ask: (at) => putObject(at, { Bucket: 'absent-bucket' }),
  },
  {
    name: 'a key that is not there',
    aws: 'NoSuchKey',
    ask: (at) =>
      outcomeOf(at.s3.send(new s3.GetObjectCommand({ Bucket: at.bucket, Key: 'absent' }))),
  },
  {
    name: 'If-None-Match on a new key',
    aws: 'ok',
    ask: (at) => putObject(at, { IfNoneMatch: '*' }),
  },
  {
    name: 'If-None-Match on an existing key',
    aws: 'PreconditionFailed',
    ask: async (at) => {
      await putObject(at);
      return putObject(at, { IfNoneMatch: '*' });
    },
  },
  {
    name: 'twenty writers with If-None-Match',
    aws: { ok: 1, PreconditionFailed: 19 },
    ask: async (at) => {
      const outcomes = await Promise.all(
        [...Array(20).keys()].map((n) => putObject(at, { IfNoneMatch: '*', Body: String(n) })),
      );
      const count = (outcome: string): number => outcomes.filter((one) => one === outcome).length;
      return { ok: count('ok'), PreconditionFailed: count('PreconditionFailed') };
    },
  },
  {
    name: 'a wrong CRC32',
    aws: 'BadDigest',
    motoDeviates: 'accepts it',
    ask: (at) => putObject(at, { ChecksumCRC32: 'AAAAAA==' }),
  },
  {
    name: 'a wrong Content-MD5',
    aws: 'BadDigest',
    motoDeviates: 'accepts it',
    ask: (at) => putObject(at, { ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==' }),
  },
  {
    name: 'another owner than expected',
    aws: 'AccessDenied',
    motoDeviates: 'accepts it',
    ask: (at) => putObject(at, { ExpectedBucketOwner: '999999999999' }),
  },
  {
    name: 'a key of 1,024 bytes',
    aws: 'ok',
    ask: (at) => putObject(at, { Key: 'x'.repeat(1_024) }),
  },
  {
    name: 'a key of 1,025 bytes',
    aws: 'KeyTooLongError',
    motoDeviates: 'accepts it',
    ask: (at) => putObject(at, { Key: 'x'.repeat(1_025) }),
  },
  {
    name: 'keys under a prefix, folded',
    aws: [['a/1'], ['a/b/']],
    ask: async (at) => {
      for (const Key of ['a/b/2', 'a/1', 'c']) await putObject(at, { Key });
      const answer = await at.s3.send(
        new s3.ListObjectsV2Command({ Bucket: at.bucket, Prefix: 'a/', Delimiter: '/' }),
      );
      return [
        answer.Contents?.map(({ Key }) => Key),
        answer.CommonPrefixes?.map(({ Prefix }) => Prefix),
      ];
    },
  },
  {
    name: 'metadata and type on the way back',
    aws: ['text/plain', { batch: '1' }, '"9a0364b9e99bb480dd25e1f0284c8555"'],
    ask: async (at) => {
      await putObject(at, { ContentType: 'text/plain', Metadata: { batch: '1' } });
      const head = await at.s3.send(new s3.HeadObjectCommand({ Bucket: at.bucket, Key: 'key' }));
      return [head.ContentType, head.Metadata, head.ETag];
    },
  },
  {
    name: 'an object in parts',
    aws: ['ok', 5_242_883],
    ask: async (at) => {
      const outcome = await putParts(at, ['a'.repeat(5_242_880), 'end']);
      const head = new s3.HeadObjectCommand({ Bucket: at.bucket, Key: 'key' });
      return [outcome, (await at.s3.send(head)).ContentLength];
    },
  },
  {
    name: 'a part that is too small',
    aws: 'EntityTooSmall',
    ask: (at) => putParts(at, ['a'.repeat(5_242_879), 'end']),
  },
  {
    name: 'If-None-Match on completing a new key',
    aws: 'ok',
    ask: (at) => putParts(at, ['x'], { IfNoneMatch: '*' }),
  },
  {
    name: 'If-None-Match on completing an existing key',
    aws: 'PreconditionFailed',
    ask: async (at) => {
      await putObject(at);
      return putParts(at, ['x'], { IfNoneMatch: '*' });
    },
  },
  {
    name: 'an upload that was aborted',
    aws: 'NoSuchUpload',
    motoDeviates: 'answers 500',
    ask: async ({ s3: client, bucket: Bucket }) => {
      const Key = 'key';
      const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ Bucket, Key }));
      await client.send(new s3.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
      const input = { Bucket, Key, UploadId, PartNumber: 1, Body: 'x' };
      return outcomeOf(client.send(new s3.UploadPartCommand(input)));
    },
  },
];

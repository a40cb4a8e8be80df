import type { PutObjectCommandInput } from '@aws-sdk/client-s3';
import type { Compression, S3Destination } from '@logferry/core';

/** Where an object goes, and as what. */
export interface ObjectCall extends ObjectStorage {
  bucket: string;
  key: string;
  compression: Compression;
  /** The replay that puts it, if that is to be seen of the object. */
  replayId?: string;
}

/** How S3 keeps an object. */
export interface ObjectStorage extends Pick<
  S3Destination['s3'],
  'contentType' | 'encryption' | 'storageClass' | 'checksum'
> {
  /** The account that the bucket must belong to; S3 refuses to touch a bucket of any other. */
  bucketOwner: string | undefined;
}

/** A multipart upload that is begun. What it has uploaded stays, and costs, until it is completed or aborted. */
export interface UploadRef {
  bucket: string;
  key: string;
  uploadId: string;
}

type Settings = Pick<
  PutObjectCommandInput,
  | 'Bucket'
  | 'Key'
  | 'ExpectedBucketOwner'
  | 'ContentType'
  | 'ContentEncoding'
  | 'StorageClass'
  | 'ServerSideEncryption'
  | 'SSEKMSKeyId'
  | 'BucketKeyEnabled'
  | 'ChecksumAlgorithm'
  | 'Metadata'
>;

/** What a put says of an object beside its body; a multipart upload says it at its beginning. */
export function objectSettings(call: ObjectCall): Settings {
  const { bucket, key, bucketOwner, compression, contentType, storageClass, encryption } = call;
  const { replayId } = call;
  const { kind, kmsKeyId, bucketKeyEnabled } = encryption;
  return {
    Bucket: bucket,
    Key: key,
    ExpectedBucketOwner: bucketOwner,
    ContentType: contentType,
    ContentEncoding: compression === 'none' ? undefined : compression,
    StorageClass: storageClass === 'STANDARD' ? undefined : storageClass, // S3's own; some stores know no other
    ServerSideEncryption: { bucket: undefined, sse_s3: 'AES256', sse_kms: 'aws:kms' }[kind] as
      'AES256' | 'aws:kms' | undefined,
    SSEKMSKeyId: kmsKeyId,
    BucketKeyEnabled: bucketKeyEnabled,
    ChecksumAlgorithm: call.checksum,
    ...(replayId === undefined ? {} : { Metadata: { 'logferry-replay': replayId } }),
  };
}

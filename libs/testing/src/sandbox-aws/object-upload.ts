// What the ways to make an object have in common: keys, permissions, payloads and conditions are checked alike.
import { decodeAwsChunked } from './aws-chunked';
import { findDenial, notAuthorizedMessage } from './authorize';
import { AwsError } from './aws-error';
import type { Bucket, StoredObject } from './bucket-store';
import { S3, SANDBOX } from './limits';
import { partitionOf } from './region';
import { requireBucketAccess } from './s3-bucket';
import type { S3Call } from './s3';

/** Keeps an object, in place of the one that had its key, and counts it. */
export function storeObject({ state }: S3Call, bucket: Bucket, object: StoredObject): void {
  if (state.buckets.objectCount() >= SANDBOX.objectsMax && !bucket.objects.has(object.key)) {
    throw new AwsError('ServiceUnavailable', 'The sandbox keeps no more objects.', 503);
  }
  state.counters.countObject(object.contentBytes, bucket.objects.has(object.key));
  bucket.put(object);
  state.announceChange();
}

export function requireKey(key: string): void {
  const keyBytes = Buffer.byteLength(key, 'utf8');
  if (keyBytes > S3.keyBytesMax) {
    throw new AwsError('KeyTooLongError', 'Your key is too long', 400, {
      details: { Size: String(keyBytes), MaxSizeAllowed: String(S3.keyBytesMax) },
    });
  }
}

export function requirePermissions(
  call: S3Call,
  bucket: Bucket,
  { encryption, storageClass }: Pick<StoredObject, 'encryption' | 'storageClass'>,
): void {
  const { headers } = call.request;
  const { key } = call.address;
  const acl = headers.get('x-amz-acl');
  const context = new Map<string, readonly string[]>([
    ['s3:x-amz-storage-class', [storageClass]],
    ...asContext('s3:x-amz-acl', acl),
    ...asContext('s3:x-amz-server-side-encryption', headers.get('x-amz-server-side-encryption')),
    ...asContext('s3:x-amz-server-side-encryption-aws-kms-key-id', encryption.kmsKeyId),
  ]);
  requireBucketAccess(call, bucket, { action: 's3:PutObject', key, context });
  if (acl !== undefined)
    requireBucketAccess(call, bucket, { action: 's3:PutObjectAcl', key, context });
  if (headers.has('x-amz-tagging')) {
    requireBucketAccess(call, bucket, { action: 's3:PutObjectTagging', key, context });
  }
  const { kmsKeyId } = encryption;
  if (kmsKeyId !== undefined) {
    requireKmsAccess(call, bucket, { kmsKeyId, action: 'kms:GenerateDataKey' });
  }
}

function asContext(key: string, value: string | undefined): [string, readonly string[]][] {
  return value === undefined ? [] : [[key, [value]]];
}

/** Writing under a KMS key needs the key's own permission, and the key must lie in the bucket's Region; S3 passes KMS's refusal on. */
export function requireKmsAccess(
  call: S3Call,
  bucket: Bucket,
  { kmsKeyId, action }: { kmsKeyId: string; action: 'kms:GenerateDataKey' | 'kms:Decrypt' },
): void {
  const { principal } = call.caller;
  const home = `arn:${partitionOf(bucket.region)}:kms:${bucket.region}:${principal.account}`;
  const path = /^(key|alias)\//u.test(kmsKeyId) ? kmsKeyId : `key/${kmsKeyId}`;
  const named = kmsKeyId.startsWith('arn:') ? kmsKeyId : `${home}:${path}`;
  const keyRegion = named.split(':')[3] ?? '';
  if (keyRegion !== bucket.region) {
    throw new AwsError('KMS.NotFoundException', `Invalid arn ${keyRegion}`);
  }
  // KMS asks about the key, never about the alias that it was named by: a policy names that in a condition.
  const [beginning = '', alias] = named.split(/:(?=alias\/)/u);
  const arn = alias === undefined ? named : `${beginning}:key/${alias.replaceAll('/', '-')}`;
  const context = new Map([['kms:resourcealiases', alias === undefined ? [] : [alias]]]);
  const access = { action, resources: [arn], region: bucket.region, context };
  const denial = findDenial(principal, access);
  if (denial === undefined) return;
  throw new AwsError('AccessDenied', notAuthorizedMessage(principal, action, arn, denial), 403);
}

/** Buckets enforce their owner's ownership, S3's default: an ACL may say only what is so anyway. */
export function refuseUnsupported({ request }: S3Call): void {
  const names = [...request.headers.keys()];
  const acl = request.headers.get('x-amz-acl');
  if ((acl !== undefined && acl !== 'bucket-owner-full-control') || has(names, 'x-amz-grant-')) {
    throw new AwsError('AccessControlListNotSupported', 'The bucket does not allow ACLs');
  }
  if (has(names, 'x-amz-object-lock-')) {
    throw new AwsError('InvalidRequest', 'Bucket is missing Object Lock Configuration');
  }
  if (has(names, 'x-amz-server-side-encryption-customer-')) {
    throw new AwsError(
      'NotImplemented',
      'A header you provided implies functionality that is not implemented',
      501,
    );
  }
}

function has(names: readonly string[], prefix: string): boolean {
  return names.some((name) => name.startsWith(prefix));
}

interface Payload {
  readonly payload: Buffer;
  /** The request's headers and, behind a chunked body, its trailers. */
  readonly headers: ReadonlyMap<string, string>;
}

export function readPayload(call: S3Call): Payload {
  const { headers, body } = call.request;
  const declared = headers.get('x-amz-content-sha256') ?? '';
  if (!declared.startsWith('STREAMING-')) {
    if (!headers.has('content-length')) throw missingLength();
    return { payload: body, headers };
  }
  const decodedLength = headers.get('x-amz-decoded-content-length');
  if (decodedLength === undefined) throw missingLength();
  const { payload, trailers } = decodeAwsChunked(body, declared, call.caller);
  if (String(payload.length) !== decodedLength) {
    throw new AwsError(
      'IncompleteBody',
      'You did not provide the number of bytes specified by the Content-Length HTTP header.',
    );
  }
  const announced = (headers.get('x-amz-trailer') ?? '').toLowerCase();
  if ([...trailers.keys()].join(',') !== announced.replace(/\s/gu, '')) {
    throw new AwsError(
      'MalformedTrailerError',
      'The request contained trailing data that was not well-formed or did not conform to our published schema.',
    );
  }
  return { payload, headers: new Map([...headers, ...trailers]) };
}

function missingLength(): AwsError {
  return new AwsError(
    'MissingContentLength',
    'You must provide the Content-Length HTTP header.',
    411,
  );
}

export function requireConditions({ request, address }: S3Call, bucket: Bucket): void {
  const existing = bucket.objects.get(address.key);
  const ifNoneMatch = request.headers.get('if-none-match');
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw new AwsError(
      'NotImplemented',
      'A header you provided implies functionality that is not implemented',
      501,
      { details: { Header: 'If-None-Match' } },
    );
  }
  if (ifNoneMatch === '*' && existing !== undefined) throw preconditionFailed('If-None-Match');
  const ifMatch = request.headers.get('if-match');
  if (ifMatch === undefined) return;
  if (existing === undefined) {
    throw new AwsError('NoSuchKey', 'The specified key does not exist.', 404, {
      details: { Key: address.key },
    });
  }
  if (ifMatch.replaceAll('"', '') !== existing.etag.replaceAll('"', '')) {
    throw preconditionFailed('If-Match');
  }
}

function preconditionFailed(condition: string): AwsError {
  return new AwsError(
    'PreconditionFailed',
    'At least one of the pre-conditions you specified did not hold',
    412,
    { details: { Condition: condition } },
  );
}

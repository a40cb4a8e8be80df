// GetObject, HeadObject and DeleteObject.
import type { Answer } from './answer';
import { findDenial, notAuthorizedMessage } from './authorize';
import { AwsError } from './aws-error';
import type { Bucket, StoredObject } from './bucket-store';
import { checksumHeaders, objectHeaders } from './object-headers';
import type { S3Call } from './s3';
import { bucketArn, requireBucket, requireBucketAccess } from './s3-bucket';
import { s3Empty } from './s3-xml';

export function getObject(call: S3Call): Answer {
  const object = requireObject(call);
  if (object.content === undefined) {
    throw new AwsError(
      'InternalError',
      "The sandbox let go of this object's content to stay within its memory.",
      500,
    );
  }
  const range = readRange(call.request.headers.get('range'), object.contentBytes);
  const isWhole = range === undefined;
  const { start, end } = range ?? { start: 0, end: object.contentBytes };
  return {
    ...s3Empty(isWhole ? 200 : 206, call.requestId, {
      ...objectHeaders(object),
      ...(isWhole && isChecksumWanted(call) ? checksumHeaders(object) : {}),
      ...(isWhole
        ? {}
        : {
            'content-range': `bytes ${String(start)}-${String(end - 1)}/${String(object.contentBytes)}`,
          }),
    }),
    body: object.content.subarray(start, end),
  };
}

export function headObject(call: S3Call): Answer {
  const object = requireObject(call);
  return s3Empty(200, call.requestId, {
    ...objectHeaders(object),
    ...(isChecksumWanted(call) ? checksumHeaders(object) : {}),
    'content-length': String(object.contentBytes),
  });
}

export function deleteObject(call: S3Call): Answer {
  const bucket = requireBucket(call);
  requireBucketAccess(call, bucket, { action: 's3:DeleteObject', key: call.address.key });
  bucket.remove(call.address.key);
  call.state.announceChange();
  return s3Empty(204, call.requestId);
}

function isChecksumWanted(call: S3Call): boolean {
  return call.request.headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
}

function requireObject(call: S3Call): StoredObject {
  const { key } = call.address;
  const bucket = requireBucket(call);
  requireBucketAccess(call, bucket, { action: 's3:GetObject', key });
  const object = bucket.objects.get(key);
  if (object !== undefined) return object;
  requireListing(call, bucket);
  throw new AwsError('NoSuchKey', 'The specified key does not exist.', 404, {
    details: { Key: key },
  });
}

/** Who may not list a bucket does not learn from a 404 what is not in it. */
function requireListing(call: S3Call, bucket: Bucket): void {
  const { principal } = call.caller;
  const action = 's3:ListBucket';
  const arn = bucketArn(bucket);
  const denial = findDenial(principal, { action, resources: [arn], region: bucket.region });
  if (denial === undefined) return;
  const message = notAuthorizedMessage(principal, action, `"${arn}"`, denial);
  throw new AwsError('AccessDenied', message, 403);
}

interface ByteRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** One range; what is not understood is ignored and the whole object is sent, as HTTP has it. */
function readRange(header: string | undefined, contentBytes: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/u.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const isSuffix = match[1] === '';
  const start = isSuffix ? Math.max(contentBytes - Number(match[2]), 0) : Number(match[1]);
  const end = isSuffix || match[2] === '' ? contentBytes : Number(match[2]) + 1;
  if (start >= contentBytes || end <= start) {
    throw new AwsError('InvalidRange', 'The requested range is not satisfiable', 416);
  }
  return { start, end: Math.min(end, contentBytes) };
}

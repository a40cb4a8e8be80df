// PutObject: the whole object or nothing. The payload is decoded and checked first, then the conditions, then it is stored.
import { createHash } from 'node:crypto';
import type { Answer } from './answer';
import type { StoredObject } from './bucket-store';
import { verifyChecksums } from './checksums';
import {
  checksumHeaders,
  encryptionHeaders,
  readEncryption,
  readKeptHeaders,
  readMetadata,
  readStorageClass,
} from './object-headers';
import {
  readPayload,
  refuseUnsupported,
  requireConditions,
  requireKey,
  requirePermissions,
  storeObject,
} from './object-upload';
import { requireBucket } from './s3-bucket';
import type { S3Call } from './s3';
import { s3Empty } from './s3-xml';

export function putObject(call: S3Call): Answer {
  const { address, state } = call;
  requireKey(address.key);
  const bucket = requireBucket(call);
  const encryption = readEncryption(call.request);
  const storageClass = readStorageClass(call.request);
  requirePermissions(call, bucket, { encryption, storageClass });
  refuseUnsupported(call);
  const { payload, headers } = readPayload(call);
  const checksum = verifyChecksums(payload, headers);
  requireConditions(call, bucket);
  const object: StoredObject = {
    key: address.key,
    content: payload,
    contentBytes: payload.length,
    etag: `"${createHash('md5').update(payload).digest('hex')}"`,
    checksum,
    headers: readKeptHeaders(call.request),
    metadata: readMetadata(call.request),
    storageClass,
    encryption,
    modifiedAtMs: state.nowMs(),
  };
  storeObject(call, bucket, object);
  return s3Empty(200, call.requestId, {
    etag: object.etag,
    ...encryptionHeaders(object),
    ...checksumHeaders(object),
  });
}

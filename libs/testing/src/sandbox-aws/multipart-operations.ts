// Multipart uploads: parts in any order, and at the end one object or none. Every part is checked as an object of its own is.
import { createHash, randomBytes } from 'node:crypto';
import type { Answer } from './answer';
import { AwsError } from './aws-error';
import type { Bucket, StoredObject, StoredPart, StoredUpload } from './bucket-store';
import { compositeChecksum, readChecksumAlgorithm, verifyChecksums } from './checksums';
import { S3, SANDBOX } from './limits';
import {
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
  requireKmsAccess,
  requirePermissions,
  storeObject,
} from './object-upload';
import { requireBucket, requireBucketAccess } from './s3-bucket';
import type { S3Call } from './s3';
import { s3Document, s3Empty } from './s3-xml';
import { element } from './xml';

export function createMultipartUpload(call: S3Call): Answer {
  const { address, request, state, requestId } = call;
  requireKey(address.key);
  const bucket = requireBucket(call);
  const encryption = readEncryption(request);
  const storageClass = readStorageClass(request);
  requirePermissions(call, bucket, { encryption, storageClass });
  refuseUnsupported(call);
  if (bucket.uploads.size >= SANDBOX.uploadsMax) throw full();
  const upload: StoredUpload = {
    uploadId: randomBytes(48).toString('base64url'),
    key: address.key,
    headers: readKeptHeaders(request),
    metadata: readMetadata(request),
    storageClass,
    encryption,
    checksumAlgorithm: readChecksumAlgorithm(request.headers.get('x-amz-checksum-algorithm')),
    parts: new Map(),
  };
  bucket.uploads.set(upload.uploadId, upload);
  state.announceChange();
  const fields = [
    element('Bucket', bucket.name),
    element('Key', upload.key),
    element('UploadId', upload.uploadId),
  ];
  return s3Document('InitiateMultipartUploadResult', fields.join(''), requestId);
}

export function uploadPart(call: S3Call): Answer {
  const { address, request, state, requestId } = call;
  const bucket = requireBucket(call);
  requireBucketAccess(call, bucket, { action: 's3:PutObject', key: address.key });
  const upload = requireUpload(call, bucket);
  const { kmsKeyId } = upload.encryption;
  if (kmsKeyId !== undefined) requireKmsAccess(call, bucket, { kmsKeyId, action: 'kms:Decrypt' });
  const text = request.query.get('partNumber') ?? '';
  const partNumber = Number(text);
  if (!/^\d{1,6}$/u.test(text) || partNumber < 1 || partNumber > S3.partNumberMax) {
    throw new AwsError(
      'InvalidArgument',
      `Part number must be an integer between 1 and ${String(S3.partNumberMax)}, inclusive`,
    );
  }
  const { payload, headers } = readPayload(call);
  const checksum = verifyChecksums(payload, headers);
  const { checksumAlgorithm } = upload;
  if (checksumAlgorithm !== undefined && checksum?.algorithm !== checksumAlgorithm) {
    throw new AwsError(
      'InvalidRequest',
      `Checksum Type mismatch occurred, expected checksum Type: ${checksumAlgorithm}, actual checksum Type: ${checksum?.algorithm ?? 'null'}`,
    );
  }
  if (state.buckets.partBytes() + payload.length > SANDBOX.partBytesMax) throw full();
  const etag = `"${createHash('md5').update(payload).digest('hex')}"`;
  upload.parts.set(partNumber, { content: payload, etag, checksum });
  state.announceChange();
  return s3Empty(200, requestId, {
    etag,
    ...encryptionHeaders(upload),
    ...(checksum === undefined ? {} : { [`x-amz-checksum-${checksum.algorithm}`]: checksum.value }),
  });
}

export function completeMultipartUpload(call: S3Call): Answer {
  const { address, request, state, requestId } = call;
  const bucket = requireBucket(call);
  requireBucketAccess(call, bucket, { action: 's3:PutObject', key: address.key });
  const upload = requireUpload(call, bucket);
  const parts = chooseParts(upload, request.body.toString('utf8'));
  requireConditions(call, bucket);
  const { key, headers, metadata, storageClass, encryption } = upload;
  const digests = parts.map(({ etag }) => Buffer.from(etag.replaceAll('"', ''), 'hex'));
  const content = Buffer.concat(parts.map((part) => part.content));
  const object: StoredObject = {
    ...{ key, headers, metadata, storageClass, encryption },
    content,
    contentBytes: content.length,
    etag: `"${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-${String(parts.length)}"`,
    checksum: compositeChecksum(parts.flatMap(({ checksum }) => checksum ?? [])),
    modifiedAtMs: state.nowMs(),
  };
  bucket.uploads.delete(upload.uploadId);
  storeObject(call, bucket, object);
  const fields = [
    element('Location', `https://${bucket.name}.s3.${bucket.region}.amazonaws.com/${key}`),
    element('Bucket', bucket.name),
    element('Key', key),
    element('ETag', object.etag),
    ...checksumElements(object),
  ];
  const answer = s3Document('CompleteMultipartUploadResult', fields.join(''), requestId);
  return {
    ...answer,
    headers: { ...answer.headers, ...encryptionHeaders(object) },
  };
}

function checksumElements({ checksum }: StoredObject): string[] {
  if (checksum === undefined) return [];
  const name = `Checksum${checksum.algorithm.toUpperCase()}`;
  return [element(name, checksum.value), element('ChecksumType', 'COMPOSITE')];
}

export function abortMultipartUpload(call: S3Call): Answer {
  const bucket = requireBucket(call);
  const { key } = call.address;
  requireBucketAccess(call, bucket, { action: 's3:AbortMultipartUpload', key });
  bucket.uploads.delete(requireUpload(call, bucket).uploadId);
  call.state.announceChange();
  return s3Empty(204, call.requestId);
}

export function listParts(call: S3Call): Answer {
  const bucket = requireBucket(call);
  const { key } = call.address;
  requireBucketAccess(call, bucket, { action: 's3:ListMultipartUploadParts', key });
  const { uploadId, parts } = requireUpload(call, bucket);
  const fields = [
    element('Bucket', bucket.name),
    element('Key', key),
    element('UploadId', uploadId),
    element('IsTruncated', 'false'),
    ...[...parts]
      .sort(([a], [b]) => a - b)
      .map(([number, { etag, content }]) => {
        const part = [
          element('PartNumber', number),
          element('ETag', etag),
          element('Size', content.length),
        ];
        return `<Part>${part.join('')}</Part>`;
      }),
  ];
  return s3Document('ListPartsResult', fields.join(''), call.requestId);
}

function requireUpload({ request, address }: S3Call, bucket: Bucket): StoredUpload {
  const upload = bucket.uploads.get(request.query.get('uploadId') ?? '');
  if (upload?.key === address.key) return upload;
  throw new AwsError(
    'NoSuchUpload',
    'The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
    404,
  );
}

function full(): AwsError {
  return new AwsError('ServiceUnavailable', 'The sandbox keeps no more unfinished uploads.', 503);
}

/** The parts that a client names for its object, each as it was uploaded last. */
function chooseParts(upload: StoredUpload, xml: string): StoredPart[] {
  const named = [...xml.matchAll(/<Part>(.*?)<\/Part>/gsu)].map(([, part = '']) => part);
  if (!/<CompleteMultipartUpload[\s>]/u.test(xml) || named.length === 0) {
    throw new AwsError(
      'MalformedXML',
      'The XML you provided was not well-formed or did not validate against our published schema',
    );
  }
  let last = 0;
  const parts = named.map((part) => {
    const number = Number(field(part, 'PartNumber'));
    if (number <= last) {
      throw new AwsError(
        'InvalidPartOrder',
        'The list of parts was not in ascending order. The parts list must be specified in order by part number.',
      );
    }
    last = number;
    return choosePart(upload, number, part);
  });
  const small = parts.slice(0, -1).findIndex(({ content }) => content.length < S3.partBytesMin);
  if (small === -1) return parts;
  throw new AwsError(
    'EntityTooSmall',
    'Your proposed upload is smaller than the minimum allowed size',
    400,
    {
      details: {
        ProposedSize: String(parts[small]?.content.length),
        MinSizeAllowed: String(S3.partBytesMin),
      },
    },
  );
}

function choosePart(upload: StoredUpload, number: number, xml: string): StoredPart {
  const part = upload.parts.get(number);
  const bare = (etag: string): string => etag.replaceAll('&quot;', '').replaceAll('"', '');
  if (part === undefined || bare(field(xml, 'ETag') ?? '') !== bare(part.etag)) {
    throw new AwsError(
      'InvalidPart',
      "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    );
  }
  const { checksumAlgorithm } = upload;
  if (checksumAlgorithm === undefined) return part;
  const claimed = field(xml, `Checksum${checksumAlgorithm.toUpperCase()}`);
  if (claimed === undefined) {
    throw new AwsError(
      'InvalidRequest',
      `The upload was created using a ${checksumAlgorithm} checksum. The complete request must include the checksum for each part. It was missing for part ${String(number)} in the request.`,
    );
  }
  if (claimed === part.checksum?.value) return part;
  throw new AwsError('InvalidPart', 'One or more of the specified parts could not be found.');
}

function field(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`, 'u').exec(xml)?.[1];
}

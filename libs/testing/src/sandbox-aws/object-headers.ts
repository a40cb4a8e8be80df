// What S3 keeps of a PUT's headers, and what it says again in its answers.
import { AwsError } from './aws-error';
import type { StoredObject } from './bucket-store';
import { S3 } from './limits';
import type { WireRequest } from './wire-request';

const KEPT_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
];
const METADATA_PREFIX = 'x-amz-meta-';

/** `aws-chunked` says how the body travelled, not what the object is. */
export function readKeptHeaders({ headers }: WireRequest): Record<string, string> {
  const kept: Record<string, string> = { 'content-type': 'binary/octet-stream' };
  for (const name of KEPT_HEADERS) {
    const value = headers.get(name);
    if (value !== undefined) kept[name] = value;
  }
  const encodings = (kept['content-encoding'] ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '' && text !== 'aws-chunked');
  delete kept['content-encoding'];
  if (encodings.length > 0) kept['content-encoding'] = encodings.join(',');
  return kept;
}

export function readMetadata({ headers }: WireRequest): Record<string, string> {
  const entries = [...headers]
    .filter(([name]) => name.startsWith(METADATA_PREFIX))
    .map(([name, value]): [string, string] => [
      name.slice(METADATA_PREFIX.length),
      decodeMailSafe(value),
    ]);
  const bytes = entries.reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value),
    0,
  );
  if (bytes > S3.metadataBytesMax) {
    throw new AwsError(
      'MetadataTooLarge',
      'Your metadata headers exceed the maximum allowed metadata size',
      400,
      { details: { Size: String(bytes), MaxSizeAllowed: String(S3.metadataBytesMax) } },
    );
  }
  return Object.fromEntries(entries);
}

export function readEncryption({ headers }: WireRequest): StoredObject['encryption'] {
  const algorithm = headers.get('x-amz-server-side-encryption') ?? 'AES256';
  const kmsKeyId = headers.get('x-amz-server-side-encryption-aws-kms-key-id');
  if (!['AES256', 'aws:kms', 'aws:kms:dsse'].includes(algorithm)) {
    throw new AwsError(
      'InvalidEncryptionAlgorithmError',
      'The encryption request you specified is not valid. Supported value: AES256.',
    );
  }
  if (kmsKeyId !== undefined && algorithm === 'AES256') {
    throw new AwsError(
      'InvalidArgument',
      'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
    );
  }
  const bucketKey = headers.get('x-amz-server-side-encryption-bucket-key-enabled');
  if (bucketKey !== undefined && algorithm !== 'aws:kms') {
    throw new AwsError(
      'InvalidArgument',
      'Server Side Encryption with Bucket Key requires HTTP header x-amz-server-side-encryption : aws:kms',
    );
  }
  return {
    algorithm,
    kmsKeyId,
    ...(bucketKey === undefined ? {} : { bucketKeyEnabled: bucketKey === 'true' }),
  };
}

export function readStorageClass({ headers }: WireRequest): string {
  const storageClass = headers.get('x-amz-storage-class') ?? 'STANDARD';
  const known: readonly string[] = S3.storageClasses;
  if (!known.includes(storageClass)) {
    throw new AwsError('InvalidStorageClass', 'The storage class you specified is not valid');
  }
  return storageClass;
}

export function encryptionHeaders({
  encryption,
}: Pick<StoredObject, 'encryption'>): Record<string, string> {
  return {
    'x-amz-server-side-encryption': encryption.algorithm,
    ...(encryption.kmsKeyId === undefined
      ? {}
      : { 'x-amz-server-side-encryption-aws-kms-key-id': encryption.kmsKeyId }),
    ...(encryption.bucketKeyEnabled === true
      ? { 'x-amz-server-side-encryption-bucket-key-enabled': 'true' }
      : {}),
  };
}

export function checksumHeaders({ checksum }: StoredObject): Record<string, string> {
  if (checksum === undefined) return {};
  return {
    [`x-amz-checksum-${checksum.algorithm}`]: checksum.value,
    'x-amz-checksum-type': checksum.value.includes('-') ? 'COMPOSITE' : 'FULL_OBJECT',
  };
}

/** S3 takes metadata beyond ASCII in RFC 2047's form, or as plain UTF-8, and always gives it back in RFC 2047's form. */
function encodeMailSafe(value: string): string {
  const isAscii = /^[\u0020-\u007E]*$/u.test(value);
  return isAscii ? value : `=?UTF-8?B?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

function decodeMailSafe(value: string): string {
  const encoded = /^=\?utf-8\?b\?([A-Za-z0-9+/=]*)\?=$/iu.exec(value)?.[1];
  return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString('utf8');
}

export function objectHeaders(object: StoredObject): Record<string, string> {
  const headers: Record<string, string> = {
    ...object.headers,
    ...encryptionHeaders(object),
    'accept-ranges': 'bytes',
    etag: object.etag,
    'last-modified': new Date(object.modifiedAtMs).toUTCString(),
  };
  if (object.storageClass !== 'STANDARD') headers['x-amz-storage-class'] = object.storageClass;
  for (const [name, value] of Object.entries(object.metadata)) {
    headers[METADATA_PREFIX + name] = encodeMailSafe(value);
  }
  return headers;
}

// The checksums S3 verifies on a PUT. Node computes all but CRC32C itself.
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { AwsError } from './aws-error';

export interface ObjectChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64, as it travels in headers. */
  readonly value: string;
}

export type ChecksumAlgorithm = 'crc32' | 'crc32c' | 'sha1' | 'sha256';

/** What checks a multipart object: the checksum of its parts' checksums, and how many there are. */
export function compositeChecksum(parts: readonly ObjectChecksum[]): ObjectChecksum | undefined {
  const algorithm = parts[0]?.algorithm;
  if (algorithm === undefined) return undefined;
  const together = Buffer.concat(parts.map(({ value }) => Buffer.from(value, 'base64')));
  const value = `${compute(algorithm, together).toString('base64')}-${String(parts.length)}`;
  return { algorithm, value };
}

export function readChecksumAlgorithm(name: string | undefined): ChecksumAlgorithm | undefined {
  if (name === undefined) return undefined;
  const algorithm = ALGORITHMS.find((known) => known === name.toLowerCase());
  if (algorithm !== undefined) return algorithm;
  throw new AwsError('InvalidRequest', 'Checksum algorithm provided is unsupported.');
}

const ALGORITHMS: readonly ChecksumAlgorithm[] = ['crc32', 'crc32c', 'sha1', 'sha256'];
const HEADER_PREFIX = 'x-amz-checksum-';

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value >>> 0);
  return buffer;
}

const CRC32C_TABLE = new Uint32Array(256).map((_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    remainder = (remainder >>> 1) ^ (remainder & 1 ? 0x82f63b78 : 0);
  }
  return remainder;
});

export function crc32c(data: Buffer): number {
  let remainder = 0xffffffff;
  for (const byte of data) {
    remainder = (remainder >>> 8) ^ (CRC32C_TABLE[(remainder ^ byte) & 0xff] ?? 0);
  }
  return (remainder ^ 0xffffffff) >>> 0;
}

function compute(algorithm: ChecksumAlgorithm, data: Buffer): Buffer {
  switch (algorithm) {
    case 'crc32':
      return uint32(crc32(data));
    case 'crc32c':
      return uint32(crc32c(data));
    case 'sha1':
    case 'sha256':
      return createHash(algorithm).update(data).digest();
  }
}

/** Checks what the client claims about its payload, in headers or in trailers, and returns the claim that held. */
export function verifyChecksums(
  payload: Buffer,
  headers: ReadonlyMap<string, string>,
): ObjectChecksum | undefined {
  verifyContentMd5(payload, headers.get('content-md5'));
  const claims = [...headers].filter(
    ([name]) => name.startsWith(HEADER_PREFIX) && name !== `${HEADER_PREFIX}type`,
  );
  const [claim] = claims;
  if (claims.length > 1) {
    throw new AwsError(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  }
  requireAnnounced(headers.get('x-amz-sdk-checksum-algorithm'), claim?.[0]);
  if (claim === undefined) return undefined;
  const [name, value] = claim;
  const algorithm = ALGORITHMS.find((known) => name === HEADER_PREFIX + known);
  if (algorithm === undefined) {
    throw new AwsError('NotImplemented', `The sandbox does not compute ${name}.`, 501);
  }
  const given = Buffer.from(value, 'base64');
  const computed = compute(algorithm, payload);
  if (given.length !== computed.length || given.toString('base64') !== value) {
    throw new AwsError('InvalidRequest', `Value for ${name} header is invalid.`);
  }
  if (!given.equals(computed)) {
    throw new AwsError(
      'BadDigest',
      `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`,
    );
  }
  return { algorithm, value };
}

function requireAnnounced(announced: string | undefined, claimName: string | undefined): void {
  if (announced === undefined) return;
  if (claimName !== HEADER_PREFIX + announced.toLowerCase()) {
    throw new AwsError(
      'InvalidRequest',
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    );
  }
}

function verifyContentMd5(payload: Buffer, value: string | undefined): void {
  if (value === undefined) return;
  const given = Buffer.from(value, 'base64');
  if (given.length !== 16 || given.toString('base64') !== value) {
    throw new AwsError('InvalidDigest', 'The Content-MD5 you specified was invalid.');
  }
  if (!given.equals(createHash('md5').update(payload).digest())) {
    throw new AwsError(
      'BadDigest',
      'The Content-MD5 you specified did not match what we received.',
    );
  }
}

// The aws-chunked encoding: a payload in chunks, each perhaps signed, with trailers (a checksum, mostly) behind them. Clients use
// it when they cannot hash a payload before sending it.
import type { Caller } from './authenticate';
import { AwsError } from './aws-error';
import { credentialScope, isSameHex, sha256Hex, signText } from './sigv4';

export interface DecodedPayload {
  readonly payload: Buffer;
  /** Lower-case names. */
  readonly trailers: ReadonlyMap<string, string>;
}

const CRLF = Buffer.from('\r\n');
const EMPTY_HASH = sha256Hex('');

function broken(): AwsError {
  return new AwsError(
    'IncompleteBody',
    'The request body terminated unexpectedly or is not a well-formed aws-chunked body.',
  );
}

export function decodeAwsChunked(body: Buffer, declared: string, caller: Caller): DecodedPayload {
  const isSigned = declared.startsWith('STREAMING-AWS4-HMAC-SHA256-PAYLOAD');
  if (!isSigned && declared !== 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') {
    throw new AwsError('NotImplemented', `The sandbox does not know ${declared}.`, 501);
  }
  const signatures = isSigned ? new ChunkSignatures(caller) : undefined;
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = body.indexOf(CRLF, at);
    if (lineEnd < 0) throw broken();
    const line = body.toString('latin1', at, lineEnd);
    const match = /^([0-9a-fA-F]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?$/u.exec(line);
    if (!match) throw broken();
    const chunkBytes = parseInt(match[1] ?? '', 16);
    const start = lineEnd + 2;
    const chunk = body.subarray(start, start + chunkBytes);
    if (chunk.length !== chunkBytes) throw broken();
    signatures?.verifyChunk(chunk, match[2] ?? '');
    if (chunkBytes === 0) {
      const trailers = readTrailers(body.toString('utf8', start), signatures);
      return { payload: Buffer.concat(parts), trailers };
    }
    parts.push(chunk);
    at = start + chunkBytes + 2;
    if (body.compare(CRLF, 0, 2, at - 2, at) !== 0) throw broken();
  }
}

function readTrailers(
  text: string,
  signatures: ChunkSignatures | undefined,
): ReadonlyMap<string, string> {
  const trailers = new Map<string, string>();
  for (const line of text.split('\r\n').filter((part) => part !== '')) {
    const mark = line.indexOf(':');
    if (mark < 1) {
      throw new AwsError(
        'MalformedTrailerError',
        'The request contained trailing data that was not well-formed or did not conform to our published schema.',
      );
    }
    trailers.set(line.slice(0, mark).toLowerCase().trim(), line.slice(mark + 1).trim());
  }
  const signature = trailers.get('x-amz-trailer-signature');
  trailers.delete('x-amz-trailer-signature');
  if (trailers.size > 0) signatures?.verifyTrailers(trailers, signature ?? '');
  return trailers;
}

/** Each signature covers the one before it, so chunks can be neither changed nor reordered. */
class ChunkSignatures {
  private previous: string;

  constructor(private readonly caller: Caller) {
    this.previous = caller.claim.signature;
  }

  verifyChunk(chunk: Buffer, signature: string): void {
    this.verify('AWS4-HMAC-SHA256-PAYLOAD', [EMPTY_HASH, sha256Hex(chunk)], signature);
  }

  verifyTrailers(trailers: ReadonlyMap<string, string>, signature: string): void {
    const text = [...trailers].map(([name, value]) => `${name}:${value}\n`).join('');
    this.verify('AWS4-HMAC-SHA256-TRAILER', [sha256Hex(text)], signature);
  }

  private verify(algorithm: string, hashes: readonly string[], signature: string): void {
    const { claim, signingKey } = this.caller;
    const head = [algorithm, claim.signedAtText, credentialScope(claim), this.previous];
    const expected = signText(signingKey, [...head, ...hashes].join('\n'));
    if (!isSameHex(expected, signature)) {
      throw new AwsError(
        'SignatureDoesNotMatch',
        'The chunk signature we calculated does not match the signature you provided.',
        403,
      );
    }
    this.previous = expected;
  }
}

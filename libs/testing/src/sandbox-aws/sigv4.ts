// Signature Version 4 as the receiving side computes it. This file knows no keys and no errors of a service: it parses what the
// client claims, says when the claim is malformed, and recomputes the signature for a secret it is given.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { WireRequest } from './wire-request';

export const ALGORITHM = 'AWS4-HMAC-SHA256';

/** What the Authorization header claims. */
export interface SignatureClaim {
  readonly accessKeyId: string;
  readonly scopeDay: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly signedAtText: string;
}

/** The header is there but cannot be read as a signature; the message is for the client. */
export class MalformedSignature extends Error {}

export function parseSignatureClaim(request: WireRequest): SignatureClaim | undefined {
  const header = request.headers.get('authorization');
  if (header === undefined) return undefined;
  if (!header.startsWith(`${ALGORITHM} `)) {
    throw new MalformedSignature(`Unsupported authorization type: only ${ALGORITHM} is taken.`);
  }
  const parts = new Map<string, string>();
  for (const part of header.slice(ALGORITHM.length).split(',')) {
    const mark = part.indexOf('=');
    if (mark > 0) parts.set(part.slice(0, mark).trim(), part.slice(mark + 1).trim());
  }
  const scope = (parts.get('Credential') ?? '').split('/');
  const [region, service, terminator] = scope.slice(-3);
  const accessKeyId = scope.slice(0, -4).join('/');
  const scopeDay = scope.at(-4);
  const signedHeaders = parts.get('SignedHeaders');
  const signature = parts.get('Signature');
  if (!accessKeyId || !scopeDay || !region || !service || terminator !== 'aws4_request') {
    throw new MalformedSignature("Authorization header requires 'Credential' parameter.");
  }
  if (!signature) throw new MalformedSignature("Authorization header requires 'Signature'.");
  if (!signedHeaders)
    throw new MalformedSignature("Authorization header requires 'SignedHeaders'.");
  const signedAtText = request.headers.get('x-amz-date') ?? request.headers.get('date') ?? '';
  return {
    accessKeyId,
    scopeDay,
    region,
    service,
    signedHeaders: signedHeaders.toLowerCase().split(';'),
    signature,
    signedAtText,
  };
}

/** `20261121T110642Z` → epoch milliseconds, or undefined where it is no such text. */
export function parseSigningTime(text: string): number | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/u.exec(text);
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

export function formatSigningTime(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[-:]|\.\d{3}/gu, '');
}

export function sha256Hex(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

export function buildSigningKey(secretAccessKey: string, claim: SignatureClaim): Buffer {
  const dayKey = hmac(`AWS4${secretAccessKey}`, claim.scopeDay);
  return hmac(hmac(hmac(dayKey, claim.region), claim.service), 'aws4_request');
}

export function credentialScope(claim: SignatureClaim): string {
  return `${claim.scopeDay}/${claim.region}/${claim.service}/aws4_request`;
}

export function signText(signingKey: Buffer, text: string): string {
  return hmac(signingKey, text).toString('hex');
}

/** `payloadHash` is the hash the request must have been signed with: of the body itself, or S3's word for an unsigned one. */
export function isSignatureRight(
  request: WireRequest,
  claim: SignatureClaim,
  signingKey: Buffer,
  payloadHash: string,
): boolean {
  const canonical = buildCanonicalRequest(request, claim, payloadHash);
  const text = [ALGORITHM, claim.signedAtText, credentialScope(claim), sha256Hex(canonical)];
  return isSameHex(signText(signingKey, text.join('\n')), claim.signature);
}

export function isSameHex(expected: string, given: string): boolean {
  const left = Buffer.from(expected, 'utf8');
  const right = Buffer.from(given, 'utf8');
  return left.length === right.length && timingSafeEqual(left, right);
}

function buildCanonicalRequest(
  request: WireRequest,
  claim: SignatureClaim,
  payloadHash: string,
): string {
  const headers = claim.signedHeaders.map(
    (name) => `${name}:${(request.headers.get(name) ?? '').trim().replace(/ {2,}/gu, ' ')}\n`,
  );
  return [
    request.method,
    canonicalPath(request.rawPath, claim.service),
    canonicalQuery(request.rawQuery),
    headers.join(''),
    claim.signedHeaders.join(';'),
    payloadHash,
  ].join('\n');
}

/** S3 signs the path as it stands, encoded once; every other service encodes it a second time. */
function canonicalPath(rawPath: string, service: string): string {
  const once = rawPath
    .split('/')
    .map((segment) => encodeStrictly(decodeLeniently(segment)))
    .join('/');
  if (service === 's3') return once;
  return once
    .split('/')
    .map((segment) => encodeStrictly(segment))
    .join('/');
}

function canonicalQuery(rawQuery: string): string {
  if (rawQuery === '') return '';
  const pairs = rawQuery.split('&').map((pair) => {
    const mark = pair.indexOf('=');
    const name = mark < 0 ? pair : pair.slice(0, mark);
    const value = mark < 0 ? '' : pair.slice(mark + 1);
    return `${encodeStrictly(decodeLeniently(name))}=${encodeStrictly(decodeLeniently(value))}`;
  });
  return pairs.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).join('&');
}

function decodeLeniently(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** encodeURIComponent leaves !'()* alone; AWS encodes them. */
export function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

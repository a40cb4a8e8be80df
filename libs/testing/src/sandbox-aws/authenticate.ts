// Checks who signed a request. The checks are the same for every service; each service has its own words and status codes
// for what can go wrong, and clients key on those words.
import { AwsError } from './aws-error';
import type { Identities, Principal } from './identities';
import { SIGNING } from './limits';
import { partitionOf, REGION_PATTERN } from './region';
import {
  buildSigningKey,
  formatSigningTime,
  isSameHex,
  isSignatureRight,
  MalformedSignature,
  parseSignatureClaim,
  parseSigningTime,
  sha256Hex,
} from './sigv4';
import type { SignatureClaim } from './sigv4';
import type { WireRequest } from './wire-request';

export type ServiceName = 'logs' | 'sts' | 's3';

export interface Caller {
  readonly principal: Principal;
  readonly accessKeyId: string;
  readonly region: string;
  readonly claim: SignatureClaim;
  readonly signingKey: Buffer;
}

interface Refusals {
  readonly missing: () => AwsError;
  readonly incomplete: (message: string) => AwsError;
  readonly unknownKey: (accessKeyId: string) => AwsError;
  readonly wrongToken: () => AwsError;
  readonly expired: () => AwsError;
  readonly mismatch: () => AwsError;
  readonly skewed: (message: string) => AwsError;
  readonly wrongScope: (message: string) => AwsError;
}

const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';
const INVALID_TOKEN = 'The security token included in the request is invalid.';
const EXPIRED_TOKEN = 'The security token included in the request is expired';

const REFUSALS: Readonly<Record<ServiceName, Refusals>> = {
  logs: {
    missing: () =>
      new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token'),
    incomplete: (message) => new AwsError('IncompleteSignatureException', message),
    unknownKey: () => new AwsError('UnrecognizedClientException', INVALID_TOKEN),
    wrongToken: () => new AwsError('UnrecognizedClientException', INVALID_TOKEN),
    expired: () => new AwsError('ExpiredTokenException', EXPIRED_TOKEN),
    mismatch: () => new AwsError('InvalidSignatureException', MISMATCH),
    skewed: (message) => new AwsError('InvalidSignatureException', message),
    wrongScope: (message) => new AwsError('InvalidSignatureException', message),
  },
  sts: {
    missing: () =>
      new AwsError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403),
    incomplete: (message) => new AwsError('IncompleteSignature', message, 400),
    unknownKey: () => new AwsError('InvalidClientTokenId', INVALID_TOKEN, 403),
    wrongToken: () => new AwsError('InvalidClientTokenId', INVALID_TOKEN, 403),
    expired: () => new AwsError('ExpiredToken', EXPIRED_TOKEN, 403),
    mismatch: () => new AwsError('SignatureDoesNotMatch', MISMATCH, 403),
    skewed: (message) => new AwsError('SignatureDoesNotMatch', message, 403),
    wrongScope: (message) => new AwsError('SignatureDoesNotMatch', message, 403),
  },
  s3: {
    missing: () => new AwsError('AccessDenied', 'Access Denied', 403),
    incomplete: (message) => new AwsError('AuthorizationHeaderMalformed', message, 400),
    unknownKey: (accessKeyId) =>
      new AwsError(
        'InvalidAccessKeyId',
        'The AWS Access Key Id you provided does not exist in our records.',
        403,
        { details: { AWSAccessKeyId: accessKeyId } },
      ),
    wrongToken: () =>
      new AwsError('InvalidToken', 'The provided token is malformed or otherwise invalid.', 400),
    expired: () => new AwsError('ExpiredToken', 'The provided token has expired.', 400),
    mismatch: () =>
      new AwsError(
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
        403,
      ),
    skewed: () =>
      new AwsError(
        'RequestTimeTooSkewed',
        'The difference between the request time and the current time is too large.',
        403,
        { details: { MaxAllowedSkewMilliseconds: String(SIGNING.clockSkewMsMax) } },
      ),
    wrongScope: (message) => new AwsError('AuthorizationHeaderMalformed', message, 400),
  },
};

export function authenticate(
  request: WireRequest,
  service: ServiceName,
  identities: Identities,
  nowMs: number,
): Caller {
  const refuse = REFUSALS[service];
  const claim = readClaim(request, refuse);
  requireScope(claim, service, refuse);
  requireCurrent(claim, nowMs, refuse);
  const key = identities.accessKey(claim.accessKeyId);
  const principal = key && identities.principalOf(key.owner);
  if (!key || !principal || principal.partition !== partitionOf(claim.region)) {
    throw refuse.unknownKey(claim.accessKeyId);
  }
  const signingKey = buildSigningKey(key.secretAccessKey, claim);
  requireSignature(request, claim, signingKey, refuse);
  const token = request.headers.get('x-amz-security-token');
  if (key.owner.kind === 'user') {
    if (token !== undefined) throw refuse.wrongToken();
  } else {
    if (token === undefined || !isSameHex(key.owner.sessionToken, token)) throw refuse.wrongToken();
    if (key.owner.expiresAtMs <= nowMs) throw refuse.expired();
  }
  return { principal, accessKeyId: claim.accessKeyId, region: claim.region, claim, signingKey };
}

function readClaim(request: WireRequest, refuse: Refusals): SignatureClaim {
  try {
    const claim = parseSignatureClaim(request);
    if (claim === undefined) throw refuse.missing();
    return claim;
  } catch (error) {
    if (error instanceof MalformedSignature) throw refuse.incomplete(error.message);
    throw error;
  }
}

function requireScope(claim: SignatureClaim, service: ServiceName, refuse: Refusals): void {
  if (claim.service !== service) {
    throw refuse.wrongScope(`Credential should be scoped to correct service: '${service}'.`);
  }
  if (!REGION_PATTERN.test(claim.region)) {
    throw refuse.wrongScope('Credential should be scoped to a valid region.');
  }
}

function requireCurrent(claim: SignatureClaim, nowMs: number, refuse: Refusals): void {
  const signedAtMs = parseSigningTime(claim.signedAtText);
  if (signedAtMs === undefined) {
    throw refuse.incomplete(
      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    );
  }
  if (claim.scopeDay !== claim.signedAtText.slice(0, 8)) {
    throw refuse.wrongScope(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${claim.scopeDay}' != '${claim.signedAtText.slice(0, 8)}'.`,
    );
  }
  const now = formatSigningTime(nowMs);
  const minutes = `${String(SIGNING.skewMinutes)} min.`;
  if (signedAtMs < nowMs - SIGNING.clockSkewMsMax) {
    const edge = formatSigningTime(nowMs - SIGNING.clockSkewMsMax);
    throw refuse.skewed(
      `Signature expired: ${claim.signedAtText} is now earlier than ${edge} (${now} - ${minutes})`,
    );
  }
  if (signedAtMs > nowMs + SIGNING.clockSkewMsMax) {
    const edge = formatSigningTime(nowMs + SIGNING.clockSkewMsMax);
    throw refuse.skewed(
      `Signature not yet current: ${claim.signedAtText} is still later than ${edge} (${now} + ${minutes})`,
    );
  }
}

function requireSignature(
  request: WireRequest,
  claim: SignatureClaim,
  signingKey: Buffer,
  refuse: Refusals,
): void {
  const unsigned = [...request.headers.keys()].filter(
    (name) => (name.startsWith('x-amz-') || name === 'host') && !claim.signedHeaders.includes(name),
  );
  const isS3 = claim.service === 's3';
  if (unsigned.includes('host')) throw refuse.mismatch();
  if (isS3 && unsigned.length > 0) {
    throw new AwsError(
      'AccessDenied',
      'There were headers present in the request which were not signed',
      403,
      { details: { HeadersNotSigned: unsigned.join(', ') } },
    );
  }
  const declared = request.headers.get('x-amz-content-sha256');
  if (isS3 && declared === undefined) {
    throw new AwsError(
      'InvalidRequest',
      'Missing required header for this request: x-amz-content-sha256',
    );
  }
  const isOpaque = isS3 && isOpaquePayload(declared ?? '');
  const actual = isOpaque ? '' : sha256Hex(request.body);
  if (!isSignatureRight(request, claim, signingKey, isS3 ? (declared ?? '') : actual)) {
    throw refuse.mismatch();
  }
  if (isS3 && !isOpaque && declared !== actual) {
    throw new AwsError(
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
      400,
      { details: { ClientComputedContentSHA256: declared ?? '', S3ComputedContentSHA256: actual } },
    );
  }
}

/** Payloads S3 does not hash as a whole: unsigned ones, and chunked ones that carry their own proof. */
function isOpaquePayload(declared: string): boolean {
  return declared === 'UNSIGNED-PAYLOAD' || declared.startsWith('STREAMING-');
}

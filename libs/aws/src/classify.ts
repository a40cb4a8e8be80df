// AWS's errors, each with the one failure that it is for us. Told by name and status, never by what AWS says in words, except where
// AWS gives two different things one name. Sources: each API's "Errors" section and the service's "Common Errors" page.
import { Failure, type FailureCode } from '@logferry/core';

export type Service = 'cloudwatch' | 's3' | 'sts';

/** What the SDK throws, as far as we look at it. */
interface AwsError {
  name: string;
  message: string;
  /** Node's own code, where the call did not get as far as AWS. */
  code: string | undefined;
  status: number | undefined;
  retryAfterMs: number | undefined;
}

type Rule = (error: AwsError) => FailureCode | undefined;

const named =
  (code: FailureCode, ...names: string[]): Rule =>
  ({ name }) =>
    names.includes(name) ? code : undefined;

const says =
  (text: RegExp, rule: Rule): Rule =>
  (error) =>
    text.test(error.message) ? rule(error) : undefined;

/**
 * KMS's own refusals, passed on by S3 and CloudWatch Logs: by the action, the key's ARN, or the word where it is no part of a name. A
 * bucket, role or log group with `kms` in its name stands in every refusal too.
 */
const OF_KMS = /to perform: kms:|arn:[\w-]+:kms:|(?:^|\s)KMS\s|customer master key/;

const THROTTLING = [
  'ThrottlingException',
  'Throttling',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'SlowDown',
];

/** A session that AWS does not take any more, or a clock that disagrees: a fresh session is the remedy for all of them. */
const STALE_SESSION = [
  'ExpiredTokenException',
  'ExpiredToken',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'InvalidToken',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'RequestExpired',
  'RequestTimeTooSkewed',
];

const rules: Readonly<Record<Service, readonly Rule[]>> = {
  cloudwatch: [
    named('cloudwatch.throttled', ...THROTTLING),
    named('credential.expired', ...STALE_SESSION),
    says(
      OF_KMS,
      named('kms.denied', 'AccessDeniedException', 'AccessDenied', 'InvalidParameterException'),
    ),
    named('cloudwatch.access_denied', 'AccessDeniedException', 'AccessDenied', 'OptInRequired'),
    named('cloudwatch.quota_exceeded', 'LimitExceededException'),
    // Another worker creates the same group, or what was created is not to be seen yet: it passes by itself.
    named('cloudwatch.unavailable', 'OperationAbortedException', 'ResourceNotFoundException'),
    named(
      'cloudwatch.invalid_batch',
      'InvalidParameterException',
      'SerializationException',
      'RequestEntityTooLarge',
    ),
  ],
  s3: [
    named('s3.throttled', ...THROTTLING),
    named('credential.expired', ...STALE_SESSION),
    ({ name }) => (name.startsWith('KMS.') ? 'kms.denied' : undefined),
    says(OF_KMS, named('kms.denied', 'AccessDenied')),
    named('s3.access_denied', 'AccessDenied', 'AllAccessDisabled', 'AccountProblem', 'Forbidden'),
    named('s3.bucket_missing', 'NoSuchBucket', 'InvalidBucketName'),
    named(
      's3.wrong_region',
      'PermanentRedirect',
      'AuthorizationHeaderMalformed',
      'IllegalLocationConstraintException',
      'TemporaryRedirect',
    ),
    ({ status }) => (status === 301 || status === 307 ? 's3.wrong_region' : undefined),
    // A damaged upload or a race with another one: the next attempt is a new one.
    named(
      's3.unavailable',
      'BadDigest',
      'ConditionalRequestConflict',
      'OperationAborted',
      'RequestTimeout',
    ),
    named(
      's3.invalid_object',
      'EntityTooLarge',
      'KeyTooLongError',
      'InvalidRequest',
      'InvalidArgument',
    ),
  ],
  sts: [
    named('credential.throttled', ...THROTTLING),
    // The one name covers what passes (STS could not fetch our keys in time) and what does not (no such provider in the account).
    says(
      /verification key/i,
      named(
        'credential.issuer_unreachable',
        'InvalidIdentityToken',
        'InvalidIdentityTokenException',
      ),
    ),
    named(
      'credential.issuer_unreachable',
      'IDPCommunicationError',
      'IDPCommunicationErrorException',
    ),
    named('credential.provider_missing', 'InvalidIdentityToken', 'InvalidIdentityTokenException'),
    named(
      'credential.trust_denied',
      'AccessDenied',
      'AccessDeniedException',
      'IDPRejectedClaim',
      'IDPRejectedClaimException',
    ),
    named('credential.region_disabled', 'RegionDisabledException'),
    named(
      'credential.invalid_request',
      'ValidationError',
      'ValidationException',
      'MalformedPolicyDocument',
      'MalformedPolicyDocumentException',
      'PackedPolicyTooLarge',
      'PackedPolicyTooLargeException',
    ),
    named('credential.expired', 'ExpiredTokenException', 'ExpiredToken'),
  ],
};

const unavailable: Readonly<Record<Service, FailureCode>> = {
  cloudwatch: 'cloudwatch.unavailable',
  s3: 's3.unavailable',
  sts: 'credential.sts_unavailable',
};

const throttled: Readonly<Record<Service, FailureCode>> = {
  cloudwatch: 'cloudwatch.throttled',
  s3: 's3.throttled',
  sts: 'credential.throttled',
};

/**
 * The failure that an error of the SDK is. What no rule knows is taken for transient: trying again loses nothing, and the attempts
 * run out.
 */
export function classify(service: Service, thrown: unknown): Failure {
  const error = readError(thrown);
  const { retryAfterMs } = error;
  const detail = `${error.name}${error.status === undefined ? '' : ` (HTTP ${error.status})`}`;
  const fail = (code: FailureCode): Failure =>
    new Failure(code, {
      cause: thrown,
      detail,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  for (const rule of rules[service]) {
    const code = rule(error);
    if (code !== undefined) return fail(code);
  }
  if (error.status === 429) return fail(throttled[service]);
  // The name is answered for, and there is none: a Region that does not exist. A resolver that does not answer is EAI_AGAIN.
  if (error.status === undefined && error.code === 'ENOTFOUND')
    return fail('network.unknown_region');
  if (error.status === undefined && error.code !== undefined && service !== 'sts')
    return fail('network.unreachable');
  return fail(unavailable[service]);
}

function readError(thrown: unknown): AwsError {
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as Record<
    string,
    unknown
  >;
  const metadata = error.$metadata as { httpStatusCode?: number } | undefined;
  const response = error.$response as { headers?: Record<string, string> } | undefined;
  const seconds = Number(response?.headers?.['retry-after'] ?? NaN);
  return {
    name: typeof error.name === 'string' ? error.name : 'Error',
    message: typeof error.message === 'string' ? error.message : '',
    code: typeof error.code === 'string' ? error.code : undefined,
    status: metadata?.httpStatusCode,
    retryAfterMs:
      Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 3_600) * 1_000 : undefined,
  };
}

/**
 * Whether a call broke before an answer came, on a connection that may have been closed while it was idle. Such a call is repeated
 * once, at once; it may have been carried out all the same.
 */
export function isBrokenConnection(thrown: unknown): boolean {
  const { code, status } = readError(thrown);
  return status === undefined && (code === 'EPIPE' || code === 'ECONNRESET');
}

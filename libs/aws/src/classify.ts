// AWS's errors, each with the one failure that it is for us. Told by name and status, never by what AWS says in words, except where
// AWS gives two different things one name. Sources: each API's "Errors" section and the service's "Common Errors" page.
import { assert, Failure, type FailureCode } from '@logferry/core';

/** Who answered what. Creating is apart: what is wrong with a new log group is not wrong with a batch. */
export type Service = 'cloudwatch' | 'cloudwatch_create' | 's3' | 'sts' | 'sts_signed';

/** A row of the table: the failure that an error is of which all that is given here is true. */
export interface ErrorRule {
  code: FailureCode;
  /** One of AWS's names; `KMS.*` is every name that begins so. */
  names?: readonly string[];
  statuses?: readonly number[];
  /** Whether the answer says when to come back. */
  hasRetryAfter?: true;
  /** Node's own codes of a call that got no answer, or any of them. */
  network?: readonly string[] | 'any';
  /** What must stand in AWS's words, and in ours. */
  says?: { text: RegExp; about: string };
}

/** What the SDK throws, as far as we look at it. */
interface AwsError {
  name: string;
  message: string;
  /** Node's own code, where the call did not get as far as AWS. */
  code: string | undefined;
  status: number | undefined;
  retryAfterMs: number | undefined;
}

/**
 * KMS's own refusals, passed on by S3 and CloudWatch Logs: by the action, the key's ARN, or the word where it is no part of a name. A
 * bucket, role or log group with `kms` in its name stands in every refusal too.
 */
const OF_KMS = {
  text: /to perform: kms:|arn:[\w-]+:kms:|(?:^|\s)KMS\s|customer master key/,
  about: 'a KMS key',
};

/** AWS refuses a new group with tags in words of its own. */
const OF_OPTIONS = {
  text: /to perform: logs:(?:PutRetentionPolicy|TagResource|TagLogGroup)|CreateLogGroup with Tags/,
  about: 'tags or retention',
};

/** Two limits, of the role itself and of a session that is assumed from a session. */
const OF_DURATION = {
  text: /MaxSessionDuration|session limit for roles assumed by role chaining/,
  about: 'the duration',
};

const OF_OUR_KEYS = { text: /verification key/i, about: "the issuer's verification key" };

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
  'TokenRefreshRequired',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'InvalidToken',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'IncompleteSignature',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'RequestExpired',
  'RequestTimeTooSkewed',
];

const DENIED = [
  'AccessDeniedException',
  'AccessDenied',
  'NotAuthorized',
  'UnauthorizedOperation',
  'OptInRequired',
  'NotSignedUp',
];

/** A time to come back is kept, whatever the answer is called. */
const throttling = (code: FailureCode): ErrorRule[] => [
  { code, names: THROTTLING },
  { code, statuses: [429] },
  { code, statuses: [503], hasRetryAfter: true },
];

/** The name is answered for, and there is none: a Region that does not exist. A resolver that does not answer is EAI_AGAIN. */
const unknownRegion: ErrorRule = { code: 'network.unknown_region', network: ['ENOTFOUND'] };
const unanswered: ErrorRule = { code: 'network.unreachable', network: 'any' };

/**
 * A denial by another name is a denial: time does not mend it, and attempts would run out on it, while a batch that is held goes on by
 * itself as soon as somebody has.
 */
const denied = (code: FailureCode): ErrorRule => ({ code, statuses: [401, 403] });

/** What nobody knows is taken for transient: trying again loses nothing, and the attempts run out. */
const rest = (code: FailureCode): ErrorRule => ({ code });

const INVALID_LOGS_CALL = ['InvalidParameterException', 'ValidationException', 'ValidationError'];

/** STS refuses what was asked for, whoever asked. */
const refusedSession: ErrorRule[] = [
  {
    code: 'credential.duration_too_long',
    names: ['ValidationError', 'ValidationException'],
    says: OF_DURATION,
  },
  { code: 'credential.region_disabled', names: ['RegionDisabledException'] },
  {
    code: 'credential.invalid_request',
    names: [
      'ValidationError',
      'ValidationException',
      'MalformedPolicyDocument',
      'MalformedPolicyDocumentException',
    ],
  },
  {
    code: 'credential.policy_too_large',
    names: ['PackedPolicyTooLarge', 'PackedPolicyTooLargeException'],
  },
];

/** The first row that is true of an error is its own. */
export const errorRules: Readonly<Record<Service, readonly ErrorRule[]>> = {
  cloudwatch: [
    ...throttling('cloudwatch.throttled'),
    { code: 'credential.expired', names: STALE_SESSION },
    { code: 'cloudwatch.kms_denied', names: [...DENIED, ...INVALID_LOGS_CALL], says: OF_KMS },
    { code: 'cloudwatch.access_denied', names: DENIED },
    // It was created, or was there a moment ago, and is not to be seen everywhere.
    { code: 'cloudwatch.not_there_yet', names: ['ResourceNotFoundException'] },
    { code: 'cloudwatch.quota_exceeded', names: ['LimitExceededException'] },
    {
      code: 'cloudwatch.invalid_batch',
      names: [...INVALID_LOGS_CALL, 'SerializationException', 'RequestEntityTooLarge'],
    },
    { code: 'cloudwatch.invalid_batch', statuses: [413] },
    unknownRegion,
    unanswered,
    denied('cloudwatch.access_denied'),
    rest('cloudwatch.unavailable'),
  ],
  cloudwatch_create: [
    ...throttling('cloudwatch.throttled'),
    { code: 'credential.expired', names: STALE_SESSION },
    { code: 'cloudwatch.kms_denied', names: [...DENIED, ...INVALID_LOGS_CALL], says: OF_KMS },
    { code: 'cloudwatch.group_options_denied', names: DENIED, says: OF_OPTIONS },
    { code: 'cloudwatch.access_denied', names: DENIED },
    { code: 'cloudwatch.not_there_yet', names: ['ResourceNotFoundException'] },
    { code: 'cloudwatch.quota_exceeded', names: ['LimitExceededException'] },
    { code: 'cloudwatch.group_refused', names: [...INVALID_LOGS_CALL, 'TooManyTagsException'] },
    unknownRegion,
    unanswered,
    denied('cloudwatch.access_denied'),
    rest('cloudwatch.unavailable'),
  ],
  s3: [
    ...throttling('s3.throttled'),
    { code: 'credential.expired', names: STALE_SESSION },
    { code: 's3.throttled', names: ['KMS.ThrottlingException'] },
    { code: 'kms.denied', names: ['KMS.*'] },
    {
      code: 'kms.denied',
      names: ['AccessDenied', 'InvalidArgument', 'InvalidRequest'],
      says: OF_KMS,
    },
    {
      code: 's3.access_denied',
      names: [...DENIED, 'AllAccessDisabled', 'AccountProblem', 'Forbidden'],
    },
    { code: 's3.bucket_missing', names: ['NoSuchBucket', 'InvalidBucketName'] },
    {
      code: 's3.wrong_region',
      names: [
        'PermanentRedirect',
        'AuthorizationHeaderMalformed',
        'IllegalLocationConstraintException',
        'TemporaryRedirect',
      ],
    },
    { code: 's3.wrong_region', statuses: [301, 307] },
    // A damaged upload, or a race with another one: S3 says that it made no object, and the next attempt is a new one.
    {
      code: 's3.not_stored',
      names: [
        'BadDigest',
        'ConditionalRequestConflict',
        'IncompleteBody',
        'InvalidPart',
        'NoSuchUpload',
        'OperationAborted',
        'RequestTimeout',
        'XAmzContentSHA256Mismatch',
      ],
    },
    {
      code: 's3.settings_refused',
      names: ['InvalidStorageClass', 'InvalidEncryptionAlgorithmError'],
    },
    {
      code: 's3.invalid_object',
      names: [
        'EntityTooLarge',
        'EntityTooSmall',
        'InvalidPartOrder',
        'KeyTooLongError',
        'InvalidRequest',
        'InvalidArgument',
      ],
    },
    { code: 's3.invalid_object', statuses: [413] },
    unknownRegion,
    unanswered,
    denied('s3.access_denied'),
    rest('s3.unavailable'),
  ],
  sts: [
    ...throttling('credential.throttled'),
    // The one name covers what passes (STS could not fetch our keys in time) and what does not (no such provider in the account).
    {
      code: 'credential.issuer_unreachable',
      names: ['InvalidIdentityToken', 'InvalidIdentityTokenException'],
      says: OF_OUR_KEYS,
    },
    {
      code: 'credential.issuer_unreachable',
      names: ['IDPCommunicationError', 'IDPCommunicationErrorException'],
    },
    {
      code: 'credential.provider_missing',
      names: ['InvalidIdentityToken', 'InvalidIdentityTokenException'],
    },
    {
      code: 'credential.trust_denied',
      names: [...DENIED, 'IDPRejectedClaim', 'IDPRejectedClaimException'],
    },
    ...refusedSession,
    { code: 'credential.expired', names: STALE_SESSION },
    unknownRegion,
    { code: 'credential.sts_unavailable', network: 'any' },
    denied('credential.trust_denied'),
    rest('credential.sts_unavailable'),
  ],
  // Signed with the platform's own identity: what is wrong with that is wrong for every tenant.
  sts_signed: [
    ...throttling('credential.throttled'),
    {
      code: 'credential.platform_identity',
      names: [...STALE_SESSION, 'CredentialsProviderError', 'ProviderError'],
    },
    { code: 'credential.trust_denied', names: DENIED },
    ...refusedSession,
    unknownRegion,
    { code: 'credential.sts_unavailable', network: 'any' },
    denied('credential.trust_denied'),
    rest('credential.sts_unavailable'),
  ],
};

const callMsOf = new WeakMap<object, number>();

/**
 * Makes a call of several. How long it took is known of the failure that its error is: that an object took minutes, part by part, says
 * nothing of whether S3 answers.
 */
export async function timed<T>(call: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  try {
    return await call();
  } catch (error) {
    if (error instanceof Error) callMsOf.set(error, performance.now() - startedAt);
    throw error;
  }
}

/** The failure that an error of the SDK is. */
export function classify(service: Service, thrown: unknown): Failure {
  const error = readError(thrown);
  const { name, status, retryAfterMs } = error;
  const rule = errorRules[service].find((row) => isTrueOf(row, error));
  assert(rule !== undefined, 'the last row of a service is true of every error');
  return new Failure(rule.code, {
    cause: thrown,
    detail: `${name}${status === undefined ? '' : ` (HTTP ${status})`}`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    callMs: thrown instanceof Error ? callMsOf.get(thrown) : undefined,
  });
}

function isTrueOf(rule: ErrorRule, error: AwsError): boolean {
  const { names, statuses, hasRetryAfter, network, says } = rule;
  const { name, message, code, status, retryAfterMs } = error;
  return (
    (names === undefined || names.some((wanted) => isNamed(wanted, name))) &&
    (statuses === undefined || (status !== undefined && statuses.includes(status))) &&
    (hasRetryAfter === undefined || retryAfterMs !== undefined) &&
    (network === undefined ||
      (status === undefined &&
        code !== undefined &&
        (network === 'any' || network.includes(code)))) &&
    (says === undefined || says.text.test(message))
  );
}

function isNamed(wanted: string, name: string): boolean {
  return wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : wanted === name;
}

function readError(thrown: unknown): AwsError {
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as Record<
    string,
    unknown
  >;
  const metadata = error.$metadata as { httpStatusCode?: number } | undefined;
  const response = error.$response as
    { statusCode?: number; headers?: Record<string, string> } | undefined;
  return {
    name: typeof error.name === 'string' ? error.name : 'Error',
    message: typeof error.message === 'string' ? error.message : '',
    code: typeof error.code === 'string' ? error.code : undefined,
    // An answer that the SDK could not read has no metadata, but is an answer.
    status: metadata?.httpStatusCode ?? response?.statusCode,
    retryAfterMs: readRetryAfterMs(response?.headers),
  };
}

const RETRY_AFTER_MS_MAX = 60 * 60 * 1000;

/** Seconds, or a date by the clock of whoever answered. */
function readRetryAfterMs(headers: Record<string, string> = {}): number | undefined {
  const text = headers['retry-after']?.trim() ?? '';
  if (text === '') return undefined;
  const seconds = Number(text);
  const fromMs = Date.parse(headers.date ?? '') || Date.now();
  const waitMs = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(text) - fromMs;
  return Number.isNaN(waitMs) || waitMs < 0 ? undefined : Math.min(waitMs, RETRY_AFTER_MS_MAX);
}

/**
 * Whether a call broke before an answer came, on a connection that may have been closed while it was idle. Such a call is repeated
 * once, at once; it may have been carried out all the same.
 */
export function isBrokenConnection(thrown: unknown): boolean {
  const { code, status } = readError(thrown);
  return status === undefined && (code === 'EPIPE' || code === 'ECONNRESET');
}

/** Why nobody knows what became of a call: no answer could be read, or AWS answered with a fault of its own. */
export type UnknownFate = 'unanswered' | 'server_error';

/** Steps that a call fails at before anything of it is sent. */
const BEFORE_SENDING: ReadonlySet<unknown> = new Set(['connect', 'getaddrinfo']);

/** Whether a call that failed may have been carried out all the same. Nothing for one that was refused, or never got as far as AWS. */
export function unknownFate(thrown: unknown): UnknownFate | undefined {
  const { code, status } = readError(thrown);
  if (status !== undefined) {
    if (status < 300) return 'unanswered';
    return status >= 500 ? 'server_error' : undefined;
  }
  const { syscall } = thrown as { syscall?: unknown };
  return code === undefined || BEFORE_SENDING.has(syscall) ? undefined : 'unanswered';
}

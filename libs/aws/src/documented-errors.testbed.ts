// AWS's errors, call by call, and what each is for us: a table to hold classify.ts against.
import type { Disposition, FailureCode } from '@logferry/core';

/** Everything that we ask of AWS while we deliver. */
export type Operation =
  | 'PutLogEvents'
  | 'CreateLogStream'
  | 'CreateLogGroup'
  | 'PutRetentionPolicy'
  | 'PutObject'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'AssumeRoleWithWebIdentity'
  | 'AssumeRole';

export const creating: Operation[] = ['CreateLogStream', 'CreateLogGroup', 'PutRetentionPolicy'];
const ofLogs: Operation[] = ['PutLogEvents', ...creating];
/** They make an object. */
export const making: Operation[] = ['PutObject', 'CompleteMultipartUpload'];
/** Without an answer to one of these there is no object all the same. */
export const preparing: Operation[] = ['CreateMultipartUpload', 'UploadPart'];
export const ofS3: Operation[] = [...making, ...preparing, 'AbortMultipartUpload'];
export const byToken: Operation[] = ['AssumeRoleWithWebIdentity'];
export const byPlatform: Operation[] = ['AssumeRole'];
export const ofSts: Operation[] = [...byToken, ...byPlatform];
export const putting: Operation[] = ['PutLogEvents'];

type Row = [
  name: string,
  httpStatus: number,
  operations: readonly Operation[],
  code: FailureCode,
  disposition: Disposition,
  message?: string,
];

const OPTIONS = 'User with accountId: 1 is not authorized to perform CreateLogGroup with Tags';
const KMS = 'not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:x:1:key/1';

/** The names that the services share; each service documents some, and which of them it uses may change. */
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
const DENIED = [
  'AccessDeniedException',
  'AccessDenied',
  'NotAuthorized',
  'UnauthorizedOperation',
  'OptInRequired',
  'NotSignedUp',
];
const INVALID = ['InvalidParameterException', 'ValidationException', 'ValidationError'];

/** An object may be there after it, but only if the call was to make one. */
function s3Unavailable(name: string, status: number): Row[] {
  return [
    [name, status, [...making, 'AbortMultipartUpload'], 's3.unavailable', 'retry'],
    [name, status, preparing, 's3.not_stored', 'retry'],
  ];
}

/** AWS's names and statuses, from each call's own list of errors and the service's common ones. */
export const documented: readonly Row[] = [
  // Of every service
  ...THROTTLING.flatMap((name): Row[] => [
    [name, 400, ofLogs, 'cloudwatch.throttled', 'defer'],
    [name, 503, ofS3, 's3.throttled', 'defer'],
    [name, 400, ofSts, 'credential.throttled', 'defer'],
  ]),
  ...DENIED.flatMap((name): Row[] => [
    [name, 400, ofLogs, 'cloudwatch.access_denied', 'suspend'],
    [name, 400, ofLogs, 'cloudwatch.kms_denied', 'suspend', KMS],
    [name, 400, ['CreateLogGroup'], 'cloudwatch.group_options_denied', 'suspend', OPTIONS],
    [name, 403, ofS3, 's3.access_denied', 'suspend'],
    [name, 403, ofSts, 'credential.trust_denied', 'suspend'],
  ]),
  // CloudWatch Logs
  ...INVALID.flatMap((name): Row[] => [
    [name, 400, ofLogs, 'cloudwatch.kms_denied', 'suspend', 'The KMS key'],
    [name, 400, putting, 'cloudwatch.invalid_batch', 'reject'],
    [name, 400, creating, 'cloudwatch.group_refused', 'suspend'],
  ]),
  ['RequestEntityTooLarge', 400, putting, 'cloudwatch.invalid_batch', 'reject'],
  ['ServiceUnavailableException', 500, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['InternalFailure', 500, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['ServiceUnavailable', 503, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['RequestTimeoutException', 408, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['RequestAbortedException', 400, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['MalformedHttpRequestException', 400, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['UnknownOperationException', 404, ofLogs, 'cloudwatch.unavailable', 'retry'],
  ['OperationAbortedException', 400, creating, 'cloudwatch.unavailable', 'retry'],
  ['InvalidSequenceTokenException', 400, putting, 'cloudwatch.unavailable', 'retry'],
  ['ResourceNotFoundException', 400, putting, 'cloudwatch.not_there_yet', 'retry'],
  ['ResourceNotFoundException', 400, ['CreateLogStream'], 'cloudwatch.not_there_yet', 'retry'],
  [
    'AccessDeniedException',
    400,
    ['PutRetentionPolicy'],
    'cloudwatch.group_options_denied',
    'suspend',
    'not authorized to perform: logs:PutRetentionPolicy',
  ],
  ['LimitExceededException', 400, ofLogs, 'cloudwatch.quota_exceeded', 'suspend'],
  ['SerializationException', 400, putting, 'cloudwatch.invalid_batch', 'reject'],
  ['RequestEntityTooLargeException', 413, putting, 'cloudwatch.invalid_batch', 'reject'],
  ['TooManyTagsException', 400, ['CreateLogGroup'], 'cloudwatch.group_refused', 'suspend'],
  // S3
  ...s3Unavailable('InternalError', 500),
  ...s3Unavailable('ServiceUnavailable', 503),
  ...s3Unavailable('Busy', 503),
  ['OperationAborted', 409, ofS3, 's3.not_stored', 'retry'],
  ['ConditionalRequestConflict', 409, ofS3, 's3.not_stored', 'retry'],
  ['RequestTimeout', 400, ofS3, 's3.not_stored', 'retry'],
  ['BadDigest', 400, ofS3, 's3.not_stored', 'retry'],
  ['IncompleteBody', 400, ofS3, 's3.not_stored', 'retry'],
  ['XAmzContentSHA256Mismatch', 400, ofS3, 's3.not_stored', 'retry'],
  ['Forbidden', 403, ofS3, 's3.access_denied', 'suspend'],
  ['AccountProblem', 403, ofS3, 's3.access_denied', 'suspend'],
  ['AllAccessDisabled', 403, ofS3, 's3.access_denied', 'suspend'],
  ['InvalidPayer', 403, ofS3, 's3.access_denied', 'suspend'],
  ['InvalidObjectState', 403, ofS3, 's3.access_denied', 'suspend'],
  ['UnauthorizedAccess', 403, ofS3, 's3.access_denied', 'suspend'],
  ['NoSuchBucket', 404, ofS3, 's3.bucket_missing', 'suspend'],
  ['InvalidBucketName', 400, ofS3, 's3.bucket_missing', 'suspend'],
  ['BrandNew', 301, ofS3, 's3.wrong_region', 'suspend'],
  ['PermanentRedirect', 301, ofS3, 's3.wrong_region', 'suspend'],
  ['TemporaryRedirect', 307, ofS3, 's3.wrong_region', 'suspend'],
  ['AuthorizationHeaderMalformed', 400, ofS3, 's3.wrong_region', 'suspend'],
  ['IllegalLocationConstraintException', 400, ofS3, 's3.wrong_region', 'suspend'],
  ['KMS.DisabledException', 400, ofS3, 'kms.denied', 'suspend'],
  ['KMS.KMSInvalidStateException', 400, ofS3, 'kms.denied', 'suspend'],
  ['KMS.NotFoundException', 400, ofS3, 'kms.denied', 'suspend'],
  ...['AccessDenied', 'InvalidArgument', 'InvalidRequest'].map((name): Row => {
    return [name, 400, ofS3, 'kms.denied', 'suspend', KMS];
  }),
  ['InvalidStorageClass', 400, ofS3, 's3.settings_refused', 'suspend'],
  ['InvalidEncryptionAlgorithmError', 400, ofS3, 's3.settings_refused', 'suspend'],
  ['KMS.ThrottlingException', 400, ofS3, 's3.throttled', 'defer'],
  ['EntityTooLarge', 400, ofS3, 's3.invalid_object', 'reject'],
  ['KeyTooLongError', 400, ofS3, 's3.invalid_object', 'reject'],
  ['InvalidRequest', 400, ofS3, 's3.invalid_object', 'reject'],
  ['InvalidArgument', 400, ofS3, 's3.invalid_object', 'reject'],
  ['EntityTooSmall', 400, ['CompleteMultipartUpload'], 's3.invalid_object', 'reject'],
  ['InvalidPartOrder', 400, ['CompleteMultipartUpload'], 's3.invalid_object', 'reject'],
  ['InvalidPart', 400, ['CompleteMultipartUpload'], 's3.not_stored', 'retry'],
  ['NoSuchUpload', 404, ['UploadPart', 'CompleteMultipartUpload'], 's3.not_stored', 'retry'],
  // STS
  ['InternalFailure', 500, ofSts, 'credential.sts_unavailable', 'retry'],
  ['ServiceUnavailable', 503, ofSts, 'credential.sts_unavailable', 'retry'],
  // By their names on the wire, and by those of the SDK's classes, which newer protocols have on the wire too.
  ...['', 'Exception'].flatMap((ending): Row[] => [
    [`IDPCommunicationError${ending}`, 400, byToken, 'credential.issuer_unreachable', 'defer'],
    [
      `InvalidIdentityToken${ending}`,
      400,
      byToken,
      'credential.issuer_unreachable',
      'defer',
      "Couldn't retrieve verification key from your identity provider",
    ],
    [`InvalidIdentityToken${ending}`, 400, byToken, 'credential.provider_missing', 'suspend'],
    [`IDPRejectedClaim${ending}`, 403, byToken, 'credential.trust_denied', 'suspend'],
    [`MalformedPolicyDocument${ending}`, 400, ofSts, 'credential.invalid_request', 'suspend'],
    [`PackedPolicyTooLarge${ending}`, 400, ofSts, 'credential.policy_too_large', 'suspend'],
  ]),
  ['RegionDisabledException', 403, ofSts, 'credential.region_disabled', 'suspend'],
  ...['ValidationError', 'ValidationException'].flatMap((name): Row[] => [
    [name, 400, ofSts, 'credential.invalid_request', 'suspend'],
    [
      name,
      400,
      ofSts,
      'credential.duration_too_long',
      'suspend',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    ],
  ]),
  // A session, or a clock
  ...[
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
  ].flatMap((name): Row[] => [
    [name, 403, [...ofLogs, ...ofS3, ...byToken], 'credential.expired', 'retry'],
    // With our own identity: no tenant can mend that.
    [name, 403, byPlatform, 'credential.platform_identity', 'defer'],
  ]),
  // What nobody has heard of
  ...[400, 402, 404, 405, 409, 418, 500, 501, 502, 504].flatMap((status): Row[] => [
    ['BrandNew', status, ofLogs, 'cloudwatch.unavailable', 'retry'],
    ...s3Unavailable('BrandNew', status),
    ['BrandNew', status, ofSts, 'credential.sts_unavailable', 'retry'],
  ]),
  ...[401, 403].flatMap((status): Row[] => [
    ['BrandNew', status, ofLogs, 'cloudwatch.access_denied', 'suspend'],
    ['BrandNew', status, ofS3, 's3.access_denied', 'suspend'],
    ['BrandNew', status, ofSts, 'credential.trust_denied', 'suspend'],
  ]),
  ['BrandNew', 429, ofLogs, 'cloudwatch.throttled', 'defer'],
  ['BrandNew', 429, ofS3, 's3.throttled', 'defer'],
  ['BrandNew', 429, ofSts, 'credential.throttled', 'defer'],
  ['BrandNew', 413, ofS3, 's3.invalid_object', 'reject'],
];

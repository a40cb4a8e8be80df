import { Failure, type FailureCode } from '@logferry/core';
import { classify, isBrokenConnection, type Service } from './classify';

/** An error as the SDK throws it. */
function anError(
  name: string,
  { status = 400, message = '', code }: { status?: number; message?: string; code?: string } = {},
) {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status }, code });
}

test.each<[Service, string, FailureCode]>([
  ['cloudwatch', 'ThrottlingException', 'cloudwatch.throttled'],
  ['cloudwatch', 'ServiceUnavailableException', 'cloudwatch.unavailable'],
  ['cloudwatch', 'AccessDeniedException', 'cloudwatch.access_denied'],
  ['cloudwatch', 'ExpiredTokenException', 'credential.expired'],
  ['cloudwatch', 'UnrecognizedClientException', 'credential.expired'],
  ['cloudwatch', 'InvalidSignatureException', 'credential.expired'],
  ['cloudwatch', 'LimitExceededException', 'cloudwatch.quota_exceeded'],
  ['cloudwatch', 'OperationAbortedException', 'cloudwatch.unavailable'],
  ['cloudwatch', 'ResourceNotFoundException', 'cloudwatch.unavailable'],
  ['cloudwatch', 'InvalidParameterException', 'cloudwatch.invalid_batch'],
  ['s3', 'SlowDown', 's3.throttled'],
  ['s3', 'NoSuchBucket', 's3.bucket_missing'],
  ['s3', 'InvalidBucketName', 's3.bucket_missing'],
  ['s3', 'AccessDenied', 's3.access_denied'],
  ['s3', 'ExpiredToken', 'credential.expired'],
  ['s3', 'InvalidAccessKeyId', 'credential.expired'],
  ['s3', 'PermanentRedirect', 's3.wrong_region'],
  ['s3', 'AuthorizationHeaderMalformed', 's3.wrong_region'],
  ['s3', 'KMS.DisabledException', 'kms.denied'],
  ['s3', 'BadDigest', 's3.unavailable'],
  ['s3', 'EntityTooLarge', 's3.invalid_object'],
  ['sts', 'AccessDenied', 'credential.trust_denied'],
  ['sts', 'IDPRejectedClaim', 'credential.trust_denied'],
  ['sts', 'InvalidIdentityToken', 'credential.provider_missing'],
  ['sts', 'IDPCommunicationError', 'credential.issuer_unreachable'],
  ['sts', 'ExpiredTokenException', 'credential.expired'],
  ['sts', 'ValidationError', 'credential.invalid_request'],
  ['sts', 'RegionDisabledException', 'credential.region_disabled'],
  ['sts', 'Throttling', 'credential.throttled'],
])('%s: %s is %s', (service, name, code) => {
  const failure = classify(service, anError(name));
  expect(failure).toBeInstanceOf(Failure);
  expect(failure.code).toBe(code);
});

test('InvalidIdentityToken is worth another try where STS only failed to fetch our keys', () => {
  const error = anError('InvalidIdentityToken', {
    message: "Couldn't retrieve verification key from your identity provider",
  });
  expect(classify('sts', error).code).toBe('credential.issuer_unreachable');
});

const notAuthorized = (action: string, resource: string): string =>
  `User: arn:aws:sts::123456789012:assumed-role/kms-logs/logferry-acme is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;

const keyArn = 'arn:aws:kms:eu-central-1:123456789012:key/1234';

test.each<[Service, string, string]>([
  ['s3', 'AccessDenied', notAuthorized('kms:GenerateDataKey', keyArn)],
  ['s3', 'AccessDenied', notAuthorized('kms:Decrypt', 'this resource')],
  ['s3', 'AccessDenied', `The key arn:aws-cn:kms:cn-north-1:123456789012:key/1 is out of reach`],
  ['cloudwatch', 'AccessDeniedException', notAuthorized('kms:GenerateDataKey', keyArn)],
  [
    'cloudwatch',
    'InvalidParameterException',
    'The specified KMS key does not exist or is not allowed to be used with LogGroup',
  ],
  [
    'cloudwatch',
    'AccessDeniedException',
    'The ciphertext refers to a customer master key that does not exist',
  ],
])('%s: a denial by KMS names the key and not the bucket or the group: %s', (service, ...error) => {
  const [name, message] = error;
  expect(classify(service, anError(name, { message })).code).toBe('kms.denied');
});

test.each<[Service, string, string, FailureCode]>([
  [
    's3',
    'AccessDenied',
    notAuthorized(
      's3:PutObject',
      '"arn:aws:s3:::acme-kms-audit/KMS/kms/2026/11/21/10:48:00_a.log"',
    ),
    's3.access_denied',
  ],
  [
    'cloudwatch',
    'AccessDeniedException',
    notAuthorized(
      'logs:PutLogEvents',
      'arn:aws:logs:eu-central-1:123456789012:log-group:/kms/service:log-stream:kms',
    ),
    'cloudwatch.access_denied',
  ],
  [
    'cloudwatch',
    'InvalidParameterException',
    "Value 'kms-service' at 'logGroupName' failed to satisfy constraint",
    'cloudwatch.invalid_batch',
  ],
])('%s: kms in the name of something is no denial by KMS: %s', (service, name, message, code) => {
  expect(classify(service, anError(name, { message })).code).toBe(code);
});

test.each<[Service, FailureCode]>([
  ['cloudwatch', 'cloudwatch.unavailable'],
  ['s3', 's3.unavailable'],
  ['sts', 'credential.sts_unavailable'],
])('what nobody knows is tried again: %s', (service, code) => {
  expect(classify(service, anError('BrandNewException', { status: 418 })).code).toBe(code);
  expect(classify(service, undefined).code).toBe(code);
  expect(classify(service, anError('InternalFailure', { status: 500 })).disposition).toBe('retry');
});

test('a call that did not get as far as AWS is the network', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  expect(classify('s3', refused).code).toBe('network.unreachable');
  expect(isBrokenConnection(refused)).toBe(false);
  expect(isBrokenConnection(Object.assign(new Error(), { code: 'ECONNRESET' }))).toBe(true);
});

test.each<Service>(['cloudwatch', 's3', 'sts'])(
  '%s: a Region that does not exist holds what waits until it is corrected, a resolver that is away does not',
  (service) => {
    const notFound = (code: string): Error =>
      Object.assign(new Error(`getaddrinfo ${code} ${service}.eu-centrall-1.amazonaws.com`), {
        code,
        $metadata: { attempts: 1 },
      });
    expect(classify(service, notFound('ENOTFOUND'))).toMatchObject({
      code: 'network.unknown_region',
      disposition: 'suspend',
    });
    expect(classify(service, notFound('EAI_AGAIN')).disposition).toBe('retry');
  },
);

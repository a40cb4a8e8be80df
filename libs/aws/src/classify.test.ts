import type { FailureCode } from '@logferry/core';
import { classify, errorRules, isBrokenConnection, type Service } from './classify';

/** An error as the SDK throws it. */
function anError(
  name: string,
  { status = 400, message = '', code }: { status?: number; message?: string; code?: string } = {},
) {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status }, code });
}

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
  const code = service === 's3' ? 'kms.denied' : 'cloudwatch.kms_denied';
  expect(classify(service, anError(name, { message })).code).toBe(code);
});

test.each<[Service, string]>([
  ['sts', 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.'],
  ['sts_signed', 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.'],
  [
    'sts_signed',
    'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
  ],
])('%s: a session that would be too long says so: %s', (service, message) => {
  const { code } = classify(service, anError('ValidationError', { message }));
  expect(code).toBe('credential.duration_too_long');
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
  ['cloudwatch_create', 'cloudwatch.unavailable'],
  ['s3', 's3.unavailable'],
  ['sts', 'credential.sts_unavailable'],
  ['sts_signed', 'credential.sts_unavailable'],
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

test.each<Service>(['cloudwatch', 'cloudwatch_create', 's3', 'sts', 'sts_signed'])(
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

const withRetryAfter = (value: string, headers: Record<string, string> = {}) => ({
  ...anError('ServiceUnavailableException', { status: 503 }),
  $response: { statusCode: 503, headers: { 'retry-after': value, ...headers } },
});

test.each<[string, number | undefined]>([
  ['0', 0],
  ['7', 7_000],
  ['1.5', 1_500],
  ['86400', 3_600_000],
  ['-1', undefined],
  ['soon', undefined],
  ['', undefined],
  ['Sat, 21 Nov 2026 10:48:30 GMT', 30_000],
  ['Sat, 21 Nov 2026 10:47:00 GMT', undefined],
])('Retry-After: %s is %p ms', (value, expected) => {
  const failure = classify(
    'cloudwatch',
    withRetryAfter(value, { date: 'Sat, 21 Nov 2026 10:48:00 GMT' }),
  );
  expect(failure.retryAfterMs).toBe(expected);
  expect(failure.disposition).toBe(expected === undefined ? 'retry' : 'defer');
});

test.each(Object.entries(errorRules))('%s has no two rows that say the same', (_, rules) => {
  const keys = rules.flatMap(({ names = ['*'], statuses, hasRetryAfter, network, says }) =>
    names.map((name) => [name, statuses, hasRetryAfter, network, says?.about].join()),
  );
  expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
});

import fc from 'fast-check';
import { accountOf, Destination } from './destination';

const role = 'arn:aws:iam::123456789012:role/logferry';
const credentials = { kind: 'web_identity', roleArn: role };
const cloudwatch = {
  id: 'cw',
  type: 'cloudwatch',
  preset: 'env0',
  region: 'eu-central-1',
  credentials,
};
const s3 = {
  id: 's3',
  type: 's3',
  region: 'us-gov-west-1',
  credentials,
  s3: { bucket: 'acme-logs' },
};

function problems(value: unknown): string[] {
  const result = Destination.safeParse(value);
  return result.success
    ? []
    : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

test('the smallest destination gets the documented defaults', () => {
  expect(Destination.parse(cloudwatch)).toMatchObject({
    enabled: true,
    format: 'message',
    credentials: { sessionDurationSeconds: 3600 },
    cloudwatch: { logGroupPrefix: '', lingerMs: 1000 },
  });
  expect(Destination.parse(s3)).toMatchObject({ s3: { path: '', lingerMs: 60_000 } });
});

test('all problems are named at once, by path', () => {
  const found = problems({
    ...cloudwatch,
    region: 'Frankfurt',
    credentials: { kind: 'web_identity', roleArn: 'role/x', sessionDurationSeconds: 899 },
    surprise: 1,
  });
  expect(found.join('\n')).toMatch(/region: .*Region/);
  expect(found.join('\n')).toMatch(/credentials\.roleArn: .*role ARN/);
  expect(found.join('\n')).toMatch(/credentials\.sessionDurationSeconds/);
  expect(found.join('\n')).toMatch(/surprise/);
});

test('what no field says alone is named beside what is wrong with others', () => {
  const kmsKeyId = 'arn:aws:kms:us-east-1:123456789012:key/1234abcd';
  const noPreset = { ...cloudwatch, preset: undefined, credentials: {}, oversize: 'burst' };
  const found = problems({ ...noPreset, unknown: 1, cloudwatch: { lingerMs: -1, kmsKeyId } });
  for (const field of ['credentials', 'oversize', '', 'cloudwatch.lingerMs'])
    expect(found.join('\n')).toMatch(new RegExp(`^${field}[.:]`, 'm'));
  expect(found).toEqual(
    expect.arrayContaining([
      'cloudwatch.logGroup: is needed where no preset gives it',
      'cloudwatch.logStream: is needed where no preset gives it',
      "cloudwatch.kmsKeyId: lies in us-east-1; AWS takes only a key of the destination's Region",
    ]),
  );
  const objects = { bucket: 'B', key: '{type}', encryption: { kind: 'sse_s3', kmsKeyId: 'x' } };
  expect(problems({ ...s3, region: 5, s3: objects })).toEqual([
    expect.stringMatching(/^region: /),
    expect.stringMatching(/^s3.bucket: /),
    expect.stringMatching(/^s3.key: must have \{chars\}/),
    's3.encryption.kmsKeyId: is for the kind sse_kms only',
  ]);
});

test('nothing is said of a field by another that is wrong itself', () => {
  const kmsKeyId = 'arn:aws:kms:us-east-1:123456789012:key/1234abcd';
  const wrong = { ...cloudwatch, region: 'x', preset: 'y', override: { scope: 'a' } };
  const found = problems({ ...wrong, cloudwatch: { kmsKeyId, logGroupPrefix: 'ä' } });
  expect(found.map((text) => text.split(':')[0])).toEqual(['region', 'preset']);
});

test('whatever stands in a field, what is wrong is told, and nothing is thrown', () => {
  const fields = ['type', 'preset', 'region', 'override', 'cloudwatch', 's3', 'credentials'];
  const inner = ['logGroup', 'logGroupPrefix', 'kmsKeyId', 'key', 'path', 'encryption', 'keyTime'];
  const values = fc.anything();
  const section = fc.dictionary(fc.constantFrom(...inner), values);
  fc.assert(
    fc.property(
      fc.constantFrom(cloudwatch, s3),
      fc.dictionary(fc.constantFrom(...fields), fc.oneof(values, section)),
      fc.oneof(values, section),
      (whole, over, own) => {
        for (const one of [{ ...whole, ...over }, { ...whole, [whole.type]: own }, own])
          expect(Array.isArray(problems(one))).toBe(true);
      },
    ),
  );
});

test.each([899, 43_201])('a session of %d seconds is outside what STS gives', (seconds) => {
  const value = { ...s3, credentials: { ...credentials, sessionDurationSeconds: seconds } };
  expect(problems(value)).toHaveLength(1);
});

test.each([900, 43_200])('a session of %d seconds is the edge of what STS gives', (seconds) => {
  const value = { ...s3, credentials: { ...credentials, sessionDurationSeconds: seconds } };
  expect(problems(value)).toEqual([]);
});

test('without a preset, CloudWatch needs both names', () => {
  const found = problems({ ...cloudwatch, preset: undefined });
  expect(found).toEqual([
    'cloudwatch.logGroup: is needed where no preset gives it',
    'cloudwatch.logStream: is needed where no preset gives it',
  ]);
});

test('a template with an unknown variable is refused when it is saved', () => {
  const found = problems({ ...cloudwatch, cloudwatch: { logStream: '{deployment}' } });
  expect(found.join()).toContain('{deployment} is not a variable');
  expect(problems({ ...cloudwatch, cloudwatch: { logStream: 'a}b' } }).join()).toContain('brace');
});

test.each(['us-east-1', 'us-gov-west-1', 'us-iso-east-1', 'eusc-de-east-1', 'cn-north-1'])(
  'the Region %s is one',
  (region) => {
    expect(problems({ ...s3, region })).toEqual([]);
  },
);

test.each([
  `eu-${'central'.repeat(3)}-1`,
  'eu-a-b-c-d-1',
  'eu-central-1.example.com',
  'eu-central-111',
])(
  'the Region %s, which would make an address or a policy of another form, is refused',
  (region) => {
    expect(problems({ ...s3, region }).join()).toContain('Region');
  },
);

test('a KMS key of a partition without end is refused', () => {
  const kmsKeyId = `arn:aws-${'a'.repeat(10_000)}:kms:eu-central-1:123456789012:key/1`;
  const encryption = { kind: 'sse_kms', kmsKeyId };
  const said = problems({ ...s3, region: 'eu-central-1', s3: { ...s3.s3, encryption } });
  expect(said.join()).toContain('kmsKeyId');
});

test.each(['Acme', 'a', 'a..b', 'bucket/', '-x-'])('the bucket name %j is refused', (bucket) => {
  expect(problems({ ...s3, s3: { bucket } })).toHaveLength(1);
});

test('a path must not climb out of the prefix', () => {
  expect(problems({ ...s3, s3: { bucket: 'acme-logs', path: 'a/../b' } }).join()).toContain('..');
});

const withOptions = (options: object) => ({ ...cloudwatch, cloudwatch: options });

test.each([1, 3, 14, 400, 3653])('a group may keep log events for %d days', (retentionDays) => {
  expect(problems(withOptions({ retentionDays }))).toEqual([]);
});

test.each([0, 2, 4, 366, 3654, '14', null])('AWS keeps nothing for %j days', (retentionDays) => {
  expect(problems(withOptions({ retentionDays }))).toHaveLength(1);
});

test.each([
  ['arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab', ''],
  ['arn:aws:kms:eu-central-1:999999999999:key/mrk-1234abcd', ''],
  ['arn:aws:kms:us-east-1:123456789012:key/1234abcd', 'lies in us-east-1'],
  ['arn:aws:kms:eu-central-1:123456789012:alias/logs', 'must be the ARN'],
  ['1234abcd-12ab', 'must be the ARN'],
])('the KMS key %s: %j', (kmsKeyId, problem) => {
  const found = problems(withOptions({ kmsKeyId }));
  expect(found).toHaveLength(problem === '' ? 0 : 1);
  expect(found.join()).toContain(problem);
});

const manyTags = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`tag${i}`, 'v']));

test.each<[string, Record<string, string>, boolean]>([
  ['none', {}, true],
  ['49 tags', manyTags(49), true],
  ['50 tags', manyTags(50), true],
  ['51 tags', manyTags(51), false],
  ['a key of 128 characters', { ['k'.repeat(128)]: 'v' }, true],
  ['a key of 129 characters', { ['k'.repeat(129)]: 'v' }, false],
  ['an empty key', { '': 'v' }, false],
  ['an empty value', { key: '' }, true],
  ['a value of 256 characters', { key: 'v'.repeat(256) }, true],
  ['a value of 257 characters', { key: 'v'.repeat(257) }, false],
  ['all characters that AWS takes', { 'Größe 1_.:/=+-@': 'Größe 1_.:/=+-@' }, true],
  ['a character that AWS does not take', { key: 'a*b' }, false],
  ["AWS's own prefix", { 'AWS:x': 'v' }, false],
])('tags of a new group: %s', (_, tags, areTaken) => {
  expect(problems(withOptions({ tags })).length === 0).toBe(areTaken);
});

test.each([
  ['STANDARD', true],
  ['INFREQUENT_ACCESS', true],
  ['DELIVERY', false],
])('the log class %s', (logClass, isTaken) => {
  expect(problems(withOptions({ logClass })).length === 0).toBe(isTaken);
});

test('the account of a destination is that of its role', () => {
  expect(accountOf(Destination.parse(cloudwatch))).toBe('123456789012');
});

const withS3 = (over: object) => ({ ...s3, s3: { bucket: 'acme-logs', ...over } });

test.each([
  'xn--acme',
  'sthree-acme',
  'amzn-s3-demo-acme',
  'acme-s3alias',
  'acme--ol-s3',
  'acme.mrap',
  'acme--use1-az4--x-s3',
  'acme--table-s3',
  '10.0.0.1',
])('%s is the name of something else than a bucket', (bucket) => {
  expect(problems(withS3({ bucket }))).toHaveLength(1);
});

test.each([
  [{ objectBytesMax: 1_048_575 }, false],
  [{ objectBytesMax: 1_048_576 }, true],
  [{ objectBytesMax: 1_073_741_824 }, true],
  [{ objectBytesMax: 1_073_741_825 }, false],
  [{ lingerMs: 900_000 }, true],
  [{ lingerMs: 900_001 }, false],
  [{ expectedBucketOwner: '123456789012' }, true],
  [{ expectedBucketOwner: '12345678901' }, false],
  [{ contentType: 'text/plain; charset=utf-8' }, true],
  [{ contentType: 'text/plain\r\nx-evil: 1' }, false],
  [{ storageClass: 'GLACIER_IR' }, true],
  [{ storageClass: 'glacier' }, false],
])('%j is taken: %s', (over, taken) => {
  expect(problems(withS3(over))).toHaveLength(taken ? 0 : 1);
});

test.each([
  [{ kind: 'sse_kms' }, []],
  [
    { kind: 'sse_kms', kmsKeyId: '1234abcd-12ab-34cd-56ef-1234567890ab', bucketKeyEnabled: true },
    [],
  ],
  [{ kind: 'sse_kms', kmsKeyId: 'alias/logs' }, []],
  [{ kind: 'sse_kms', kmsKeyId: 'arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1' }, []],
  [
    { kind: 'sse_kms', kmsKeyId: 'arn:aws:kms:eu-west-1:123456789012:key/1' },
    ["s3.encryption.kmsKeyId: must be a key in the bucket's Region"],
  ],
  [{ kmsKeyId: 'alias/logs' }, ['s3.encryption.kmsKeyId: is for the kind sse_kms only']],
  [
    { kind: 'sse_s3', bucketKeyEnabled: true },
    ['s3.encryption.bucketKeyEnabled: is for the kind sse_kms only'],
  ],
])('the encryption %j has the problems %j', (encryption, found) => {
  expect(problems(withS3({ encryption }))).toEqual(found);
});

test('a key that S3 would refuse, or that two objects would share, is refused when it is saved', () => {
  expect(problems(withS3({ key: '{yyyy}/{batch}' }))).toEqual([]);
  expect(problems(withS3({ key: '{yyyy}/log' })).join()).toContain('s3.key: must have {chars}');
});

import { Destination } from './destination';

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

test.each(['Acme', 'a', 'a..b', 'bucket/', '-x-'])('the bucket name %j is refused', (bucket) => {
  expect(problems({ ...s3, s3: { bucket } })).toHaveLength(1);
});

test('a path must not climb out of the prefix', () => {
  expect(problems({ ...s3, s3: { bucket: 'acme-logs', path: 'a/../b' } }).join()).toContain('..');
});

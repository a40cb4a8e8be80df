import fc from 'fast-check';
import { CloudWatchDestination, Destination } from './destination';
import { logGroupPatterns } from './name-pattern';
import { logGroupName, logStreamName } from './naming';
import { KEY_VARIABLES } from './object-key';
import { TEMPLATE_VARIABLES } from './template';

test('whatever an attribute holds, the names are ones that CloudWatch takes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
      expect(logGroupName(text)).toMatch(/^(?!aws\/|AWS\/)[.\-_/#A-Za-z0-9]{1,512}$/);
      expect(logStreamName(text)).toMatch(/^[^:*]{1,512}$/u);
      expect(logStreamName(text).isWellFormed()).toBe(true);
    }),
  );
});

test('a valid name is left as it is', () => {
  expect(logGroupName('prod/env0-deployments')).toBe('prod/env0-deployments');
  expect(logStreamName('dep-42 (retry) é')).toBe('dep-42 (retry) é');
});

test('an attribute with .. in it leads out of nothing: the name is as it is, and what policies allow', () => {
  const rendered = 'prod/../dev/..';
  expect(logGroupName(rendered)).toBe(rendered);
  expect(logStreamName(rendered)).toBe(rendered);
  const destination = CloudWatchDestination.parse({
    ...base,
    type: 'cloudwatch',
    cloudwatch: { logGroup: 'prod/{attributes.app}', logStream: 'all' },
  });
  expect(logGroupPatterns('acme', destination, undefined)).toEqual(['prod/*']);
});

test.each([511, 512, 513])('a name of %d characters is cut to the 512 that AWS takes', (chars) => {
  const name = 'x'.repeat(chars);
  expect(logGroupName(name)).toBe(name.slice(0, 512));
  expect(logStreamName(name)).toBe(name.slice(0, 512));
  expect(logGroupName(`aws/${name}`)).toBe(`_aws/${name}`.slice(0, 512));
});

test.each(['aws/x', 'AWS/x', 'Aws/x'])(
  'the group %s is not one that AWS keeps for itself',
  (name) => {
    expect(logGroupName(name)).toBe(`_${name}`);
  },
);

test('a long name is never cut through a character', () => {
  for (const before of ['', 'x', 'xy']) {
    const name = logStreamName(before + '😀'.repeat(300));
    expect(name.isWellFormed()).toBe(true);
    expect(name.length).toBeGreaterThan(510);
    expect(name.length).toBeLessThanOrEqual(512);
  }
});

const credentials = { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' };
const base = { id: 'd', region: 'eu-central-1', credentials };

function problemsOf(destination: object): string {
  const { error } = Destination.safeParse({ ...base, ...destination });
  return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n') ?? '';
}

const names = { logGroup: 'g', logStream: 's' };
const inCloudWatch = (over: object) =>
  problemsOf({ type: 'cloudwatch', cloudwatch: { ...names, ...over } });
const inS3 = (over: object) => problemsOf({ type: 's3', s3: { bucket: 'acme-logs', ...over } });

const templateVariables = Object.keys(TEMPLATE_VARIABLES).join(', ');
const keyVariables = Object.keys(KEY_VARIABLES).join(', ');
const x = (count: number): string => 'x'.repeat(count);

test.each<[field: string, text: string, problem: string]>([
  ['logGroup', '/acme/{type}_logs-1.2#{attributes.team}', ''],
  ['logGroup', 'my group', 'may hold letters, digits and . - _ / #'],
  ['logGroup', 'größe', 'may hold letters, digits and . - _ / #'],
  ['logGroup', 'g:{type}', 'may hold letters, digits and . - _ / #'],
  ['logGroup', 'aws/logs', 'must not begin with aws/'],
  ['logGroup', 'AWS/{type}', 'must not begin with aws/'],
  ['logGroup', 'a/../b', 'no part of it between slashes may be . or ..'],
  ['logGroup', './{type}', 'no part of it between slashes may be . or ..'],
  ['logGroup', '{type}/..', 'no part of it between slashes may be . or ..'],
  ['logGroup', 'a..b/..{type}', ''],
  ['logGroup', x(511), ''],
  ['logGroup', x(512), ''],
  ['logGroup', x(513), 'Too big'],
  ['logGroup', '{deployment}', `{deployment} is not a variable; there are ${templateVariables}`],
  ['logGroup', '{attributes.}', '{attributes.} is not a variable'],
  ['logGroup', `{attributes.${x(64)}}`, ''],
  ['logGroup', `{attributes.${x(65)}}`, 'is not a variable'],
  ['logGroup', '{{type}}', 'a brace stands alone'],
  ['logStream', 'dep 42 (größe) {scope}', ''],
  ['logStream', 'a:b', 'may hold no colon, no star'],
  ['logStream', 'a*', 'may hold no colon, no star'],
  ['logStream', 'a\nb', 'may hold no colon, no star and no control character'],
  ['logStream', 'a\ud800', 'may hold no colon'],
  ['logStream', '../{type}', 'no part of it between slashes may be . or ..'],
  ['logStream', '{deployment}', `{deployment} is not a variable; there are ${templateVariables}`],
  ['logGroupPrefix', 'prod/', ''],
  ['logGroupPrefix', 'my group ', 'may hold letters, digits'],
  ['logGroupPrefix', 'aws/', 'must not begin with aws/'],
  ['logGroupPrefix', '../', 'no part of it between slashes may be . or ..'],
  ['logGroupPrefix', '{tenant}/', 'may hold letters, digits'],
  ['logGroupPrefix', x(511), ''],
  ['logGroupPrefix', x(512), 'has 513 characters without its variables; AWS takes 512'],
  ['path', 'exports/a', ''],
  ['path', 'a/../b', 'no part of it between slashes may be . or ..'],
  ['path', './a', 'no part of it between slashes may be . or ..'],
  ['path', 'a b', 'may hold letters, digits and'],
  ['path', x(401), 'Too big'],
  ['key', '{scope}/{batch}', ''],
  ['key', '../{batch}', 'no part of it may be empty, . or ..'],
  ['key', 'a/./{batch}', 'no part of it may be empty, . or ..'],
  ['key', 'a//{batch}', 'no part of it may be empty, . or ..'],
  ['key', '/{batch}', 'must not begin or end with a slash'],
  ['key', 'a b{batch}', 'may hold letters, digits and'],
  ['key', '{batch}{minute}', `{minute} is not a variable; there are ${keyVariables}`],
  ['key', `${'{scope}'.repeat(2)}{batch}`, 'could become'],
])('as %s, %j has the problem %j when it is saved', (field, text, problem) => {
  const over = { [field]: text };
  const found = field === 'path' || field === 'key' ? inS3(over) : inCloudWatch(over);
  if (problem === '') expect(found).toBe('');
  else expect(found).toContain(problem);
});

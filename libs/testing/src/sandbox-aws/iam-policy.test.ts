// Goal: policies mean what IAM says they mean. Method: a table of policy, question and verdict. Doubles: none.
import { evaluatePolicies, MalformedPolicy, parsePolicy } from './iam-policy';
import type { Verdict } from './iam-policy';

const GROUP = 'arn:aws:logs:eu-west-1:111111111111:log-group:app';
const STREAM = `${GROUP}:log-stream:one`;

interface Row {
  readonly says: string;
  readonly statements: object | object[];
  readonly action?: string;
  readonly resource?: string;
  readonly context?: Record<string, string[]>;
  readonly verdict: Verdict;
}

function ask({ statements, action = 'logs:PutLogEvents', resource = STREAM, context = {} }: Row) {
  const policy = parsePolicy({ Version: '2012-10-17', Statement: statements }, 'identity');
  const keys = Object.entries(context).map(([key, values]): [string, string[]] => [
    key.toLowerCase(),
    values,
  ]);
  return evaluatePolicies([policy], { action, resources: [resource], context: new Map(keys) });
}

const allow = { Effect: 'Allow', Action: '*', Resource: '*' };
const deny = { Effect: 'Deny', Action: '*', Resource: '*' };
const withCondition = (operator: string, key: string, value: unknown) => ({
  ...allow,
  Condition: { [operator]: { [key]: value } },
});

const ROWS: readonly Row[] = [
  { says: 'nothing said is denied', statements: [], verdict: 'implicit-deny' },
  { says: 'one allow is enough', statements: [allow], verdict: 'allow' },
  { says: 'a single statement needs no list', statements: allow, verdict: 'allow' },
  {
    says: 'a deny wins over an allow before it',
    statements: [allow, deny],
    verdict: 'explicit-deny',
  },
  {
    says: 'a deny wins over an allow behind it',
    statements: [deny, allow],
    verdict: 'explicit-deny',
  },
  {
    says: 'actions are compared without case',
    statements: { ...allow, Action: 'LOGS:putlogevents' },
    verdict: 'allow',
  },
  {
    says: 'a star ends an action',
    statements: { ...allow, Action: 'logs:Put*' },
    verdict: 'allow',
  },
  {
    says: 'a star stands inside an action',
    statements: { ...allow, Action: 'logs:*Log*s' },
    verdict: 'allow',
  },
  {
    says: 'a question mark is one character',
    statements: { ...allow, Action: 'logs:PutLogEvent?' },
    verdict: 'allow',
  },
  {
    says: 'a question mark is not none',
    statements: { ...allow, Action: 'logs:PutLogEvents?' },
    verdict: 'implicit-deny',
  },
  {
    says: 'another action is not meant',
    statements: { ...allow, Action: ['logs:CreateLogStream', 's3:*'] },
    verdict: 'implicit-deny',
  },
  {
    says: 'NotAction means every other action',
    statements: { Effect: 'Allow', NotAction: 's3:*', Resource: '*' },
    verdict: 'allow',
  },
  {
    says: 'NotAction leaves out what it names',
    statements: { Effect: 'Allow', NotAction: 'logs:*', Resource: '*' },
    verdict: 'implicit-deny',
  },
  {
    says: 'the group alone does not cover its streams',
    statements: { ...allow, Resource: GROUP },
    verdict: 'implicit-deny',
  },
  {
    says: 'the group with :* covers its streams',
    statements: { ...allow, Resource: `${GROUP}:*` },
    verdict: 'allow',
  },
  {
    says: 'the group with * covers its streams and its namesakes',
    statements: { ...allow, Resource: `${GROUP}*` },
    verdict: 'allow',
  },
  {
    says: 'another account is not meant',
    statements: { ...allow, Resource: `${GROUP}:*`.replace('1111', '2222') },
    verdict: 'implicit-deny',
  },
  {
    says: 'a star for Region and account',
    statements: { ...allow, Resource: 'arn:aws:logs:*:*:log-group:app:*' },
    verdict: 'allow',
  },
  {
    says: 'a star in one part does not reach into the next',
    statements: { ...allow, Resource: 'arn:aws:logs:eu*111111111111:log-group:app:*:*' },
    verdict: 'implicit-deny',
  },
  {
    says: 'resources are compared with case',
    statements: { ...allow, Resource: STREAM.toUpperCase() },
    verdict: 'implicit-deny',
  },
  {
    says: 'NotResource means every other resource',
    statements: { Effect: 'Allow', Action: '*', NotResource: 'arn:aws:s3:::*' },
    verdict: 'allow',
  },
  {
    says: 'NotResource leaves out what it names',
    statements: { Effect: 'Deny', Action: '*', NotResource: `${GROUP}:*` },
    verdict: 'implicit-deny',
  },
  {
    says: 'S3 keys match over slashes',
    statements: { ...allow, Resource: 'arn:aws:s3:::bucket/logs/*' },
    resource: 'arn:aws:s3:::bucket/logs/2026/11/a.log',
    verdict: 'allow',
  },
  {
    says: 'the bucket does not stand for its keys',
    statements: { ...allow, Resource: 'arn:aws:s3:::bucket' },
    resource: 'arn:aws:s3:::bucket/key',
    verdict: 'implicit-deny',
  },
  {
    says: 'keys do not stand for the bucket',
    statements: { ...allow, Resource: 'arn:aws:s3:::bucket/*' },
    resource: 'arn:aws:s3:::bucket',
    verdict: 'implicit-deny',
  },
  {
    says: 'StringEquals holds',
    statements: withCondition('StringEquals', 's3:prefix', 'a'),
    context: { 's3:prefix': ['a'] },
    verdict: 'allow',
  },
  {
    says: 'StringEquals fails',
    statements: withCondition('StringEquals', 's3:prefix', 'a'),
    context: { 's3:prefix': ['b'] },
    verdict: 'implicit-deny',
  },
  {
    says: 'StringEquals takes one of several',
    statements: withCondition('StringEquals', 's3:prefix', ['a', 'b']),
    context: { 's3:prefix': ['b'] },
    verdict: 'allow',
  },
  {
    says: 'StringEquals fails without the key',
    statements: withCondition('StringEquals', 's3:prefix', 'a'),
    verdict: 'implicit-deny',
  },
  {
    says: 'StringEquals knows no wildcards',
    statements: withCondition('StringEquals', 's3:prefix', 'a*'),
    context: { 's3:prefix': ['ab'] },
    verdict: 'implicit-deny',
  },
  {
    says: 'condition keys are compared without case',
    statements: withCondition('StringEquals', 'S3:Prefix', 'a'),
    context: { 's3:prefix': ['a'] },
    verdict: 'allow',
  },
  {
    says: 'StringLike knows wildcards',
    statements: withCondition('StringLike', 's3:prefix', 'a*c?'),
    context: { 's3:prefix': ['abbbcd'] },
    verdict: 'allow',
  },
  {
    says: 'StringLike fails',
    statements: withCondition('StringLike', 's3:prefix', 'a*c'),
    context: { 's3:prefix': ['abbbcd'] },
    verdict: 'implicit-deny',
  },
  {
    says: 'StringNotEquals holds',
    statements: withCondition('StringNotEquals', 's3:prefix', 'a'),
    context: { 's3:prefix': ['b'] },
    verdict: 'allow',
  },
  {
    says: 'StringNotEquals wants none of several',
    statements: withCondition('StringNotEquals', 's3:prefix', ['a', 'b']),
    context: { 's3:prefix': ['b'] },
    verdict: 'implicit-deny',
  },
  {
    says: 'StringNotEquals holds without the key',
    statements: withCondition('StringNotEquals', 's3:prefix', 'a'),
    verdict: 'allow',
  },
  {
    says: 'StringEqualsIgnoreCase',
    statements: withCondition('StringEqualsIgnoreCase', 's3:prefix', 'A'),
    context: { 's3:prefix': ['a'] },
    verdict: 'allow',
  },
  {
    says: 'IfExists holds without the key',
    statements: withCondition('StringEqualsIfExists', 's3:prefix', 'a'),
    verdict: 'allow',
  },
  {
    says: 'IfExists fails with another value',
    statements: withCondition('StringEqualsIfExists', 's3:prefix', 'a'),
    context: { 's3:prefix': ['b'] },
    verdict: 'implicit-deny',
  },
  {
    says: 'Null asks for a key to be missing',
    statements: withCondition('Null', 's3:prefix', 'true'),
    verdict: 'allow',
  },
  {
    says: 'Null asks for a key to be there',
    statements: withCondition('Null', 's3:prefix', false),
    verdict: 'implicit-deny',
  },
  {
    says: 'Bool',
    statements: withCondition('Bool', 'aws:SecureTransport', true),
    context: { 'aws:SecureTransport': ['true'] },
    verdict: 'allow',
  },
  {
    says: 'ArnLike matches part by part',
    statements: withCondition('ArnLike', 'aws:PrincipalArn', 'arn:aws:iam::*:role/*'),
    context: { 'aws:PrincipalArn': ['arn:aws:iam::111111111111:role/x'] },
    verdict: 'allow',
  },
  {
    says: 'ForAllValues wants all',
    statements: withCondition('ForAllValues:StringEquals', 'aws:TagKeys', ['a', 'b']),
    context: { 'aws:TagKeys': ['a', 'c'] },
    verdict: 'implicit-deny',
  },
  {
    says: 'ForAllValues holds of none',
    statements: withCondition('ForAllValues:StringEquals', 'aws:TagKeys', ['a']),
    verdict: 'allow',
  },
  {
    says: 'ForAnyValue wants one',
    statements: withCondition('ForAnyValue:StringEquals', 'aws:TagKeys', ['a', 'b']),
    context: { 'aws:TagKeys': ['a', 'c'] },
    verdict: 'allow',
  },
  {
    says: 'all keys of a condition must hold',
    statements: { ...allow, Condition: { StringEquals: { a: '1', b: '2' } } },
    context: { a: ['1'], b: ['3'] },
    verdict: 'implicit-deny',
  },
  {
    says: 'all operators must hold',
    statements: { ...allow, Condition: { StringEquals: { a: '1' }, StringLike: { b: '2*' } } },
    context: { a: ['1'], b: ['22'] },
    verdict: 'allow',
  },
  {
    says: 'a variable is filled in',
    statements: { ...allow, Resource: 'arn:aws:logs:*:*:log-group:${aws:PrincipalTag/team}:*' },
    context: { 'aws:PrincipalTag/team': ['app'] },
    verdict: 'allow',
  },
  {
    says: 'a star inside a variable’s value is a star',
    statements: { ...allow, Resource: 'arn:aws:logs:*:*:log-group:${aws:PrincipalTag/team}:*' },
    context: { 'aws:PrincipalTag/team': ['a*'] },
    verdict: 'implicit-deny',
  },
  {
    says: 'a variable without a value matches nothing',
    statements: { ...allow, Resource: 'arn:aws:logs:*:*:log-group:app${aws:PrincipalTag/team}:*' },
    verdict: 'implicit-deny',
  },
  {
    says: 'a variable may have a default',
    statements: {
      ...allow,
      Resource: "arn:aws:logs:*:*:log-group:${aws:PrincipalTag/team, 'app'}:*",
    },
    verdict: 'allow',
  },
];

describe('a policy', () => {
  test.each(ROWS)('$says', (row) => {
    expect(ask(row)).toBe(row.verdict);
  });

  test('of many statements is searched to the end for a deny', () => {
    const statements = [...Array<object>(500).fill(allow), { ...deny, Action: 'logs:Put*' }];
    expect(ask({ says: '', statements, verdict: 'explicit-deny' })).toBe('explicit-deny');
  });

  test('with many stars is decided in no time', () => {
    const before = process.cpuUsage();
    const verdict = ask({
      says: '',
      statements: { ...allow, Action: `logs:${'*a'.repeat(200)}` },
      action: `logs:${'a'.repeat(4_000)}b`,
      verdict: 'implicit-deny',
    });
    expect(verdict).toBe('implicit-deny');
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_000);
  });
});

describe('a document that IAM would not take is refused', () => {
  const trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: '*' } };

  test.each<[string, 'identity' | 'trust' | 'session', unknown]>([
    ['text that is no JSON', 'session', '{"Statement":'],
    ['no statement', 'session', { Version: '2012-10-17' }],
    ['an unknown version', 'session', { Version: '2026-01-01', Statement: [] }],
    ['an unknown effect', 'identity', { Statement: { ...allow, Effect: 'Maybe' } }],
    ['no action', 'identity', { Statement: { Effect: 'Allow', Resource: '*' } }],
    ['both Action and NotAction', 'identity', { Statement: { ...allow, NotAction: 's3:*' } }],
    ['no resource', 'identity', { Statement: { Effect: 'Allow', Action: '*' } }],
    ['a principal in a permission policy', 'identity', { Statement: { ...allow, Principal: '*' } }],
    ['a resource in a trust policy', 'trust', { Statement: { ...trust, Resource: '*' } }],
    ['no principal in a trust policy', 'trust', { Statement: { Effect: 'Allow', Action: '*' } }],
    ['an unknown member', 'identity', { Statement: { ...allow, Actions: '*' } }],
    [
      'an operator this sandbox does not know',
      'identity',
      { Statement: withCondition('DateGreaterThan', 'a', 'b') },
    ],
    [
      'an unknown quantifier',
      'identity',
      { Statement: withCondition('ForSome:StringEquals', 'a', 'b') },
    ],
  ])('%s', (_name, kind, document) => {
    expect(() => parsePolicy(document, kind)).toThrow(MalformedPolicy);
  });

  test('and a sound one is taken, as text too', () => {
    expect(parsePolicy(JSON.stringify({ Statement: trust }), 'trust').statements).toHaveLength(1);
  });
});

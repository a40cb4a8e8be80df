import { Destination, sessionKey } from '@logferry/core';
import { sessionPolicies } from './session-policy';

const credentials = { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' };
const base = { region: 'eu-central-1', credentials };
const cw = (cloudwatch: object = {}, over: object = {}): Destination =>
  Destination.parse({
    id: 'cw',
    type: 'cloudwatch',
    ...base,
    cloudwatch: { logGroup: 'of/{tenant}/{type}', logStream: 's', ...cloudwatch },
    ...over,
  });
const s3 = (own: object = {}, over: object = {}): Destination =>
  Destination.parse({
    id: 's3',
    type: 's3',
    ...base,
    s3: { bucket: 'acme-logs', ...own },
    ...over,
  });

const policy = (destination: Destination, stray?: string) =>
  JSON.parse(sessionPolicies('acme', destination, stray)[0] ?? '') as {
    Statement: { Action: string[]; Resource: string[]; Condition?: object }[];
  };
const resources = (destination: Destination, stray?: string): string[] =>
  policy(destination, stray).Statement.flatMap(({ Resource }) => Resource);

test('a session may write to the log groups of its destination, and do nothing else', () => {
  const group = 'arn:aws:logs:eu-central-1:123456789012:log-group:of/acme/*';
  expect(resources(cw())).toEqual([group, `${group}:*`]);
});

test('or to the objects of its destination, with whatever key the bucket encrypts with', () => {
  const { Statement } = policy(s3({ path: 'logs' }));
  expect(Statement.map(({ Resource }) => Resource)).toEqual([
    ['arn:aws:s3:::acme-logs/logs/*'],
    ['*'],
  ]);
  expect(Statement[1]).toMatchObject({
    Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
    Condition: { StringLike: { 'kms:ViaService': 's3.*' } },
  });
});

test('a filter does not narrow it: what was accepted before the filter was is still to be written', () => {
  expect(resources(cw({}, { filter: { types: ['audit'] } }))).toEqual(resources(cw()));
});

test('what strays is covered, and nothing beside it', () => {
  const group = 'arn:aws:logs:eu-central-1:123456789012:log-group:before';
  expect(resources(cw(), 'before')).toEqual([group, `${group}:*`]);
  expect(resources(s3({ path: 'logs' }), 'before/audit/')[0]).toBe(
    'arn:aws:s3:::acme-logs/before/audit/*',
  );
});

test('the longest names fit into what AWS takes, and there is a shorter form of them', () => {
  const long = 'g'.repeat(400);
  for (const destination of [
    cw({ logGroup: `${long}{type}`, tags: { a: 'b' }, retentionDays: 7 }),
    s3({ path: 'p'.repeat(400), key: `${'k'.repeat(400)}{type}/{batch}` }),
  ]) {
    const policies = sessionPolicies('acme', destination, undefined);
    for (const one of policies) expect(one.length).toBeLessThanOrEqual(2_048);
    expect(policies.at(-1)?.length).toBeLessThanOrEqual(1_024);
  }
});

test('there is a policy for whatever a destination may be called', () => {
  const bucket = 'b'.repeat(63);
  const kmsKeyIds = [
    `arn:aws:kms:eu-central-1:123456789012:alias/${'a'.repeat(250)}`,
    `arn:aws:kms:eu-central-1:123456789012:key/${'a'.repeat(256)}`,
  ];
  const objects = ['p', '*', 'pp*', 'p**p*'].flatMap((path) =>
    kmsKeyIds.map((kmsKeyId) =>
      s3({
        bucket,
        path: path.repeat(400 / path.length),
        objectBytesMax: 1024 ** 3,
        encryption: { kind: 'sse_kms', kmsKeyId },
      }),
    ),
  );
  const groups = ['{type}', 'aw{type}', '{type}-'].map((logGroup) =>
    cw(
      { logGroup: logGroup.padEnd(500, 'g'), retentionDays: 7, tags: { a: 'b' } },
      { region: `eusc-${'a'.repeat(16)}-${'b'.repeat(16)}-99` },
    ),
  );
  for (const destination of [...objects, ...groups]) {
    const policies = sessionPolicies('t'.repeat(64), destination, undefined);
    expect(policies.at(-1)?.length).toBeLessThanOrEqual(1_024);
    // A star of a name is one only whole: half of its variable would be another name.
    expect(policies.at(-1)).not.toMatch(/\$(?!\{\*\})/);
  }
});

/** Everything of a destination, changed one thing at a time. */
const changes: [string, Destination, Destination][] = [
  ['region', cw(), cw({}, { region: 'us-east-1' })],
  ['preset', cw(), cw({ logGroup: undefined, logStream: undefined }, { preset: 'env0' })],
  ['log group', cw(), cw({ logGroup: 'other' })],
  ['prefix', cw(), cw({ logGroupPrefix: 'p/' })],
  ['retention', cw(), cw({ retentionDays: 7 })],
  ['tags', cw(), cw({ tags: { a: 'b' } })],
  ['log class', cw(), cw({ logClass: 'INFREQUENT_ACCESS' })],
  ['bucket', s3(), s3({ bucket: 'other-logs' })],
  ['path', s3(), s3({ path: 'p' })],
  ['key', s3(), s3({ key: 'k/{batch}' })],
  ['KMS key', s3(), s3({ encryption: { kind: 'sse_kms', kmsKeyId: 'alias/a' } })],
  ['object size', s3(), s3({ objectBytesMax: 64 * 1024 * 1024 })],
  ['compression', s3(), s3({ compression: 'gzip' })],
];

test.each(changes)('a change of the %s that changes the policy changes the session', (_, a, b) => {
  const isSamePolicy =
    sessionPolicies('acme', a, undefined)[0] === sessionPolicies('acme', b, undefined)[0];
  const isSameKey = sessionKey(a) === sessionKey(b);
  expect({ isSamePolicy, isSameKey }).not.toEqual({ isSamePolicy: false, isSameKey: true });
});

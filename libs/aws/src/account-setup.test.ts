// The same set-up in the language of each tool: whatever somebody pastes, the account ends up with the same policies.
import { Destination } from '@logferry/core';
import { execFileSync } from 'node:child_process';
import { accountSetup, type AccountSetup, type Platform } from './account-setup';
import { quickCreateUrl, setupCloudFormation } from './setup-cloudformation';
import { setupCommands } from './setup-commands';
import { setupTerraform } from './setup-terraform';

const account = '123456789012';
const region = 'eu-central-1';
const platform: Platform = {
  issuerUrl: 'https://oidc.logs.example.com/a',
  principalArn: 'arn:aws:iam::999999999999:role/logferry-broker',
  hasSessionTags: false,
};
const roleArn = `arn:aws:iam::${account}:role/log/ferry/acme-logs`;
const webIdentity = { kind: 'web_identity', roleArn, sessionDurationSeconds: 7_200 };

const aDestination = (over: object): Destination =>
  Destination.parse({ id: 'logs', region, credentials: webIdentity, ...over });

const groups = (over: object = {}) =>
  aDestination({
    type: 'cloudwatch',
    preset: 'env0',
    cloudwatch: { retentionDays: 7, logGroupPrefix: 'prod/' },
    ...over,
  });

/** With all that a key may hold and a tool may stumble over. */
const objects = (over: object = {}) =>
  aDestination({
    type: 's3',
    s3: {
      bucket: 'acme-logs',
      path: "a*b'c",
      key: 'x*,=(1)!/{type}/{batch}',
      objectBytesMax: 64 * 1024 * 1024,
      encryption: { kind: 'sse_kms', kmsKeyId: 'alias/logs' },
    },
    filter: { types: ['audit', 'task'] },
    ...over,
  });

function setupFor(destination: Destination, over: Partial<Platform> = {}): AccountSetup {
  const setup = accountSetup('acme', destination, { ...platform, ...over });
  if ('problem' in setup) throw new Error(setup.problem);
  return setup;
}

/** As credentials of the other kinds are stored. */
function withCredentials(destination: Destination, credentials: object): Destination {
  return { ...destination, credentials } as unknown as Destination;
}

const assumeRole = {
  kind: 'assume_role',
  roleArn,
  sessionDurationSeconds: 900,
  externalId: 'minted-for-acme',
};

const logsKey = `arn:aws:kms:${region}:${account}:key/1234abcd`;
const stranger = '222222222222';
const strangersKey = `arn:aws:kms:${region}:${stranger}:key/1234abcd`;
const foreign = {
  bucket: 'their-logs',
  expectedBucketOwner: stranger,
  encryption: { kind: 'sse_kms', kmsKeyId: strangersKey },
};

const setups: [string, AccountSetup][] = [
  ['a role by token, for log groups', setupFor(groups())],
  ['a role by token, for objects', setupFor(objects())],
  ['a role by ExternalId', setupFor(withCredentials(objects(), assumeRole))],
  ['a user', setupFor(withCredentials(objects(), { kind: 'access_key' }))],
  ['log groups with a key', setupFor(groups({ cloudwatch: { kmsKeyId: logsKey } }))],
  [
    'a user, for log groups with a key',
    setupFor(
      withCredentials(groups({ cloudwatch: { kmsKeyId: logsKey } }), { kind: 'access_key' }),
    ),
  ],
  ['a bucket and a key of another account', setupFor(objects({ s3: foreign }))],
];

/** What an account has in the end. */
interface Made {
  trust?: unknown;
  permissions: unknown;
  provider?: { url: string; audience: string };
  role?: { name: string; path: string; maxSessionSeconds: number };
}

function wanted({ identity, permissions }: AccountSetup): Made {
  if (identity.kind === 'user') return { permissions };
  const { name, path, maxSessionSeconds, trust, trustPolicy } = identity;
  const url = 'https://oidc.logs.example.com/a';
  return {
    permissions,
    trust: trustPolicy,
    role: { name, path, maxSessionSeconds },
    ...(trust.kind === 'web_identity' ? { provider: { url, audience: 'sts.amazonaws.com' } } : {}),
  };
}

describe.each(setups)('%s', (_, setup) => {
  test('says in every language what to add to the policies of keys and buckets, ready to paste', () => {
    const statements = setup.resourcePolicies.map(({ statement }) => statement);
    const { Outputs = {} } = JSON.parse(setupCloudFormation(setup)) as {
      Outputs?: Record<string, { Description: string; Value: string }>;
    };
    expect(Object.values(Outputs).map(({ Value }) => JSON.parse(Value) as object)).toEqual(
      statements,
    );
    for (const text of [setupTerraform(setup), setupCommands(setup)]) {
      const notes = text.split(/^# To be added to the policy of the .*:$/m).slice(1);
      const pasted = notes.map((note) => JSON.parse(note.replaceAll(/^# */gm, '')) as object);
      expect(pasted).toEqual(statements);
    }
    const notes = Object.values(Outputs).map(({ Description }) => Description);
    for (const { resource } of setup.resourcePolicies)
      for (const text of [notes.join(), setupTerraform(setup), setupCommands(setup)])
        expect(text).toContain(`${resource.includes(':kms:') ? 'KMS key' : 'bucket'} ${resource}`);
  });

  test('comes out of the CLI commands, through a real shell, as it is meant', () => {
    expect(runCommands(setupCommands(setup))).toEqual(wanted(setup));
  });

  test('comes out of the CloudFormation template as it is meant', () => {
    const made = evaluate(setupCloudFormation(setup), {});
    expect(made).toEqual(withoutNames(wanted(setup)));
  });

  test('comes out of the bare template and the link as it is meant', () => {
    const url = quickCreateUrl(setup, 'https://s3.example.com/logferry-{kind}.json');
    const query = new URLSearchParams(url.split('?').at(-1));
    const parameters = Object.fromEntries(
      [...query]
        .filter(([name]) => name.startsWith('param_'))
        .map(([name, text]) => [name.slice('param_'.length), text]),
    );
    const made = evaluate(setupCloudFormation(setup, { isFilledIn: false }), parameters);
    expect(made).toEqual(withoutNames(wanted(setup)));
    expect(query.get('templateURL')).not.toContain('{');
  });

  test('comes out of the Terraform text as it is meant', () => {
    const text = setupTerraform(setup);
    const [first, second] = [...text.matchAll(/jsonencode\((\{[^]*?\n {2}\})\)/g)].map(
      ([, body = '']) => readExpression(body),
    );
    const { trust, permissions } = wanted(setup);
    expect(second === undefined ? [first] : [first, second]).toEqual(
      trust === undefined ? [permissions] : [trust, permissions],
    );
  });
});

/** Commas separate the lists of a link, and stand in it as a wildcard for one character. */
function withoutNames({ trust, permissions }: Made): Made {
  const text = JSON.stringify(permissions)
    .replaceAll('x${*},=', 'x${*}?=')
    .replace(/"Sid":"Write\w+"/, '"Sid":"Write"');
  return { permissions: JSON.parse(text), ...(trust === undefined ? {} : { trust }) };
}

function runCommands(script: string): Made {
  const aws = `aws() { node -e 'console.log(JSON.stringify(process.argv.slice(1)))' -- "$@"; }`;
  const output = execFileSync('sh', ['-c', `${aws}\n${script}`], {
    encoding: 'utf8',
    env: { PATH: `${process.cwd()}/node_modules/.bin:${process.env.PATH ?? ''}` },
  });
  const made: Partial<Made> = {};
  for (const line of output.trim().split('\n')) {
    const [service, command, ...rest] = JSON.parse(line) as string[];
    expect(service).toBe('iam');
    const options = Object.fromEntries(
      rest.flatMap((word, i) => (i % 2 === 0 ? [[word.slice(2), rest[i + 1] ?? '']] : [])),
    );
    const parsed = (name: string): unknown => JSON.parse(options[name] ?? '');
    if (command === 'create-open-id-connect-provider')
      made.provider = { url: options.url ?? '', audience: options['client-id-list'] ?? '' };
    if (command === 'create-role') {
      made.trust = parsed('assume-role-policy-document');
      made.role = {
        name: options['role-name'] ?? '',
        path: options.path ?? '',
        maxSessionSeconds: Number(options['max-session-duration']),
      };
    }
    if (/^put-(role|user)-policy$/.test(command ?? ''))
      made.permissions = parsed('policy-document');
  }
  return made as Made;
}

interface Template {
  Parameters: Record<string, { Type: string; Default?: string }>;
  Conditions: Record<string, unknown>;
  Resources: Record<
    string,
    { Type: string; Condition?: string; Properties: Record<string, unknown> }
  >;
}

/** As much of CloudFormation as the templates use. */
function evaluate(text: string, given: Record<string, string>): Made {
  const { Parameters, Conditions, Resources } = JSON.parse(text) as Template;
  const nothing = Symbol('AWS::NoValue');
  const value = (name: string): unknown => {
    if (name === 'AWS::NoValue') return nothing;
    const { Type, Default } = Parameters[name] ?? { Type: 'missing' };
    const said = given[name] ?? Default;
    if (said === undefined) throw new Error(`${name} has no value`);
    return Type === 'CommaDelimitedList' ? said.split(',') : said;
  };
  const resolve = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(resolve).filter((item) => item !== nothing);
    if (typeof node !== 'object' || node === null) return node;
    const [[name, argument] = ['', undefined], ...others] = Object.entries(node);
    if (others.length === 0) {
      if (name === 'Ref') return value(argument as string);
      if (name === 'Fn::Sub')
        return (argument as string)
          .replaceAll('${AWS::Partition}', 'aws')
          .replaceAll('${AWS::AccountId}', account);
      if (name === 'Fn::Not') return resolve((argument as unknown[])[0]) !== true;
      if (name === 'Fn::Equals') {
        const [left, right] = resolve(argument) as unknown[];
        return left === right;
      }
      if (name === 'Fn::If') {
        const [condition, yes, no] = argument as [string, unknown, unknown];
        return resolve(resolve(Conditions[condition]) === true ? yes : no);
      }
    }
    return Object.fromEntries(
      Object.entries(node)
        .map(([key, item]) => [key, resolve(item)] as const)
        .filter(([, item]) => item !== nothing),
    );
  };
  const properties = (type: string): Record<string, unknown> | undefined => {
    const found = Object.values(Resources).find(({ Type }) => Type === `AWS::IAM::${type}`);
    return found && (resolve(found.Properties) as Record<string, unknown>);
  };
  const trust = properties('Role')?.AssumeRolePolicyDocument;
  const users = properties('User')?.Policies as { PolicyDocument: unknown }[] | undefined;
  const permissions = users?.[0]?.PolicyDocument ?? properties('RolePolicy')?.PolicyDocument;
  const unkeyed = (permissions as { Statement: { Resource: unknown }[] }).Statement.map((one) => ({
    ...one,
    Resource: [one.Resource].flat(),
  }));
  return {
    permissions: { ...(permissions as object), Statement: unkeyed },
    ...(trust === undefined ? {} : { trust }),
  };
}

/** HCL's objects and lists are JSON's with other marks between; of strings, only what would begin a template differs. */
function readExpression(text: string): unknown {
  const json = text
    .replaceAll(/([$%])\1\{/g, '$1{')
    .replace(/^(\s*"(?:[^"\\]|\\.)*") = /gm, '$1: ')
    .replace(/([}\]"])\n(?=\s*")/g, '$1,\n')
    .replace(/,(?=\n\s*[\]}])/g, '')
    .replace(/,,/g, ',');
  return JSON.parse(json);
}

test('no text in a key can begin a template of Terraform', () => {
  const text = setupTerraform(setupFor(objects()));
  expect(text).toContain('a$${*}b');
  expect(text.replaceAll('$${', '')).not.toContain('${');
});

test('with session tags, the role lets us tag sessions, and without them it does not', () => {
  const actions = (hasSessionTags: boolean) => {
    const { identity } = setupFor(groups(), { hasSessionTags });
    return identity.kind === 'role' && identity.trustPolicy.Statement[0]?.Action;
  };
  expect(actions(true)).toEqual(['sts:AssumeRoleWithWebIdentity', 'sts:TagSession']);
  expect(actions(false)).toBe('sts:AssumeRoleWithWebIdentity');
});

test('a role never has a shorter maximum than IAM takes, nor than its sessions are', () => {
  const seconds = (sessionDurationSeconds: number) => {
    const credentials = { ...webIdentity, sessionDurationSeconds };
    const { identity } = setupFor(groups({ credentials }));
    return identity.kind === 'role' && identity.maxSessionSeconds;
  };
  expect([900, 3_600, 3_601, 43_200].map(seconds)).toEqual([3_600, 3_600, 3_601, 43_200]);
});

test.each([
  ['aws-cn', 'cn-north-1', 'console.amazonaws.cn', 'amazonaws.com.cn'],
  ['aws-us-gov', 'us-gov-west-1', 'console.amazonaws-us-gov.com', 'amazonaws.com'],
])(
  'in %s, trust, permissions and the link are of that partition',
  (partition, region, console, services) => {
    const credentials = {
      ...webIdentity,
      roleArn: `arn:${partition}:iam::${account}:role/logferry`,
    };
    const kmsKeyId = `arn:${partition}:kms:${region}:${account}:key/1234abcd`;
    const setup = setupFor(groups({ region, credentials, cloudwatch: { kmsKeyId } }));
    expect(JSON.stringify(setup)).not.toContain('arn:aws:');
    const { identity, resourcePolicies } = setup;
    expect(identity.kind === 'role' && identity.trustPolicy.Statement[0]?.Principal).toEqual({
      Federated: `arn:${partition}:iam::${account}:oidc-provider/oidc.logs.example.com/a`,
    });
    expect(resourcePolicies[0]?.statement.Principal).toEqual({
      Service: `logs.${region}.${services}`,
    });
    const url = quickCreateUrl(setup, 'https://s3.example.com/t');
    expect(
      url.startsWith(`https://${region}.${console}/cloudformation/home?region=${region}#/`),
    ).toBe(true);
  },
);

test('the key of log groups is used by CloudWatch Logs, and its own policy has to say so', () => {
  const kmsKeyId = logsKey;
  const { resourcePolicies, permissions } = setupFor(
    groups({ cloudwatch: { kmsKeyId }, filter: { types: ['audit'] } }),
  );
  expect(JSON.stringify(permissions)).not.toContain('kms');
  expect(resourcePolicies).toMatchObject([
    {
      on: 'kms_key',
      resource: kmsKeyId,
      statement: {
        Principal: { Service: `logs.${region}.amazonaws.com` },
        Condition: {
          ArnLike: {
            'kms:EncryptionContext:aws:logs:arn': [
              `arn:aws:logs:${region}:${account}:log-group:env0-audits`,
            ],
          },
        },
      },
    },
  ]);
});

test("the key of a user's log groups is used by CloudWatch Logs too, in whichever account that is", () => {
  const destination = groups({ cloudwatch: { kmsKeyId: logsKey }, filter: { types: ['audit'] } });
  const groupArns = (credentials: object) =>
    setupFor(
      withCredentials(destination, { kind: 'access_key', ...credentials }),
    ).resourcePolicies.map(
      ({ statement }) => statement.Condition?.ArnLike?.['kms:EncryptionContext:aws:logs:arn'],
    );
  const arn = (of: string) => `arn:aws:logs:${region}:${of}:log-group:env0-audits`;
  expect(groupArns({})).toEqual([[arn('*')]]);
  expect(groupArns({ account })).toEqual([[arn(account)]]);
});

test.each([
  ['the role', webIdentity, roleArn],
  ['the user', { kind: 'access_key', account }, `arn:aws:iam::${account}:user/logferry-acme`],
])('a bucket and a key of other accounts have to let %s in', (_, credentials, principalArn) => {
  const { resourcePolicies } = setupFor(withCredentials(objects({ s3: foreign }), credentials));
  expect(
    resourcePolicies.map(({ on, resource, statement }) => [on, resource, statement.Principal]),
  ).toEqual([
    ['kms_key', strangersKey, { AWS: principalArn }],
    ['bucket', 'their-logs', { AWS: principalArn }],
  ]);
});

test('nobody is named to others as the user of an account that nobody knows', () => {
  const destination = withCredentials(objects({ s3: foreign }), { kind: 'access_key' });
  expect(setupFor(destination).resourcePolicies).toEqual([]);
});

test('without an identity of the platform, nobody is told to trust it', () => {
  const destination = withCredentials(groups(), assumeRole);
  expect(accountSetup('acme', destination, { ...platform, principalArn: undefined })).toEqual({
    problem:
      'the platform has not said which AWS identity of its own assumes roles (LOGFERRY_CONSOLE_PLATFORM_PRINCIPAL_ARN)',
  });
});

// One row for each variable that a platform documents, and each slip in its pages that a variable depends on.
import fc from 'fast-check';
import {
  deriveDestinations,
  effectiveVariables,
  isDerivedId,
  type TenantVariables,
} from './scope-variables';
import { scopesAbove } from './scope';
import { SECRET_VARIABLE, variableSetNames, variableSets } from './variable-set';

type Variables = Record<string, string>;

const role = 'arn:aws:iam::123456789012:role/logs';
const env0: Variables = {
  ENV0_CLOUDWATCH_ROLE_ARN: role,
  ENV0_CLOUDWATCH_AWS_REGION: 'eu-central-1',
};
const env0S3: Variables = {
  ENV0_S3_LOG_ROLE_ARN: role,
  ENV0_S3_LOG_BUCKET_NAME: 'acme-logs',
  ENV0_S3_LOG_AWS_REGION: 'eu-central-1',
};
const astro: Variables = {
  ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED: 'True',
  ASTRO_CLOUDWATCH_ROLE_ARN: role,
  ASTRO_CLOUDWATCH_AWS_REGION: 'eu-central-1',
};
const auth0: Variables = {
  CLOUDWATCH_LOG_GROUP_NAME: 'auth0',
  CLOUDWATCH_LOG_STREAM_NAME: 'tenant-logs',
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_REGION: 'us-west-2',
};

const at = (scopes: Record<string, Variables>, region?: string): TenantVariables =>
  Object.fromEntries(
    Object.entries(scopes).map(([scope, variables]) => [
      scope,
      { variables, ...(region === undefined ? {} : { region }) },
    ]),
  );

const derive = (all: TenantVariables, hasSecret = true) => deriveDestinations(all, () => hasSecret);

/** The one destination that variables at a scope make, and their problems as text. */
function made(variables: Variables, region?: string) {
  const { destinations, problems } = derive(at({ 'project/web': variables }, region));
  return {
    entered: destinations[0]?.entered,
    problems: problems.map(
      ({ kind, scope, name, message }) => `${kind} ${scope} ${name} ${message}`,
    ),
  };
}

const without = (variables: Variables, name: string): Variables =>
  Object.fromEntries(Object.entries(variables).filter(([other]) => other !== name));

const webIdentity = { kind: 'web_identity', roleArn: role, sessionDurationSeconds: 3600 };

test.each<[string, Variables, object]>([
  [
    'env0 CloudWatch: deployment logs only',
    env0,
    {
      type: 'cloudwatch',
      preset: 'env0',
      enabled: true,
      region: 'eu-central-1',
      credentials: webIdentity,
      filter: { types: ['deployment'] },
      override: { scope: 'project/web' },
      cloudwatch: { logGroupPrefix: '' },
    },
  ],
  [
    'the seconds of a session',
    { ...env0, ENV0_CLOUDWATCH_SESSION_DURATION: '900' },
    { credentials: { ...webIdentity, sessionDurationSeconds: 900 } },
  ],
  [
    'the prefix, as it is given',
    { ...env0, ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: 'prod/' },
    { cloudwatch: { logGroupPrefix: 'prod/' } },
  ],
  [
    'env zero S3: deployment logs only, in its documented key',
    env0S3,
    {
      type: 's3',
      preset: 'env0',
      region: 'eu-central-1',
      credentials: webIdentity,
      filter: { types: ['deployment'] },
      s3: { bucket: 'acme-logs', path: '' },
    },
  ],
  [
    'path and seconds in S3',
    { ...env0S3, ENV0_S3_LOG_BUCKET_PATH: '/a/b/', ENV0_S3_LOG_SESSION_DURATION: '43200' },
    { s3: { path: '/a/b/' }, credentials: { ...webIdentity, sessionDurationSeconds: 43_200 } },
  ],
  [
    'Astro: task logs only',
    astro,
    {
      type: 'cloudwatch',
      preset: 'astro',
      enabled: true,
      region: 'eu-central-1',
      credentials: webIdentity,
      filter: { types: ['task'] },
    },
  ],
  [
    'Astro switched off',
    { ...astro, ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED: 'False' },
    { enabled: false },
  ],
  [
    'Astro switched on in another spelling',
    { ...astro, ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED: 'true' },
    { enabled: true },
  ],
  [
    "Astro's group and stream",
    {
      ...astro,
      ASTRO_CLOUDWATCH_TASK_LOGS_LOG_GROUP: 'airflow',
      ASTRO_CLOUDWATCH_TASK_LOGS_LOG_STREAM: 'tasks',
    },
    { cloudwatch: { logGroup: 'airflow', logStream: 'tasks' } },
  ],
  [
    "the stream by its older name, which is no group's",
    { ...astro, ASTRO_CLOUDWATCH_TASK_LOGS_GROUP_STREAM: 'tasks' },
    { cloudwatch: { logStream: 'tasks' } },
  ],
  [
    'Auth0: its own log, by an access key',
    auth0,
    {
      type: 'cloudwatch',
      preset: 'auth0',
      region: 'us-west-2',
      credentials: { kind: 'access_key', accessKeyId: 'AKIAIOSFODNN7EXAMPLE' },
      filter: { types: ['tenant'] },
      cloudwatch: { logGroup: 'auth0', logStream: 'tenant-logs' },
    },
  ],
])('%s', (_, variables, destination) => {
  const { entered, problems } = made(variables);
  expect(problems).toEqual([]);
  expect(entered).toMatchObject(destination);
});

test("Astro's Region is that of the Deployment unless another is set", () => {
  const rest = without(astro, 'ASTRO_CLOUDWATCH_AWS_REGION');
  expect(made(rest, 'eu-west-1').entered).toMatchObject({ region: 'eu-west-1' });
  expect(made(astro, 'eu-west-1').entered).toMatchObject({ region: 'eu-central-1' });
  expect(made(rest).problems).toEqual([
    'missing project/web ASTRO_CLOUDWATCH_AWS_REGION is missing: the Region of this scope is not known',
  ]);
  // Only there: env0 documents that its Regions must be set.
  const unnamed = without(env0, 'ENV0_CLOUDWATCH_AWS_REGION');
  expect(made(unnamed, 'eu-west-1').problems.join()).toContain(
    'missing project/web ENV0_CLOUDWATCH',
  );
});

test('where both names of the stream are set, the current one wins, and the other is said to have no effect', () => {
  const { entered, problems } = made({
    ...astro,
    ASTRO_CLOUDWATCH_TASK_LOGS_LOG_STREAM: 'current',
    ASTRO_CLOUDWATCH_TASK_LOGS_GROUP_STREAM: 'older',
  });
  expect(entered).toMatchObject({ cloudwatch: { logStream: 'current' } });
  expect(problems).toEqual([
    'ignored project/web ASTRO_CLOUDWATCH_TASK_LOGS_GROUP_STREAM is another name of ASTRO_CLOUDWATCH_TASK_LOGS_LOG_STREAM, which wins',
  ]);
});

const required = [
  [env0, 'ENV0_CLOUDWATCH_ROLE_ARN'],
  [env0, 'ENV0_CLOUDWATCH_AWS_REGION'],
  [env0S3, 'ENV0_S3_LOG_ROLE_ARN'],
  [env0S3, 'ENV0_S3_LOG_BUCKET_NAME'],
  [env0S3, 'ENV0_S3_LOG_AWS_REGION'],
  [astro, 'ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED'],
  [astro, 'ASTRO_CLOUDWATCH_ROLE_ARN'],
  [auth0, 'CLOUDWATCH_LOG_GROUP_NAME'],
  [auth0, 'CLOUDWATCH_LOG_STREAM_NAME'],
  [auth0, 'AWS_ACCESS_KEY_ID'],
  [auth0, 'AWS_REGION'],
] as const;

test.each(required)('of %j, %s is required', (variables, name) => {
  const { entered, problems } = made(without(variables, name));
  expect(entered).toBeUndefined();
  expect(problems).toEqual([
    `missing project/web ${name} is missing: it is set neither here nor at a scope above`,
  ]);
});

test('there is one variable that is a secret, and one of the same set that says whose it is', () => {
  const secrets = variableSetNames.flatMap((set) => {
    const all = Object.entries(variableSets[set].variables);
    const keyId = all.find(([, { field }]) => field === 'credentials.accessKeyId')?.[0];
    return all.flatMap(([name, { isSecret }]) => (isSecret === true ? [{ name, keyId }] : []));
  });
  expect(secrets).toEqual([SECRET_VARIABLE]);
});

test('Auth0 needs its secret, which is sealed for one scope and no other', () => {
  const all = at({ '': auth0, below: { CLOUDWATCH_LOG_STREAM_NAME: 'other' } });
  const { destinations, problems } = deriveDestinations(all, ({ scope }) => scope === '');
  expect(destinations.map(({ scope }) => scope)).toEqual(['']);
  expect(problems).toMatchObject([{ kind: 'missing', scope: 'below', name: 'AWS_SECRET_KEY' }]);
});

test.each<[Variables, string, string, RegExp]>([
  [env0, 'ENV0_CLOUDWATCH_ROLE_ARN', 'logs', /must be a role ARN/],
  [env0, 'ENV0_CLOUDWATCH_AWS_REGION', 'Frankfurt', /name of an AWS Region/],
  [env0, 'ENV0_CLOUDWATCH_SESSION_DURATION', '1h', /whole number of seconds/],
  [env0, 'ENV0_CLOUDWATCH_SESSION_DURATION', '899', /900/],
  [env0, 'ENV0_CLOUDWATCH_SESSION_DURATION', '43201', /43200/],
  [env0, 'ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX', 'my group', /may hold letters/],
  [env0S3, 'ENV0_S3_LOG_ROLE_ARN', 'arn:aws:iam::1:role/x', /must be a role ARN/],
  [env0S3, 'ENV0_S3_LOG_AWS_REGION', 'Frankfurt', /name of an AWS Region/],
  [env0S3, 'ENV0_S3_LOG_BUCKET_NAME', 'Acme', /name of an S3 bucket/],
  [env0S3, 'ENV0_S3_LOG_BUCKET_PATH', '../up', /may be \. or \.\./],
  [env0S3, 'ENV0_S3_LOG_SESSION_DURATION', '', /whole number of seconds/],
  [astro, 'ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED', 'yes', /True or False/],
  [astro, 'ASTRO_CLOUDWATCH_ROLE_ARN', 'arn:aws:iam::123456789012:user/x', /must be a role ARN/],
  [astro, 'ASTRO_CLOUDWATCH_AWS_REGION', 'us-east', /name of an AWS Region/],
  [astro, 'ASTRO_CLOUDWATCH_TASK_LOGS_LOG_GROUP', 'a:b', /may hold letters/],
  [astro, 'ASTRO_CLOUDWATCH_TASK_LOGS_LOG_STREAM', 'a:b', /may hold no colon/],
  [astro, 'ASTRO_CLOUDWATCH_TASK_LOGS_GROUP_STREAM', 'a:b', /may hold no colon/],
  [auth0, 'CLOUDWATCH_LOG_GROUP_NAME', 'aws/x', /must not begin with aws/],
  [auth0, 'CLOUDWATCH_LOG_STREAM_NAME', 'a*b', /may hold no colon, no star/],
  [auth0, 'AWS_ACCESS_KEY_ID', 'x', /access key's id/],
  [auth0, 'AWS_SECRET_KEY', 'in the clear', /is a secret/],
  [auth0, 'AWS_REGION', '', /name of an AWS Region/],
  // An IAM user's keys were never settings of Astro's, whatever its page says: there is a role only.
  [astro, 'ASTRO_CLOUDWATCH_ACCESS_KEY_ID', 'x', /there are ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED/],
  [env0, 'ENV0_CLOUDWATCH_REGION', 'x', /there are .*ENV0_CLOUDWATCH_AWS_REGION/],
  [auth0, 'SLACK_INCOMING_WEBHOOK', 'x', /of the source that pulls/],
  [auth0, 'BATCH_SIZE', '100', /of the source that pulls/],
  [env0, 'FOO', 'x', /there are ENV0_CLOUDWATCH_ROLE_ARN, .*AWS_REGION/],
])('beside %j, %s=%j is named with what is wrong', (variables, name, value, message) => {
  const { problems } = made({ ...variables, [name]: value });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(new RegExp(`^(invalid|unknown) project/web ${name} `));
  expect(problems[0]).toMatch(message);
});

test('all that is wrong is told at once, and what is wrong at a scope is told once however many are below it', () => {
  const wrong = { ENV0_CLOUDWATCH_ROLE_ARN: 'x', ENV0_CLOUDWATCH_SESSION_DURATION: 'x', FOO: 'x' };
  const below = { ENV0_CLOUDWATCH_AWS_REGION: 'eu-west-1' };
  const { destinations, problems } = derive(at({ a: wrong, 'a/b': below, 'a/c': below }));
  expect(destinations).toEqual([]);
  const invalid = problems.filter(({ kind }) => kind !== 'missing');
  expect(invalid.map(({ scope, name }) => `${scope} ${name}`).sort()).toEqual([
    'a ENV0_CLOUDWATCH_ROLE_ARN',
    'a ENV0_CLOUDWATCH_SESSION_DURATION',
    'a FOO',
  ]);
});

test('the nearest scope wins, variable by variable', () => {
  const all = at({
    '': { ...env0, ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: 'all/' },
    'project/web': { ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: 'web/' },
    'project/web/environment/prod': { ENV0_CLOUDWATCH_AWS_REGION: 'us-east-1' },
  });
  const { destinations, problems } = derive(all);
  expect(problems).toEqual([]);
  expect(
    destinations.map(({ scope, entered }) => [
      scope,
      entered.region,
      entered.type === 'cloudwatch' && entered.cloudwatch.logGroupPrefix,
    ]),
  ).toEqual([
    ['', 'eu-central-1', 'all/'],
    ['project/web', 'eu-central-1', 'web/'],
    ['project/web/environment/prod', 'us-east-1', 'web/'],
  ]);
  expect(new Set(destinations.map(({ id }) => id)).size).toBe(3);
  expect(destinations.every(({ id }) => isDerivedId(id))).toBe(true);
});

test('the older name of the stream at a near scope is nearer than the current one farther away', () => {
  const { destinations } = derive(
    at({
      '': { ...astro, ASTRO_CLOUDWATCH_TASK_LOGS_LOG_STREAM: 'far' },
      near: { ASTRO_CLOUDWATCH_TASK_LOGS_GROUP_STREAM: 'near' },
    }),
  );
  expect(destinations.map(({ entered }) => entered)).toMatchObject([
    { cloudwatch: { logStream: 'far' } },
    { cloudwatch: { logStream: 'near' } },
  ]);
});

test('a Deployment that is switched off is off, and needs nothing else', () => {
  const off = { ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED: 'False' };
  const { destinations, problems } = derive(at({ '': astro, 'deployment/1': off, alone: off }));
  expect(problems).toEqual([]);
  expect(destinations.map(({ scope, entered }) => [scope, entered.enabled])).toEqual([
    ['', true],
    ['deployment/1', false],
    ['alone', false],
  ]);
  expect(derive(at({ alone: off }))).toEqual({ destinations: [], problems: [] });
});

const scopes = fc.constantFrom('', 'a', 'a/b', 'a/b/c', 'd');
const values = fc.dictionary(fc.constantFrom(...Object.keys(env0)), fc.constantFrom('x', 'y', 'z'));

test('whatever is set where, a value comes from the nearest scope that sets it', () => {
  fc.assert(
    fc.property(fc.dictionary(scopes, values), scopes, (set, scope) => {
      const effective = effectiveVariables(at(set), scope);
      for (const name of Object.keys(env0)) {
        const origin = [...scopesAbove(scope)].find((above) => set[above]?.[name] !== undefined);
        const expected = origin === undefined ? undefined : { value: set[origin]?.[name], origin };
        expect(effective.get(name)).toEqual(expected);
      }
    }),
  );
});

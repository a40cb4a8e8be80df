// The test of a connection against an AWS that evaluates policies: with exactly what is printed pasted in it is green and what it
// wrote is there; with one thing missing it says which.
import { accountSetup, sharedTransport, WebIdentitySts, type AccountSetup } from '@logferry/aws';
import { Destination, Failure, subjectOf, type FailureCode } from '@logferry/core';
import {
  creationMemory,
  startOidcIssuer,
  startSandboxAws,
  type FaultSpec,
  type OidcIssuer,
  type SandboxAws,
} from '@logferry/testing';
import type { Step, StepName } from './connection-step';
import { ConnectionTest, type ConnectionTestParts } from './connection-test';

const account = '123456789012';
const stranger = '222222222222';
const region = 'eu-central-1';
const roleArn = `arn:aws:iam::${account}:role/logferry`;
const keyArn = `arn:aws:kms:${region}:${account}:key/1234abcd`;
const transport = sharedTransport({ requestTimeoutMs: 5_000 });

let aws: SandboxAws;
let issuer: OidcIssuer;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

beforeAll(async () => {
  [aws, issuer] = await Promise.all([startSandboxAws({ port: 0 }), startOidcIssuer()]);
  process.env.AWS_ENDPOINT_URL = aws.url;
});

beforeEach(() => aws.reset());

afterAll(async () => {
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
  await Promise.all([aws.stop(), issuer.stop()]);
});

const aDestination = (over: object): Destination =>
  Destination.parse({
    id: 'logs',
    region,
    preset: 'env0',
    credentials: { kind: 'web_identity', roleArn },
    ...over,
  });
const logs = (over: object = {}) =>
  aDestination({
    type: 'cloudwatch',
    cloudwatch: { logGroupPrefix: 'prod/', retentionDays: 7, tags: { team: 'logs' } },
    ...over,
  });
const objects = (s3: object = {}, over: object = {}) =>
  aDestination({
    type: 's3',
    s3: {
      bucket: 'acme-logs',
      path: 'logs',
      compression: 'gzip',
      objectBytesMax: 64 * 1024 * 1024,
      encryption: { kind: 'sse_kms', kmsKeyId: keyArn },
      storageClass: 'STANDARD_IA',
      ...s3,
    },
    ...over,
  });

function setupOf(destination: Destination): AccountSetup {
  const platform = { issuerUrl: issuer.url, principalArn: undefined, hasSessionTags: false };
  const setup = accountSetup('acme', destination, platform);
  if ('problem' in setup) throw new Error(setup.problem);
  return setup;
}

interface Pasted {
  trustPolicy?: unknown;
  permissions?: unknown;
  bucket?: { region?: string; account?: string } | null;
  maxSessionDurationSeconds?: number;
}

/** An account with what is printed for a destination, but for what a test says. */
function paste(destination: Destination, over: Pasted = {}): void {
  const { identity, permissions } = setupOf(destination);
  if (identity.kind !== 'role') throw new Error('a role is printed');
  const bucket = { name: 'acme-logs', region, account, ...over.bucket };
  aws.seed({
    accounts: [account, stranger],
    oidcProviders: [{ account, url: issuer.url }],
    buckets: over.bucket === null ? [] : [bucket],
    kmsKeys: [keyArn],
    roles: [
      {
        arn: roleArn,
        trustPolicy: over.trustPolicy ?? identity.trustPolicy,
        policies: [over.permissions ?? permissions],
        maxSessionDurationSeconds: over.maxSessionDurationSeconds ?? 3_600,
      },
    ],
  });
}

async function assume(subject: string, destination: Destination) {
  const { credentials } = destination;
  return new WebIdentitySts(transport).assumeRole({
    region: destination.region,
    roleArn,
    sessionName: 'test',
    durationSeconds: credentials.kind === 'access_key' ? 900 : credentials.sessionDurationSeconds,
    token: await issuer.token({ sub: subject }),
  });
}

const parts = (over: Partial<ConnectionTestParts> = {}): ConnectionTestParts => ({
  sessions: { newSession: (tenantId, destination) => assume(subjectOf(tenantId), destination) },
  decoys: {
    tryDecoys: () =>
      assume(subjectOf('decoy'), logs()).then(
        () => ({ outcome: 'accepted' }),
        (error: Failure) => ({
          outcome: error.code === 'credential.trust_denied' ? 'refused' : 'unknown',
          because: error.code,
        }),
      ),
  },
  platform: { issuerUrl: issuer.url, principalArn: undefined, hasSessionTags: false },
  memory: creationMemory(),
  transport,
  forcePathStyle: true,
  ...over,
});

async function run(
  destination: Destination,
  over: Partial<ConnectionTestParts> = {},
  writes = true,
): Promise<Step[]> {
  const test = new ConnectionTest(parts(over));
  const steps: Step[] = [];
  for await (const step of test.run({ tenantId: 'acme', destination, writes })) steps.push(step);
  return steps;
}

const outcomes = (steps: readonly Step[]) =>
  Object.fromEntries(steps.map(({ step, outcome }) => [step, outcome]));
const failed = (steps: readonly Step[]) => steps.filter(({ outcome }) => outcome === 'failed');
const found = (steps: readonly Step[], name: StepName) =>
  steps.find(({ step }) => step === name)?.found ?? {};

test('with only the printed policies, log groups are created and one marked log event arrives', async () => {
  paste(logs());
  const steps = await run(logs());
  expect(outcomes(steps)).toEqual({ session: 'ok', identity: 'ok', write: 'ok', decoy: 'ok' });
  const { logGroup: group, logStream: stream, mark, created } = found(steps, 'write');
  expect({ group, stream, created }).toEqual({
    group: 'prod/env0-deployments',
    stream: 'logferry-test',
    created: ['group', 'stream'],
  });
  const events = aws.logEvents({ account, region, group: String(group), stream: String(stream) });
  expect(events.map(({ message }) => message.includes(String(mark)))).toEqual([true]);
  expect(found(steps, 'identity')).toMatchObject({ account });
});

test('with only the printed policies, one marked object is put with all that the destination asks for', async () => {
  paste(objects());
  const steps = await run(objects());
  expect(failed(steps)).toEqual([]);
  const key = String(found(steps, 'write').key);
  expect(key).toMatch(/^logs\/env0-deployments\/.*-logferry-test\.log\.gz$/);
  expect(aws.object('acme-logs', key)).toMatchObject({
    storageClass: 'STANDARD_IA',
    encryption: { algorithm: 'aws:kms', kmsKeyId: keyArn },
  });
  expect(aws.uploads('acme-logs')).toEqual([]);
});

const without = (destination: Destination, action: string) => {
  const { permissions } = setupOf(destination);
  const Statement = permissions.Statement.map((statement) => ({
    ...statement,
    Action: statement.Action.filter((one) => one !== action),
  })).filter(({ Action }) => Action.length > 0);
  return { ...permissions, Statement };
};

test.each<[string, () => Destination]>([
  ['logs:CreateLogGroup', logs],
  ['logs:CreateLogStream', logs],
  ['logs:PutLogEvents', logs],
  ['logs:PutRetentionPolicy', logs],
  ['logs:TagResource', logs],
  ['s3:PutObject', objects],
  ['s3:AbortMultipartUpload', objects],
  ['kms:GenerateDataKey', objects],
  ['kms:Decrypt', objects],
])(
  'without %s, the test names that and no other, and what it says to add is the remedy',
  async (action, make) => {
    const destination = make();
    const permissions = without(destination, action);
    paste(destination, { permissions });
    const steps = await run(destination);
    expect([...new Set(failed(steps).flatMap(({ missing }) => missing ?? []))]).toEqual([action]);
    const added = failed(steps).flatMap(({ remedies = [] }) => remedies.map(({ add }) => add));
    aws.reset();
    paste(destination, {
      permissions: { ...permissions, Statement: [...permissions.Statement, ...added] },
    });
    expect(failed(await run(destination))).toEqual([]);
  },
);

test.each([
  ['log group', logs, /log-group:staging\//, /log-group:prod\/env0-\*/],
  ['prefix', objects, /acme-logs\/other\//, /acme-logs\/logs\/env0-\*/],
])(
  'a policy for another %s is told by the one that it should be for',
  async (_, make, wrong, right) => {
    const text = JSON.stringify(setupOf(make()).permissions)
      .replaceAll('log-group:prod/', 'log-group:staging/')
      .replaceAll('acme-logs/logs/', 'acme-logs/other/');
    expect(text).toMatch(wrong);
    paste(make(), { permissions: JSON.parse(text) });
    const [first] = failed(await run(make()));
    expect(first?.message).toMatch(right);
    expect(JSON.stringify(first?.remedies)).toMatch(right);
  },
);

test('a role that trusts another subject is told what to trust', async () => {
  const other = JSON.stringify(setupOf(logs()).identity).replaceAll('tenant:acme', 'tenant:ajax');
  paste(logs(), { trustPolicy: (JSON.parse(other) as { trustPolicy: unknown }).trustPolicy });
  const steps = await run(logs());
  expect(outcomes(steps)).toEqual({
    session: 'failed',
    identity: 'skipped',
    write: 'skipped',
    decoy: 'skipped',
  });
  expect(failed(steps)[0]).toMatchObject({
    code: 'credential.trust_denied',
    message: expect.stringMatching(
      /no such role, or .* trust the subject tenant:acme of/,
    ) as string,
  });
  expect(JSON.stringify(failed(steps)[0]?.remedies)).toContain('tenant:acme');
});

test('a role that trusts every subject is found out, though all else works', async () => {
  const { identity } = setupOf(logs());
  const wide = JSON.parse(
    JSON.stringify(identity.kind === 'role' ? identity.trustPolicy : {}).replace(
      /"[^"]*:sub":"tenant:acme",/,
      '',
    ),
  ) as object;
  paste(logs(), { trustPolicy: wide });
  const steps = await run(logs());
  expect(outcomes(steps)).toEqual({ session: 'ok', identity: 'ok', write: 'ok', decoy: 'failed' });
  expect(failed(steps)[0]?.code).toBe('credential.trusts_others');
});

interface WrongTurn {
  destination?: () => Destination;
  pasted?: Pasted;
  fault?: FaultSpec;
  step: StepName;
  code: FailureCode;
  says: RegExp;
}

const denial = (reason: string): FaultSpec => ({
  match: { operation: 'PutObject' },
  action: {
    kind: 'error',
    code: 'AccessDenied',
    httpStatus: 403,
    message: `User: arn:aws:sts::${account}:assumed-role/logferry/x is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::acme-logs/k" ${reason}`,
  },
});

test.each<[string, WrongTurn]>([
  [
    'a bucket in another Region',
    {
      pasted: { bucket: { region: 'eu-west-1' } },
      step: 'region',
      code: 's3.wrong_region',
      says: /lies in eu-west-1.*Set the destination's region to eu-west-1/,
    },
  ],
  [
    'a bucket that is not there',
    { pasted: { bucket: null }, step: 'region', code: 's3.bucket_missing', says: /does not exist/ },
  ],
  [
    "another owner's bucket",
    {
      pasted: { bucket: { account: stranger } },
      step: 'write',
      code: 's3.access_denied',
      says: /not one of 123456789012/,
    },
  ],
  [
    'a bucket whose policy denies it',
    {
      fault: denial('with an explicit deny in a resource-based policy'),
      step: 'write',
      code: 's3.access_denied',
      says: /bucket's own policy denies it/,
    },
  ],
  [
    'an organization that denies it',
    {
      fault: denial('with an explicit deny in a service control policy'),
      step: 'write',
      code: 's3.access_denied',
      says: /AWS Organization/,
    },
  ],
  [
    'a role that denies it outright',
    {
      fault: denial('with an explicit deny in an identity-based policy'),
      step: 'write',
      code: 's3.access_denied',
      says: /Remove that Deny/,
    },
  ],
  [
    'a session longer than the role allows',
    {
      destination: () =>
        objects(
          {},
          { credentials: { kind: 'web_identity', roleArn, sessionDurationSeconds: 7_200 } },
        ),
      step: 'session',
      code: 'credential.duration_too_long',
      says: /shorter than 7200 s/,
    },
  ],
  [
    'an AWS that does not answer',
    {
      fault: { match: { service: 's3' }, action: { kind: 'hang' } },
      step: 'region',
      code: 'network.unreachable',
      says: /no answer within 3 s/,
    },
  ],
])(
  '%s has an answer of its own',
  async (_, { destination = objects, pasted, fault, step, code, says }) => {
    paste(destination(), pasted);
    if (fault !== undefined) aws.addFault(fault);
    const hangs = code === 'network.unreachable';
    const steps = await run(
      destination(),
      hangs ? { deadlinesMs: { step: 3_000, all: 30_000 } } : {},
    );
    const first = failed(steps)[0];
    expect(first).toMatchObject({ step, code });
    expect(first?.message).toMatch(says);
    expect(JSON.stringify(steps)).not.toContain('is not authorized to perform');
  },
);

test('what a check does that writes nothing leaves nothing', async () => {
  paste(logs());
  const steps = await run(logs(), {}, false);
  expect(outcomes(steps)).toEqual({ session: 'ok', identity: 'ok', decoy: 'ok' });
  expect(aws.logGroups()).toEqual([]);
});

test('a destination that the broker does not know yet is waited for', async () => {
  paste(logs());
  let asked = 0;
  const steps = await run(logs(), {
    sessions: {
      newSession: (tenantId, destination) =>
        asked++ === 0
          ? Promise.reject(new Failure('destination.missing'))
          : assume(subjectOf(tenantId), destination),
    },
  });
  expect(failed(steps)).toEqual([]);
});

test('what is rationed is waited for: it says nothing of the account', async () => {
  paste(logs());
  const memory = creationMemory();
  const waits = [300, 0];
  const take = () => Promise.resolve(waits.shift() ?? 0);
  const steps = await run(logs(), { memory: { ...memory, rations: { take } } });
  expect(failed(steps)).toEqual([]);
  expect(waits).toEqual([]);
});

test('whoever has an access key whose account nobody knows is told to name it, for the sake of the bucket', async () => {
  const key = { accessKeyId: 'AKIAOFACME0000000001', secretAccessKey: 'of-acme' };
  aws.seed({ accounts: [account], users: [{ account, name: 'acme', accessKeys: [key] }] });
  const newSession = () => Promise.resolve({ ...key, expiresAt: Date.now() + 3_600_000 });
  const sealedSecret = `v1.1.${'A'.repeat(16)}.${'A'.repeat(22)}`;
  const credentials = { kind: 'access_key', accessKeyId: key.accessKeyId, sealedSecret };
  const identityOf = async (destination: Destination): Promise<string> => {
    const steps = await run(destination, { sessions: { newSession } });
    return steps.find(({ step }) => step === 'identity')?.message ?? '';
  };
  const hint = new RegExp(`user/acme. Name ${account} as the account`);
  expect(await identityOf(objects({}, { credentials }))).toMatch(hint);
  for (const known of [
    objects({}, { credentials: { ...credentials, account } }),
    objects({ expectedBucketOwner: account }, { credentials }),
    logs({ credentials }),
  ])
    expect(await identityOf(known)).toMatch(/user\/acme$/);
});

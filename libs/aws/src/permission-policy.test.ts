// The printed policy, pasted into an account of the sandbox: it lets everything through that delivering does, and holds nothing that
// delivering could do without.
import { Destination, S3 } from '@logferry/core';
import { creationMemory, startSandboxAws, type SandboxAws } from '@logferry/testing';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { callActions, neededActions } from './call-actions';
import { callerIdentity } from './caller-identity';
import { CloudWatchSink, logEventsFrame } from './cloudwatch-sink';
import { permissionPolicy, statementFor, type PolicyDocument } from './permission-policy';
import { S3Sink } from './s3-sink';
import type { SinkAccess } from './sink-access';
import { sharedTransport } from './transport';

const account = '123456789012';
const region = 'eu-central-1';
const owner = { tenantId: 'acme', account };
const keys = { accessKeyId: 'AKIALOGFERRY00000001', secretAccessKey: 'a-secret-of-the-sandbox' };
const access: SinkAccess = {
  destinationKey: 'acme/logs',
  region,
  session: { ...keys, sessionToken: '', expiresAt: Number.MAX_SAFE_INTEGER },
};
const keyArn = `arn:aws:kms:${region}:${account}:key/1234abcd`;

const aDestination = (over: object): Destination =>
  Destination.parse({
    id: 'logs',
    region,
    credentials: { kind: 'web_identity', roleArn: `arn:aws:iam::${account}:role/logferry` },
    ...over,
  });

const aGroup = (cloudwatch: object = {}, over: object = {}) =>
  aDestination({
    type: 'cloudwatch',
    preset: 'env0',
    cloudwatch: { logGroupPrefix: 'prod/', ...cloudwatch },
    ...over,
  });

const aBucket = (s3: object = {}, over: object = {}) =>
  aDestination({
    type: 's3',
    preset: 'env0',
    s3: { bucket: 'acme-logs', path: 'a*b', ...s3 },
    ...over,
  });

let aws: SandboxAws;
const endpointBefore = process.env.AWS_ENDPOINT_URL;

beforeAll(async () => {
  aws = await startSandboxAws({ port: 0 });
  process.env.AWS_ENDPOINT_URL = aws.url;
});

afterAll(async () => {
  if (endpointBefore === undefined) delete process.env.AWS_ENDPOINT_URL;
  else process.env.AWS_ENDPOINT_URL = endpointBefore;
  await aws.stop();
});

function paste(policy: PolicyDocument): void {
  aws.reset();
  aws.seed({
    accounts: [account],
    users: [{ account, name: 'logferry', accessKeys: [keys], policies: [policy] }],
    buckets: [{ name: 'acme-logs', region, account }],
    kmsKeys: [keyArn],
  });
}

const transport = sharedTransport({ requestTimeoutMs: 10_000 });
const uploads = {
  remember: () => Promise.resolve(true),
  forget: () => Promise.resolve(),
};

/** All that delivering to a destination does in AWS, each of it once at least. */
async function deliver(destination: Destination): Promise<void> {
  if (destination.type === 'cloudwatch') {
    const sink = new CloudWatchSink(transport, { clientsMax: 1, memory: creationMemory() });
    const [logGroup, logStream] = ['prod/env0-deployments', 'dep-1'];
    const { head, tail } = logEventsFrame(logGroup, logStream);
    const body = Buffer.from(`${head}{"timestamp":${Date.now()},"message":"x"}${tail}`);
    const { compression, ...newGroup } = destination.cloudwatch;
    const call = { logGroup, logStream, body, logEvents: 1, compression, account, newGroup };
    await sink.put(access, call);
    return;
  }
  const sink = new S3Sink(transport, { clientsMax: 1, forcePathStyle: true });
  const call = {
    ...destination.s3,
    key: 'a*b/env0-deployments/2026/x.log',
    bucketOwner: account,
  };
  await sink.put(access, call, Buffer.from('x'));
  await sink.regionOf(access, call.bucket);
  await callerIdentity(transport, access);
  if (destination.s3.objectBytesMax <= S3.partBytes) return;
  const parts = (async function* () {
    yield await Promise.resolve(randomBytes(S3.partBytes + 1));
  })();
  await sink.putStream(access, { ...call, key: `${call.key}2` }, parts, uploads);
  await sink.abort(access, { ...call, uploadId: 'left-behind' }, account);
  await sink.tryParts(access, call);
}

const destinations: [string, Destination][] = [
  ['log groups', aGroup()],
  ['log groups of known types', aGroup({}, { filter: { types: ['deployment', 'audit'] } })],
  ['log groups with all that a group can have', aGroup({ retentionDays: 7, tags: { a: 'b' } })],
  ['log groups with a KMS key', aGroup({ kmsKeyId: keyArn })],
  ['objects', aBucket()],
  ['objects of known types', aBucket({}, { filter: { types: ['deployment'] } })],
  ['objects in parts', aBucket({ objectBytesMax: 2 * S3.partBytes })],
  ['objects with a KMS key', aBucket({ encryption: { kind: 'sse_kms', kmsKeyId: keyArn } })],
  [
    'objects in parts with the alias of a KMS key',
    aBucket({
      objectBytesMax: 2 * S3.partBytes,
      encryption: { kind: 'sse_kms', kmsKeyId: 'alias/logs' },
    }),
  ],
];

describe.each(destinations)('the policy for %s', (_, destination) => {
  test('lets through all that delivering does', async () => {
    paste(permissionPolicy(destination, owner));
    await expect(deliver(destination)).resolves.toBeUndefined();
  });

  test.each(neededActions(destination).map(({ action }) => action))(
    'is not enough without %s',
    async (without) => {
      const policy = permissionPolicy(destination, owner);
      const Statement = policy.Statement.map((statement) => ({
        ...statement,
        Action: statement.Action.filter((action) => action !== without),
      })).filter(({ Action }) => Action.length > 0);
      paste({ ...policy, Statement });
      await expect(deliver(destination)).rejects.toMatchObject({ name: 'Failure' });
    },
  );

  test('makes no difference whether it is pasted whole or action by action', async () => {
    const Statement = neededActions(destination).flatMap(
      ({ action }) => statementFor(destination, owner, action) ?? [],
    );
    paste({ Version: '2012-10-17', Statement });
    await expect(deliver(destination)).resolves.toBeUndefined();
  });

  test('fits into a session, and still lets all of it through', async () => {
    const policy = permissionPolicy(destination, owner, 2_048);
    expect(JSON.stringify(policy).length).toBeLessThanOrEqual(2_048);
    paste(policy);
    await expect(deliver(destination)).resolves.toBeUndefined();
  });
});

test('no call is made that the table does not know, and the table knows no call that is not made', async () => {
  const seen = new Set<string>();
  for (const [, destination] of destinations) {
    paste(permissionPolicy(destination, owner));
    await deliver(destination);
    for (const call of Object.keys(aws.counters().calls)) seen.add(call);
  }
  const known = Object.keys(callActions).filter((call) => !call.startsWith('sts:Assume'));
  expect([...seen].sort()).toEqual(known.sort());
});

test('every command that the sources send has a row in the table', () => {
  const services = { 'client-cloudwatch-logs': 'logs', 'client-s3': 's3', 'client-sts': 'sts' };
  const sent = new Set<string>();
  for (const file of readdirSync(__dirname).filter((name) => !name.includes('.test.'))) {
    const text = readFileSync(join(__dirname, file), 'utf8');
    for (const [client, service] of Object.entries(services)) {
      const imported = new RegExp(`import \\{([^}]*)\\} from '@aws-sdk/${client}'`).exec(text)?.[1];
      for (const [, command] of imported?.matchAll(/(\w+)Command\b/g) ?? [])
        sent.add(`${service}:${command}`);
    }
  }
  expect([...sent].sort()).toEqual(Object.keys(callActions).sort());
});

test('a policy says exactly what it covers', () => {
  const log = aGroup({ retentionDays: 7 }, { filter: { types: ['audit'] } });
  expect(permissionPolicy(log, owner).Statement).toEqual([
    {
      Sid: 'WriteLogEvents',
      Effect: 'Allow',
      Action: [
        'logs:CreateLogGroup',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
        'logs:PutRetentionPolicy',
      ],
      Resource: [
        `arn:aws:logs:${region}:${account}:log-group:prod/env0-audits`,
        `arn:aws:logs:${region}:${account}:log-group:prod/env0-audits:*`,
      ],
    },
  ]);
  const alias = { kind: 'sse_kms', kmsKeyId: 'alias/logs' };
  expect(permissionPolicy(aBucket({ encryption: alias }), owner).Statement).toEqual([
    {
      Sid: 'WriteObjects',
      Effect: 'Allow',
      Action: ['s3:PutObject'],
      Resource: ['arn:aws:s3:::acme-logs/a${*}b/env0-*'],
    },
    {
      Sid: 'UseKmsKey',
      Effect: 'Allow',
      Action: ['kms:GenerateDataKey'],
      Resource: [`arn:aws:kms:${region}:${account}:key/*`],
      Condition: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/logs' } },
    },
  ]);
});

test.each([
  ['cn-north-1', 'aws-cn'],
  ['us-gov-west-1', 'aws-us-gov'],
])('in %s every ARN is of %s', (elsewhere, partition) => {
  const roleArn = `arn:${partition}:iam::${account}:role/logferry`;
  const over = { region: elsewhere, credentials: { kind: 'web_identity', roleArn } };
  const encryption = { kind: 'sse_kms', kmsKeyId: '1234abcd' };
  for (const destination of [aGroup({}, over), aBucket({ encryption }, over)]) {
    const { Statement } = permissionPolicy(destination, owner);
    const arns = Statement.flatMap(({ Resource }) => Resource);
    expect(arns.every((arn) => arn.startsWith(`arn:${partition}:`))).toBe(true);
  }
});

test('more names than a session can hold are told by what they have in common', () => {
  const types = Array.from({ length: 100 }, (_, i) => `type-number-${i}`);
  const many = aGroup({ logGroupPrefix: 'x'.repeat(400) }, { filter: { types } });
  const { Statement } = permissionPolicy(many, owner, 2_048);
  expect(Statement[0]?.Resource[0]).toBe(
    `arn:aws:logs:${region}:${account}:log-group:${'x'.repeat(400)}env0-*`,
  );
  const tight = permissionPolicy(many, owner, 700);
  expect(tight.Statement[0]?.Resource[0]).toMatch(/log-group:x{64}\*$/);
});

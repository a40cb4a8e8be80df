import { Destination, sessionKey, type AwsSession } from '@logferry/core';
import { Secret } from '@logferry/runtime';
import { Unreadable } from '@logferry/store';
import { ExternalIds } from './external-ids';
import { IssueSession } from './issue-session';
import { Sealing } from './sealing';
import { SessionCache, type SessionSubject } from './session-cache';

const roleOf = (tenant: string): string => `arn:aws:iam::123456789012:role/${tenant}`;

const aDestination = (over: object = {}): Destination =>
  Destination.parse({
    id: 's3',
    type: 's3',
    region: 'eu-central-1',
    credentials: { kind: 'web_identity', roleArn: roleOf('acme'), sessionDurationSeconds: 900 },
    s3: { bucket: 'acme-logs' },
    ...over,
  });

const session: AwsSession = {
  accessKeyId: 'ASIA1',
  secretAccessKey: 'x',
  sessionToken: 'y',
  expiresAt: Date.now() + 3_600_000,
};

const sealing = new Sealing([{ id: '1', bytes: Buffer.alloc(32, 7) }]);
const policies = (tenantId: string, { id }: Destination, stray?: string): string[] => [
  `of ${tenantId}/${id}${stray === undefined ? '' : ` and ${stray}`}`,
];
const externalIds = new ExternalIds(new Secret('a secret of the platform'));

function world(destinations: Record<string, Destination>) {
  const asked: SessionSubject[] = [];
  const cache = new SessionCache({
    sessionsMax: 10,
    onRefreshError: () => undefined,
    fetch: (subject) => {
      asked.push(subject);
      return Promise.resolve(session);
    },
  });
  const directory = {
    destination: (tenantId: string, destinationId: string) =>
      Promise.resolve(destinations[`${tenantId}/${destinationId}`]),
  };
  return {
    issue: new IssueSession({ directory, sessions: cache, sealing, externalIds, policies }),
    asked,
  };
}

test('the role, the Region and the duration of a session are those of the destination', async () => {
  const { issue, asked } = world({ 'acme/s3': aDestination() });
  expect(await issue.run('acme', 's3')).toEqual({
    session,
    issuedFor: sessionKey(aDestination()),
  });
  expect(asked).toEqual([
    {
      tenantId: 'acme',
      destinationId: 's3',
      kind: 'web_identity',
      roleArn: roleOf('acme'),
      region: 'eu-central-1',
      durationSeconds: 900,
      policies: ['of acme/s3'],
    },
  ]);
});

test('a session says what it was issued for, so that no worker takes it for one of another role', async () => {
  const destinations = { 'acme/s3': aDestination() };
  const { issue } = world(destinations);
  const { issuedFor } = await issue.run('acme', 's3');
  for (const over of [
    { region: 'us-east-1' },
    { credentials: { kind: 'web_identity', roleArn: roleOf('b'), sessionDurationSeconds: 900 } },
    { credentials: { kind: 'web_identity', roleArn: roleOf('acme') } },
  ]) {
    destinations['acme/s3'] = aDestination(over);
    expect((await issue.run('acme', 's3')).issuedFor).not.toBe(issuedFor);
  }
  destinations['acme/s3'] = aDestination({ s3: { bucket: 'acme-logs', lingerMs: 1 } });
  expect((await issue.run('acme', 's3')).issuedFor).toBe(issuedFor);
});

test('the tenant in the token is the one whose destination it is, whatever role the destination names', async () => {
  const { issue, asked } = world({
    'globex/s3': aDestination(),
    'acme/s3': aDestination(),
  });
  await issue.run('globex', 's3');
  expect(asked).toMatchObject([{ tenantId: 'globex', roleArn: roleOf('acme') }]);
});

test('a destination that is not there has no session, and STS is not asked', async () => {
  const { issue, asked } = world({ 'acme/s3': aDestination() });
  await expect(issue.run('acme', 'cw')).rejects.toMatchObject({ code: 'destination.missing' });
  await expect(issue.run('globex', 's3')).rejects.toMatchObject({ code: 'destination.missing' });
  expect(asked).toEqual([]);
});

test("a destination that this broker cannot read holds its batches, and is nobody's failed attempt", async () => {
  const cache = new SessionCache({
    sessionsMax: 10,
    onRefreshError: () => undefined,
    fetch: () => Promise.resolve(session),
  });
  const unreadable = new Unreadable('destination s3 of tenant acme', 's3', new Error('no JSON'));
  const directory = { destination: () => Promise.reject(unreadable) };
  const issue = new IssueSession({ directory, sessions: cache, sealing, externalIds, policies });
  await expect(issue.run('acme', 's3')).rejects.toMatchObject({
    code: 'destination.unreadable',
    disposition: 'suspend',
  });
});

test('a session that AWS refused is fetched anew', async () => {
  const { issue, asked } = world({ 'acme/s3': aDestination() });
  await issue.run('acme', 's3');
  await issue.run('acme', 's3', { refusedAccessKeyId: 'ASIA-of-somebody-else' });
  expect(asked).toHaveLength(1);
  await issue.run('acme', 's3', { refusedAccessKeyId: session.accessKeyId });
  expect(asked).toHaveLength(2);
});

const owner = { tenantId: 'acme', destinationId: 's3' };

const assumeRole = (externalId: string): object => ({
  credentials: { kind: 'assume_role', roleArn: roleOf('acme'), externalId },
});

test('a role that trusts our own identity is asked for with the ExternalId of its destination', async () => {
  const externalId = externalIds.of(owner);
  const { issue, asked } = world({ 'acme/s3': aDestination(assumeRole(externalId)) });
  await issue.run('acme', 's3');
  expect(asked).toMatchObject([{ kind: 'assume_role', externalId, durationSeconds: 3_600 }]);
});

test("with another destination's ExternalId, which is no secret, nobody gets to its role", async () => {
  const stolen = aDestination(assumeRole(externalIds.of(owner)));
  const { issue, asked } = world({ 'globex/s3': stolen, 'acme/other': { ...stolen, id: 'other' } });
  for (const [tenantId, id] of [
    ['globex', 's3'],
    ['acme', 'other'],
  ] as const)
    await expect(issue.run(tenantId, id)).rejects.toMatchObject({
      code: 'credential.external_id_foreign',
      disposition: 'suspend',
    });
  expect(asked).toEqual([]);
});

const accessKey = (sealedSecret: string): object => ({
  credentials: { kind: 'access_key', accessKeyId: 'AKIAIOSFODNN7EXAMPLE', sealedSecret },
});

test('an access key is its own session: STS is not asked, and the worker comes back within the hour', async () => {
  const sealed = sealing.seal(owner, 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY');
  const { issue, asked } = world({ 'acme/s3': aDestination(accessKey(sealed)) });
  const { session: given, issuedFor } = await issue.run('acme', 's3');
  expect(given).toEqual({
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    expiresAt: expect.any(Number) as number,
  });
  expect(given.expiresAt - Date.now()).toBeLessThanOrEqual(3_600_000);
  expect(given.expiresAt - Date.now()).toBeGreaterThan(3_500_000);
  expect(issuedFor).toBe(sessionKey(aDestination(accessKey(sealed))));
  expect(asked).toEqual([]);
});

test('an access key that AWS refused is not handed out again for that: only its owner can mend it', async () => {
  const sealed = sealing.seal(owner, 'a-secret-that-is-mistyped');
  const { issue } = world({ 'acme/s3': aDestination(accessKey(sealed)) });
  const refusedAccessKeyId = 'AKIAIOSFODNN7EXAMPLE';
  await expect(issue.run('acme', 's3', { refusedAccessKeyId })).rejects.toMatchObject({
    code: 'credential.key_refused',
    disposition: 'suspend',
  });
  expect((await issue.run('acme', 's3')).session.secretAccessKey).toBe('a-secret-that-is-mistyped');
});

test("a secret that was copied into another tenant's destination does not open", async () => {
  const copied = aDestination(accessKey(sealing.seal(owner, 'the-secret-of-acme')));
  const { issue } = world({ 'globex/s3': copied });
  await expect(issue.run('globex', 's3')).rejects.toMatchObject({
    code: 'credential.secret_unreadable',
  });
});

test('what was changed while a batch waited for it is still covered by a session of its own', async () => {
  const { issue, asked } = world({ 'acme/s3': aDestination() });
  await issue.run('acme', 's3');
  await issue.run('acme', 's3', { stray: 'old/' });
  await issue.run('acme', 's3', { stray: 'old/' });
  expect(asked.map((subject) => subject.policies)).toEqual([
    ['of acme/s3'],
    ['of acme/s3 and old/'],
  ]);
});

import { Destination, Failure, sessionKey, type AwsSession } from '@logferry/core';
import { Unreadable } from '@logferry/store';
import { IssueSession, sessionFetcher } from './issue-session';
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
  return { issue: new IssueSession(directory, cache), asked };
}

test('the role, the Region and the duration of a session are those of the destination', async () => {
  const { issue, asked } = world({ 'acme/s3': aDestination() });
  expect(await issue.run('acme', 's3')).toEqual({
    session,
    issuedFor: sessionKey(aDestination()),
  });
  expect(asked).toEqual([
    { tenantId: 'acme', roleArn: roleOf('acme'), region: 'eu-central-1', durationSeconds: 900 },
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
  destinations['acme/s3'] = aDestination({ s3: { bucket: 'another' } });
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
  const issue = new IssueSession({ destination: () => Promise.reject(unreadable) }, cache);
  await expect(issue.run('acme', 's3')).rejects.toMatchObject({
    code: 'destination.unreadable',
    disposition: 'suspend',
  });
});

test('a session that AWS refused is fetched anew', async () => {
  const { issue, asked } = world({ 'acme/s3': aDestination() });
  await issue.run('acme', 's3');
  await issue.run('acme', 's3', 'ASIA-of-somebody-else');
  expect(asked).toHaveLength(1);
  await issue.run('acme', 's3', session.accessKeyId);
  expect(asked).toHaveLength(2);
});

test('a session is had with a token of the tenant, under a name that says whose it is', async () => {
  const calls: unknown[] = [];
  const fetch = sessionFetcher(
    { tokenFor: (tenantId) => Promise.resolve(`a token of ${tenantId}`) },
    {
      assumeRole: (call) => {
        calls.push(call);
        return Promise.resolve(session);
      },
    },
  );
  const subject = { tenantId: 'acme', roleArn: 'r', region: 'eu-west-1', durationSeconds: 900 };
  expect(await fetch(subject)).toBe(session);
  expect(calls).toEqual([
    {
      region: 'eu-west-1',
      roleArn: 'r',
      durationSeconds: 900,
      sessionName: 'logferry-acme',
      token: 'a token of acme',
    },
  ]);
});

test('what STS refuses is passed on as it is', async () => {
  const refused = new Failure('credential.trust_denied');
  const fetch = sessionFetcher(
    { tokenFor: () => Promise.resolve('token') },
    { assumeRole: () => Promise.reject(refused) },
  );
  await expect(
    fetch({ tenantId: 'acme', roleArn: 'r', region: 'eu-west-1', durationSeconds: 900 }),
  ).rejects.toBe(refused);
});

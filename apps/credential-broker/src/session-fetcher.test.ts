import { Failure, type AwsSession, type FailureCode } from '@logferry/core';
import type { SessionSubject } from './session-cache';
import { sessionFetcher } from './session-fetcher';

const session: AwsSession = {
  accessKeyId: 'ASIA1',
  secretAccessKey: 'x',
  sessionToken: 'y',
  expiresAt: Date.now() + 3_600_000,
};

const subject: SessionSubject = {
  tenantId: 'acme',
  destinationId: 's3',
  kind: 'web_identity',
  roleArn: 'r',
  region: 'eu-west-1',
  durationSeconds: 900,
  policies: ['narrow', 'wider'],
};

const call = { region: 'eu-west-1', roleArn: 'r', durationSeconds: 900, policy: 'narrow' };

function world() {
  const calls: unknown[] = [];
  const answer = (way: string) => (made: object) => {
    calls.push([way, made]);
    return Promise.resolve(session);
  };
  const fetch = sessionFetcher({
    tokens: { tokenFor: (tenantId) => Promise.resolve(`a token of ${tenantId}`) },
    webIdentity: { assumeRole: answer('web identity') },
    platformIdentity: { assumeRole: answer('platform identity') },
  });
  return { fetch, calls };
}

test('a session is had with a token of the tenant, under a name that says whose it is', async () => {
  const { fetch, calls } = world();
  expect(await fetch(subject)).toBe(session);
  const token = 'a token of acme';
  expect(calls).toEqual([['web identity', { ...call, sessionName: 'logferry-acme', token }]]);
});

test('or with our own identity and the ExternalId of the destination', async () => {
  const { fetch, calls } = world();
  const externalId = 'logferry-of-acme';
  expect(await fetch({ ...subject, kind: 'assume_role', externalId })).toBe(session);
  expect(calls).toEqual([
    ['platform identity', { ...call, sessionName: 'logferry-acme', externalId }],
  ]);
});

test('what STS refuses is passed on as it is', async () => {
  const refused = new Failure('credential.trust_denied');
  const refuse = { assumeRole: () => Promise.reject(refused) };
  const fetch = sessionFetcher({
    tokens: { tokenFor: () => Promise.resolve('token') },
    webIdentity: refuse,
    platformIdentity: refuse,
  });
  await expect(fetch(subject)).rejects.toBe(refused);
});

test('a policy that AWS finds too large once it is packed is tried in a shorter form, and no other failure is', async () => {
  const tried: unknown[] = [];
  const refuseWith = (code: FailureCode, most: number) =>
    sessionFetcher({
      tokens: { tokenFor: () => Promise.resolve('token') },
      webIdentity: {
        assumeRole: ({ policy }) => {
          tried.push(policy);
          return tried.length <= most
            ? Promise.reject(new Failure(code))
            : Promise.resolve(session);
        },
      },
      platformIdentity: { assumeRole: () => Promise.resolve(session) },
    });
  expect(await refuseWith('credential.policy_too_large', 1)(subject)).toBe(session);
  expect(tried.splice(0)).toEqual(['narrow', 'wider']);
  await expect(refuseWith('credential.policy_too_large', 2)(subject)).rejects.toMatchObject({
    code: 'credential.policy_too_large',
  });
  expect(tried.splice(0)).toEqual(['narrow', 'wider']);
  await expect(refuseWith('credential.trust_denied', 1)(subject)).rejects.toMatchObject({
    code: 'credential.trust_denied',
  });
  expect(tried).toEqual(['narrow']);
});

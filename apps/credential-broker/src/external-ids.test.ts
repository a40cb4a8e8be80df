import { CredentialsInput } from '@logferry/core';
import { Secret } from '@logferry/runtime';
import { ExternalIds } from './external-ids';

const ids = new ExternalIds(new Secret('a secret of the platform'));
const owner = { tenantId: 'acme', destinationId: 'cw' };

test('a destination always has the same ExternalId, and no two have the same', () => {
  const of = [
    owner,
    { tenantId: 'acme', destinationId: 's3' },
    { tenantId: 'globex', destinationId: 'cw' },
    { tenantId: 'acmec', destinationId: 'w' },
  ].map((place) => ids.of(place));
  expect(new Set(of).size).toBe(4);
  expect(ids.of({ ...owner })).toBe(of[0]);
});

test('nobody derives it who does not know the secret', () => {
  expect(new ExternalIds(new Secret('another secret of ours')).of(owner)).not.toBe(ids.of(owner));
});

test('it is one that AWS and the store take', () => {
  const externalId = ids.of(owner);
  expect(externalId).toMatch(/^logferry-[\w-]{43}$/);
  const roleArn = 'arn:aws:iam::123456789012:role/logferry';
  expect(CredentialsInput.safeParse({ kind: 'assume_role', roleArn, externalId }).success).toBe(
    true,
  );
});

test('without the secret, there are no such destinations', () => {
  expect(() => new ExternalIds(undefined).of(owner)).toThrow(
    expect.objectContaining({ code: 'credential.kind_unavailable' }) as Error,
  );
});

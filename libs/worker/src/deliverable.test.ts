import { Destination, Failure } from '@logferry/core';
import { Unreadable } from '@logferry/store';
import { deliverableDestination } from './deliverable';

function aDestination(over: { id?: string; enabled?: boolean } = {}): Destination {
  return Destination.parse({
    id: 's3',
    type: 's3',
    region: 'eu-central-1',
    credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
    s3: { bucket: 'acme-logs' },
    ...over,
  });
}

const batch = { tenantId: 'acme', destinationId: 's3' };

const directoryOf = (destination: Destination | undefined, isWide = false) => ({
  destination: (tenantId: string, destinationId: string) =>
    Promise.resolve(tenantId === 'acme' && destinationId === 's3' ? destination : undefined),
  hasWideRole: () => Promise.resolve(isWide),
});

/** One that cannot say which destination there is. */
const failing = (cause: Error) => ({
  ...directoryOf(undefined),
  destination: () => Promise.reject(cause),
});

test("a batch goes to the destination that its own tenant has under its own destination's name", async () => {
  const destination = aDestination();
  const directory = directoryOf(destination);
  expect(await deliverableDestination(directory, batch)).toBe(destination);
  for (const other of [
    { ...batch, tenantId: 'globex' },
    { ...batch, destinationId: 'cw' },
  ])
    await expect(deliverableDestination(directory, other)).rejects.toBeInstanceOf(Failure);
});

test.each([
  ['destination.missing', directoryOf(undefined)],
  ['destination.disabled', directoryOf(aDestination({ enabled: false }))],
  ['credential.trusts_others', directoryOf(aDestination(), true)],
])('%s holds the batch, and counts no attempt', async (code, directory) => {
  await expect(deliverableDestination(directory, batch)).rejects.toMatchObject({
    code,
    disposition: 'suspend',
  });
});

test('a directory that cannot be asked is not taken for a destination that is missing: it is asked again', async () => {
  const cause = new Error('Redis is away');
  await expect(deliverableDestination(failing(cause), batch)).rejects.toMatchObject({
    code: 'destination.lookup_failed',
    disposition: 'defer',
    cause,
  });
});

test('a destination that cannot be read holds the batch until it is stored anew', async () => {
  const cause = new Unreadable('destination s3 of tenant acme', 's3', new Error('no JSON'));
  await expect(deliverableDestination(failing(cause), batch)).rejects.toMatchObject({
    code: 'destination.unreadable',
    disposition: 'suspend',
    cause,
  });
});

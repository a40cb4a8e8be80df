import { Destination, Failure } from '@logferry/core';
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

const directoryOf = (destination: Destination | undefined) => ({
  destination: (tenantId: string, destinationId: string) =>
    Promise.resolve(tenantId === 'acme' && destinationId === 's3' ? destination : undefined),
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
  ['destination.missing', undefined],
  ['destination.disabled', aDestination({ enabled: false })],
])('%s holds the batch, and counts no attempt', async (code, destination) => {
  await expect(deliverableDestination(directoryOf(destination), batch)).rejects.toMatchObject({
    code,
    disposition: 'suspend',
  });
});

test('a directory that cannot be asked is not taken for a destination that is missing', async () => {
  const error = new Error('Redis is away');
  const directory = { destination: () => Promise.reject(error) };
  await expect(deliverableDestination(directory, batch)).rejects.toBe(error);
});

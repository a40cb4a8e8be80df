// However many requests make something at the same moment, a tenant has no more of it than it may have.
import { useConsoleTestbed } from './console.testbed';

const bed = useConsoleTestbed();
const acme = '/v1/tenants/acme';

beforeEach(async () => {
  await bed.call(acme, { method: 'PUT', body: {} });
});

const destination = {
  type: 's3',
  enabled: false,
  region: 'eu-central-1',
  credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
  s3: { bucket: 'acme-logs' },
};
const key = { name: 'a key', tenant: 'acme', scopes: ['send'] };

/** Makes as many one after the other as leave room for two. */
async function allButTwo(most: number, make: (i: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < most - 2; i++) await make(i);
}

test.each<[string, number, (i: number) => Promise<{ status: number; text: string }>]>([
  [
    'destinations',
    20,
    (i) => bed.call(`${acme}/destinations/d${i}`, { method: 'PUT', body: destination }),
  ],
  ['keys', 100, () => bed.call('/v1/keys', { method: 'POST', body: key })],
  [
    'scopes with variables',
    100,
    (i) =>
      bed.call(`${acme}/scopes/s${i}/variables`, {
        method: 'PUT',
        body: { variables: {}, region: 'eu-west-1' },
      }),
  ],
])('%s', async (what, most, make) => {
  await allButTwo(most, make);
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => make(most + i)));
  const made = answers.filter(({ status }) => status === 201);
  const refused = answers.filter(({ status }) => status === 409);
  expect([made.length, refused.length]).toEqual([2, 6]);
  expect(refused[0]?.text).toContain(`a tenant has ${most} ${what} at most`);
});

// What one tenant may change of its configuration in a while.
import type { RunningApp } from '@logferry/runtime';
import { useConsoleTestbed } from './console.testbed';

const bed = useConsoleTestbed();

/** At one a second, twenty may come at once. */
const AT_ONCE = 20;
let one: RunningApp;
let other: RunningApp;

beforeAll(async () => {
  const environment = { LOGFERRY_CONSOLE_TENANT_WRITES_PER_SECOND: '1' };
  [one, other] = await Promise.all([bed.startApp(environment), bed.startApp(environment)]);
});
afterAll(() => Promise.all([one.close(), other.close()]));

const put = (tenant: string, name: string, key: string, to = one) =>
  bed.call(`/v1/tenants/${tenant}`, {
    method: 'PUT',
    body: { name },
    headers: { authorization: `Bearer ${key}` },
    to,
  });

async function adminKey(tenant?: string): Promise<string> {
  const body = { name: 'admin', scopes: ['admin'], ...(tenant === undefined ? {} : { tenant }) };
  return (await bed.json<{ key: string }>('/v1/keys', { method: 'POST', body })).body.key;
}

test('a tenant changes no more than its rate, whichever of its keys and of the processes it asks', async () => {
  for (const id of ['acme', 'globex'])
    await bed.call(`/v1/tenants/${id}`, { method: 'PUT', body: {} });
  const keys = [await adminKey('acme'), await adminKey('acme')];
  const startedAt = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 3 * AT_ONCE }, (_, i) =>
      put('acme', `of ${i}`, keys[i % 2] ?? '', i % 4 < 2 ? one : other),
    ),
  );
  const elapsedSeconds = Math.ceil((performance.now() - startedAt) / 1_000);
  const taken = answers.filter(({ status }) => status === 200).length;
  // Requests that are refused at the same moment are counted until they are taken back, so it may be a few less.
  expect(taken).toBeGreaterThan(0);
  expect(taken).toBeLessThanOrEqual(AT_ONCE + elapsedSeconds);

  let refused = await put('acme', 'last', keys[0] ?? '');
  for (let i = 0; i <= AT_ONCE && refused.status === 200; i++)
    refused = await put('acme', `after ${i}`, keys[0] ?? '');
  expect([refused.status, (JSON.parse(refused.text) as { code: string }).code]).toEqual([
    429,
    'config.rate_limited',
  ]);
  const waitSeconds = Number(refused.headers.get('retry-after'));
  expect(waitSeconds).toBeGreaterThanOrEqual(1);
  expect(waitSeconds).toBeLessThanOrEqual(2);

  // Asking in vain costs nothing of the rate, reading has none, and nobody else notices.
  for (let i = 0; i < AT_ONCE; i++) await put('acme', 'in vain', keys[0] ?? '');
  const again = await put('acme', 'in vain', keys[1] ?? '');
  expect(Number(again.headers.get('retry-after') ?? 0)).toBeLessThanOrEqual(2);
  const read = await bed.call('/v1/tenants/acme', {
    headers: { authorization: `Bearer ${keys[0]}` },
    to: one,
  });
  expect(read.status).toBe(200);
  expect((await put('globex', 'Globex', await adminKey('globex'))).status).toBe(200);
  const platform = await adminKey();
  for (let i = 0; i < AT_ONCE + 5; i++)
    expect((await put('acme', `by the platform ${i}`, platform)).status).toBe(200);
});

test('a rate of 0 is none', async () => {
  await bed.call('/v1/tenants/acme', { method: 'PUT', body: {} });
  const key = await adminKey('acme');
  const free = await bed.startApp({ LOGFERRY_CONSOLE_TENANT_WRITES_PER_SECOND: '0' });
  try {
    for (let i = 0; i < 2 * AT_ONCE; i++)
      expect((await put('acme', `of ${i}`, key, free)).status).toBe(200);
  } finally {
    await free.close();
  }
});

import { RequestProblem, Secret } from '@logferry/runtime';
import type { StoredKey } from '@logferry/store';
import { Gate } from './gate';
import type { KeyRates } from './key-rates';
import type { RedisState } from './redis-watch';

const PLATFORM = 'the-key-of-the-platform';
const keys: Record<string, StoredKey> = {
  tenants: { id: '1', name: 'ci', hash: '', createdAt: 0, tenantId: 'acme' },
  platforms: { id: '2', name: 'env0', hash: '', createdAt: 0 },
  tenantsOther: { id: '3', name: 'agent', hash: '', createdAt: 0, tenantId: 'acme' },
  reads: { id: '5', name: 'ui', hash: '', createdAt: 0, scopes: ['read', 'admin'] },
  sends: { id: '6', name: 'ci', hash: '', createdAt: 0, scopes: ['send'] },
  globex: { id: '4', name: 'ci', hash: '', createdAt: 0, tenantId: 'globex' },
};

interface World {
  onKeyUsed?: (keyId: string) => void;
  rates?: Pick<KeyRates, 'waitMs' | 'take'>;
  platformKey?: Secret | undefined;
  state?: RedisState;
  authenticate?: (key: string) => Promise<StoredKey | undefined>;
  inFlightBytesMax?: number;
}

function gate({ state = 'ok', ...over }: World = {}): Gate {
  return new Gate({
    authenticate: (key) => Promise.resolve(keys[key]),
    platformKey: new Secret(PLATFORM),
    redisState: () => state,
    rates: { waitMs: () => 0, take: () => () => undefined },
    bodyBytesMax: 1_000,
    inFlightBytesMax: 3_000,
    ...over,
  });
}

const bearer = (key: string, length: number | string | undefined = 10) => ({
  authorization: `Bearer ${key}`,
  'content-length': length === undefined ? undefined : String(length),
});

async function refusal(admitted: Promise<unknown>): Promise<[number, string]> {
  const error: unknown = await admitted.catch((reason: unknown) => reason);
  return error instanceof RequestProblem ? [error.status, error.code] : [0, String(error)];
}

test('a key says who sends: the platform for all, or one tenant for itself', async () => {
  expect((await gate().admit(bearer(PLATFORM))).sender).toEqual({ kind: 'platform' });
  expect((await gate().admit(bearer('platforms'))).sender).toEqual({ kind: 'platform' });
  expect((await gate().admit(bearer('tenants'))).sender).toEqual({
    kind: 'tenant',
    tenantId: 'acme',
  });
});

test('a key sends if it may, or if it was made before anything was said of that; others are refused', async () => {
  const used: string[] = [];
  const admitting = gate({ onKeyUsed: (keyId) => used.push(keyId) });
  expect(await refusal(admitting.admit(bearer('reads')))).toEqual([403, 'auth.scope_missing']);
  for (const key of ['sends', 'tenants'])
    await expect(admitting.admit(bearer(key))).resolves.toBeDefined();
  await refusal(admitting.admit(bearer('nobodys')));
  expect(used).toEqual(['5', '6', '1']);
});

test('the scheme is read in any case, as HTTP has it', async () => {
  const headers = { authorization: `bearer ${PLATFORM}`, 'content-length': '1' };
  await expect(gate().admit(headers)).resolves.toBeDefined();
});

test.each<[string | undefined, string]>([
  [undefined, 'auth.missing_key'],
  ['', 'auth.missing_key'],
  ['Bearer', 'auth.missing_key'],
  [PLATFORM, 'auth.missing_key'],
  [`Basic ${PLATFORM}`, 'auth.missing_key'],
  ['Bearer ', 'auth.unknown_key'],
  ['Bearer revoked', 'auth.unknown_key'],
  [`Bearer ${PLATFORM}x`, 'auth.unknown_key'],
  ['Bearer [secret]', 'auth.unknown_key'],
])('%j is refused with %s', async (authorization, code) => {
  expect(await refusal(gate().admit({ authorization, 'content-length': '1' }))).toEqual([
    401,
    code,
  ]);
});

test('without a platform key in the configuration there is none that fits', async () => {
  for (const key of ['', 'undefined', '[secret]', PLATFORM])
    expect(await refusal(gate({ platformKey: undefined }).admit(bearer(key)))).toEqual([
      401,
      'auth.unknown_key',
    ]);
});

test('a refusal says how to ask, and never the key', async () => {
  await expect(gate().admit({})).rejects.toMatchObject({
    headers: { 'www-authenticate': 'Bearer' },
  });
  await expect(gate().admit(bearer('a-wrong-key'))).rejects.not.toThrow(/a-wrong-key/);
});

test.each<[RedisState, number, string]>([
  ['away', 503, '1'],
  ['full', 429, '5'],
])('while Redis is %s the answer is %d, and when to come back', async (state, status, after) => {
  await expect(gate({ state }).admit(bearer(PLATFORM))).rejects.toMatchObject({
    status,
    headers: { 'retry-after': after },
  });
  expect((await refusal(gate({ state }).admit(bearer('revoked'))))[0]).toBe(401);
});

test('a key that cannot be looked up is no wrong key: the sender is told to come back', async () => {
  const authenticate = (): Promise<never> => Promise.reject(new Error('Redis is away'));
  expect(await refusal(gate({ authenticate }).admit(bearer('tenants')))).toEqual([
    503,
    'ingest.redis_unavailable',
  ]);
});

test.each<[string | number, number]>([
  [0, 0],
  [999, 0],
  [1_000, 0],
  [1_001, 413],
  [Number.MAX_SAFE_INTEGER, 413],
  ['-1', 400],
  ['1.5', 400],
  ['ten', 400],
])(
  'a body that is announced with %j bytes, of at most 1000, is answered with %d',
  async (length, status) => {
    const admitted = gate().admit(bearer(PLATFORM, length));
    if (status === 0) await expect(admitted).resolves.toBeDefined();
    else expect((await refusal(admitted))[0]).toBe(status);
  },
);

test('the bytes in flight are bounded, and given back', async () => {
  const busy = [503, 'ingest.busy'];
  const small = gate();
  const admissions = await Promise.all([
    small.admit(bearer(PLATFORM, 1_000)),
    small.admit(bearer(PLATFORM, 1_000)),
    small.admit(bearer(PLATFORM, 999)),
  ]);
  expect(await refusal(small.admit(bearer(PLATFORM, 2)))).toEqual(busy);
  await expect(small.admit(bearer(PLATFORM, 1))).resolves.toBeDefined();
  expect(await refusal(small.admit(bearer(PLATFORM, 1)))).toEqual(busy);
  admissions[0].leave();
  await expect(small.admit(bearer(PLATFORM, 1_000))).resolves.toBeDefined();
});

test('leaving twice gives back once', async () => {
  const small = gate();
  const [first] = [await small.admit(bearer(PLATFORM, 1_000))];
  for (let i = 0; i < 2; i++) await small.admit(bearer(PLATFORM, 1_000));
  first.leave();
  first.leave();
  await small.admit(bearer(PLATFORM, 1_000));
  expect(await refusal(small.admit(bearer(PLATFORM, 1)))).toEqual([503, 'ingest.busy']);
});

test('a body that does not say how long it is counts as the longest', async () => {
  const small = gate();
  const chunked = { authorization: `Bearer ${PLATFORM}` };
  for (let i = 0; i < 3; i++) await small.admit(chunked);
  expect(await refusal(small.admit(bearer(PLATFORM, 1)))).toEqual([503, 'ingest.busy']);
});

test('one body that is larger than all that may be in flight is let in alone', async () => {
  const tight = new Gate({
    authenticate: () => Promise.resolve(undefined),
    platformKey: new Secret(PLATFORM),
    rates: { waitMs: () => 0, take: () => () => undefined },
    redisState: () => 'ok',
    bodyBytesMax: 1_000,
    inFlightBytesMax: 100,
  });
  const admission = await tight.admit(bearer(PLATFORM, 1_000));
  expect(await refusal(tight.admit(bearer(PLATFORM, 1)))).toEqual([503, 'ingest.busy']);
  admission.leave();
  await expect(tight.admit(bearer(PLATFORM, 1_000))).resolves.toBeDefined();
});

test("a tenant's bodies, of whichever of its keys, leave half of what may be in flight to others", async () => {
  const small = gate();
  const slow = await small.admit(bearer('tenants', 1_000));
  expect(await refusal(small.admit(bearer('tenantsOther', 501)))).toEqual([503, 'ingest.busy']);
  await small.admit(bearer('tenantsOther', 500));
  expect(await refusal(small.admit(bearer('tenants', 1)))).toEqual([503, 'ingest.busy']);
  expect(() => slow.grow(1_001)).toThrow(expect.objectContaining({ status: 503 }) as Error);
  await small.admit(bearer('globex', 1_000));
  await small.admit(bearer(PLATFORM, 500));
  slow.leave();
  await expect(small.admit(bearer('tenants', 1_000))).resolves.toBeDefined();
});

test("one body that is larger than a tenant's half is let in, if the tenant has no other", async () => {
  const small = gate({ inFlightBytesMax: 1_200 });
  const first = await small.admit(bearer('tenants', 1_000));
  expect(await refusal(small.admit(bearer('tenants', 1)))).toEqual([503, 'ingest.busy']);
  await small.admit(bearer('globex', 200));
  first.leave();
  await expect(small.admit(bearer('tenants', 1_000))).resolves.toBeDefined();
});

test('who leaves always can, also beside a body that is larger than all together', async () => {
  const small = gate();
  const empty = await small.admit(bearer('tenants', 0));
  const huge = await small.admit(bearer('tenantsOther', 10));
  huge.grow(5_000);
  empty.leave();
  huge.leave();
  for (let i = 0; i < 3; i++)
    await expect(small.admit(bearer('platforms', 1_000))).resolves.toBeDefined();
});

test('what is refused does not count as in flight', async () => {
  const small = gate();
  for (let i = 0; i < 100; i++) {
    await refusal(small.admit(bearer('revoked', 1_000)));
    await refusal(small.admit(bearer(PLATFORM, 2_000)));
  }
  for (let i = 0; i < 3; i++)
    await expect(small.admit(bearer(PLATFORM, 1_000))).resolves.toBeDefined();
});

test('a body counts as what it inflates to', async () => {
  const small = gate();
  const [first, second] = [
    await small.admit(bearer(PLATFORM, 10)),
    await small.admit(bearer(PLATFORM, 10)),
  ];
  first.grow(2_000);
  expect(() => second.grow(1_001)).toThrow(expect.objectContaining({ status: 503 }) as Error);
  second.grow(1_000);
  expect(await refusal(small.admit(bearer(PLATFORM, 1)))).toEqual([503, 'ingest.busy']);
  first.leave();
  second.leave();
  second.grow(3_000); // too late: nobody would give it back
  for (let i = 0; i < 3; i++) await small.admit(bearer(PLATFORM, 1_000));
  expect(await refusal(small.admit(bearer(PLATFORM, 1)))).toEqual([503, 'ingest.busy']);
});

test('one body may inflate to more than all that may be in flight, if it is alone', async () => {
  const small = gate();
  const alone = await small.admit(bearer(PLATFORM, 10));
  alone.grow(5_000);
  expect(await refusal(small.admit(bearer(PLATFORM, 1)))).toEqual([503, 'ingest.busy']);
  alone.leave();
  await expect(small.admit(bearer(PLATFORM, 1))).resolves.toBeDefined();
});

test('a key that is ahead of its rate is told when to come back, before its body is read', async () => {
  const asked: string[] = [];
  const limited = gate({
    rates: {
      waitMs: ({ id }) => (asked.push(id), id === '1' ? 1_001 : 0),
      take: () => () => undefined,
    },
  });
  expect(await refusal(limited.admit(bearer('tenants')))).toEqual([429, 'key.rate_limited']);
  await expect(limited.admit(bearer('tenants'))).rejects.toMatchObject({
    headers: { 'retry-after': '2' },
  });
  await expect(limited.admit(bearer('platforms'))).resolves.toBeDefined();
  await expect(limited.admit(bearer(PLATFORM))).resolves.toBeDefined();
  expect(asked).toEqual(['1', '1', '2', 'platform']);
});

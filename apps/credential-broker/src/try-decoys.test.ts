import { Failure, TenantId } from '@logferry/core';
import { TryDecoys } from './try-decoys';

const trial = {
  tenantId: 'acme',
  region: 'eu-central-1',
  role: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
} as const;

/** A role that refuses every decoy, and whose turn it is in the test's hand. */
function world(
  take: (tenantId: string) => Promise<() => void>,
  onToken: (decoy: string) => void = () => undefined,
  isPerTenant?: boolean,
) {
  const state = { asked: 0 };
  const refuse = (): Promise<never> => {
    state.asked++;
    return Promise.reject(new Failure('credential.trust_denied'));
  };
  const decoys = new TryDecoys({
    tokens: {
      tokenFor: (decoy) => {
        onToken(decoy);
        return Promise.resolve('a token');
      },
      ...(isPerTenant === undefined ? {} : { isPerTenant }),
    },
    webIdentity: { assumeRole: refuse },
    platformIdentity: { assumeRole: refuse },
    turns: { take },
    patienceMs: 20,
  });
  return { decoys, state };
}

test('each decoy waits for its turn at STS, and gives it back though it was refused', async () => {
  const turns = { taken: [] as string[], underWay: 0 };
  const { decoys, state } = world((tenantId) => {
    turns.taken.push(tenantId);
    expect(++turns.underWay).toBe(1);
    return Promise.resolve(() => void turns.underWay--);
  });
  expect((await decoys.run(trial)).outcome).toBe('refused');
  expect(turns).toEqual({ taken: Array(5).fill('acme'), underWay: 0 });
  expect(state.asked).toBe(5);
});

test.each(['acme', 'Acme-2', '12345', 'a', '7', 'a.b_c-d'])(
  'no decoy of %s is the tenant itself, and those of the same length are no id that a tenant may have, but for its case',
  async (tenantId) => {
    const tried: string[] = [];
    const { decoys } = world(
      () => Promise.resolve(() => undefined),
      (decoy) => tried.push(decoy),
    );
    await decoys.run({ ...trial, tenantId });
    expect(tried).not.toContain(tenantId);
    expect(new Set(tried).size).toBe(tried.length);
    for (const decoy of tried.filter(({ length }) => length === tenantId.length))
      expect(decoy.toLowerCase() === tenantId.toLowerCase()).toBe(
        TenantId.safeParse(decoy).success,
      );
  },
);

test('of an issuer that may take an id in other letters for the same, none alike is asked for', async () => {
  const tried: string[] = [];
  const { decoys } = world(
    () => Promise.resolve(() => undefined),
    (decoy) => tried.push(decoy),
    true,
  );
  expect((await decoys.run(trial)).outcome).toBe('refused');
  expect(tried.every((decoy) => decoy.includes('decoy'))).toBe(true);
});

test('without a turn nothing is proven, AWS is not asked, and a turn that comes late is given back', async () => {
  const turn = Promise.withResolvers<() => void>();
  const { decoys, state } = world(() => turn.promise);
  expect(await decoys.run(trial)).toMatchObject({
    outcome: 'unknown',
    because: 'credential.rationed',
  });
  expect(state.asked).toBe(0);
  await new Promise<void>((givenBack) => turn.resolve(givenBack));
});

import { Failure } from '@logferry/core';
import { TryDecoys } from './try-decoys';

const trial = {
  tenantId: 'acme',
  region: 'eu-central-1',
  role: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
} as const;

/** A role that refuses every decoy, and whose turn it is in the test's hand. */
function world(take: (tenantId: string) => Promise<() => void>) {
  const state = { asked: 0 };
  const refuse = (): Promise<never> => {
    state.asked++;
    return Promise.reject(new Failure('credential.trust_denied'));
  };
  const decoys = new TryDecoys({
    tokens: { tokenFor: () => Promise.resolve('a token') },
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
  expect(turns).toEqual({ taken: ['acme', 'acme', 'acme'], underWay: 0 });
  expect(state.asked).toBe(3);
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

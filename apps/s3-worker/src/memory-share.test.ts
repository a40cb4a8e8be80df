import fc from 'fast-check';
import { MemoryShare, type MemoryFor } from './memory-share';

const MIB = 1024 * 1024;

/** `acme/a`: a destination and its tenant; `a`: one that is its tenant's only one. */
function whose(key: string): MemoryFor {
  const [tenantId = '', destinationId = ''] = key.split('/');
  return { tenantId, destinationId };
}

/** Somebody who holds memory until he is told to end. */
class Holder {
  isIn = false;
  private readonly ends = Promise.withResolvers<void>();
  private readonly done: Promise<void>;

  constructor(share: MemoryShare, key: string, bytes: number) {
    this.done = share.hold(whose(key), bytes, async () => {
      this.isIn = true;
      await this.ends.promise;
    });
  }

  async end(): Promise<void> {
    this.ends.resolve();
    await this.done;
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function holders(share: MemoryShare, wants: [string, number][]): Promise<Holder[]> {
  const all = wants.map(([key, mib]) => new Holder(share, key, mib * MIB));
  await turn();
  return all;
}

const whoIsIn = (all: readonly Holder[]) => all.map(({ isIn }) => isIn);

test('what fits is let in, and the rest when room is made', async () => {
  const all = await holders(new MemoryShare(100 * MIB), [
    ['a', 40],
    ['b', 40],
    ['c', 20],
    ['d', 2],
  ]);
  expect(whoIsIn(all)).toEqual([true, true, true, false]);
  await all[2]?.end();
  await turn();
  expect(whoIsIn(all)).toEqual([true, true, true, true]);
});

test('nobody has more than half, unless it is with one thing', async () => {
  const all = await holders(new MemoryShare(100 * MIB), [
    ['a', 30],
    ['a', 20],
    ['a', 20],
    ['b', 50],
    ['c', 200],
  ]);
  expect(whoIsIn(all)).toEqual([true, true, false, true, false]);
  for (const i of [0, 1, 3]) await all[i]?.end();
  await turn();
  expect(whoIsIn(all).slice(2)).toEqual([true, true, false]);
  await all[2]?.end();
  await turn();
  expect(all[4]?.isIn).toBe(true);
});

test("a tenant's destinations have no more together than one of another tenant could", async () => {
  const all = await holders(new MemoryShare(256 * MIB), [
    ...['a', 'b', 'c', 'd'].flatMap((id): [string, number][] => [
      [`acme/${id}`, 48],
      [`acme/${id}`, 48],
    ]),
    ['globex/a', 48],
    ['initech/a', 48],
  ]);
  expect(whoIsIn(all)).toEqual([...[true, true], ...Array<boolean>(6).fill(false), true, true]);
});

test('the more are at work, the less each has, so that somebody else finds room', async () => {
  const all = await holders(new MemoryShare(256 * MIB), [
    ['a', 48],
    ['b', 48],
    ['a', 48],
    ['b', 48],
    ['c', 48],
    ['d', 48],
  ]);
  expect(whoIsIn(all)).toEqual([true, true, false, false, true, true]);
});

test('what is small is let in at once, and what waits for much is not overtaken for ever', async () => {
  const share = new MemoryShare(100 * MIB);
  const all = await holders(share, [
    ['a', 60],
    ['b', 60],
    ['c', 30],
    ['d', 1],
  ]);
  expect(whoIsIn(all)).toEqual([true, false, false, true]);
  await all[0]?.end();
  await turn();
  expect(whoIsIn(all)).toEqual([true, true, true, true]);
});

test('memory is given back whatever goes wrong', async () => {
  const share = new MemoryShare(10 * MIB);
  await expect(
    share.hold(whose('a'), 10 * MIB, () => Promise.reject(new Error('S3 is away'))),
  ).rejects.toThrow('S3 is away');
  expect(whoIsIn(await holders(share, [['b', 10]]))).toEqual([true]);
});

test('whoever comes and goes, it is never more than there is, and everybody has their turn', async () => {
  const wants = fc.array(
    fc.tuple(fc.constantFrom('a', 'b/x', 'b/y'), fc.integer({ min: 2, max: 120 })),
    {
      minLength: 1,
      maxLength: 30,
    },
  );
  await fc.assert(
    fc.asyncProperty(wants, async (list) => {
      const share = new MemoryShare(100 * MIB);
      let held = 0;
      await Promise.all(
        list.map(([key, mib]) =>
          share.hold(whose(key), mib * MIB, async () => {
            held += Math.min(mib, 100);
            expect(held).toBeLessThanOrEqual(100);
            await turn();
            held -= Math.min(mib, 100);
          }),
        ),
      );
      expect(held).toBe(0);
    }),
    { numRuns: 50 },
  );
});

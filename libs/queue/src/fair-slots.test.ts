import fc from 'fast-check';
import { FairSlots } from './fair-slots';

const STUCK_MS = 20;

async function takeAll(slots: FairSlots, key: string, count: number): Promise<number> {
  const taken = await Promise.all(Array.from({ length: count }, () => slots.take(key, STUCK_MS)));
  return taken.filter(Boolean).length;
}

test.each([
  [32, 16],
  [4, 2],
  [1, 1],
])(
  'of %d slots a destination alone holds %d, and the rest is left for others',
  async (total, most) => {
    const slots = new FairSlots(total);
    expect(await takeAll(slots, 'stuck', total)).toBe(most);
  },
);

test('the more destinations are at work, the less each may hold; each may hold one', async () => {
  const slots = new FairSlots(12);
  expect(await takeAll(slots, 'a', 12)).toBe(6);
  expect(await takeAll(slots, 'b', 12)).toBe(4);
  expect(await takeAll(slots, 'c', 12)).toBe(3);
  expect(await takeAll(slots, 'd', 12)).toBe(2);
  expect(await takeAll(slots, 'e', 12)).toBe(2);
  for (let other = 0; other < 20; other++) expect(await takeAll(slots, `f${other}`, 2)).toBe(1);
});

test('whoever waits gets the slot that is given back, in order', async () => {
  const slots = new FairSlots(2);
  expect(await slots.take('a', STUCK_MS)).toBe(true);
  const order: number[] = [];
  const waiting = [1, 2, 3].map(async (n) => {
    expect(await slots.take('a', 10_000)).toBe(true);
    order.push(n);
    slots.give('a');
  });
  slots.give('a');
  await Promise.all(waiting);
  expect(order).toEqual([1, 2, 3]);
});

test('nobody waits for a destination that is known to be stuck', async () => {
  const slots = new FairSlots(2);
  expect(await takeAll(slots, 'a', 2)).toBe(1);
  expect(slots.stillMs('a')).toBeGreaterThanOrEqual(STUCK_MS);
  let answered = false;
  void slots.take('a', STUCK_MS).then(() => (answered = true));
  await Promise.resolve();
  expect(answered).toBe(true);
});

test('after all is given back nothing is remembered, whatever the order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 40 }), async (keys) => {
      const slots = new FairSlots(4);
      await Promise.all(
        keys.map(async (key) => {
          expect(await slots.take(key, 10_000)).toBe(true);
          await Promise.resolve();
          slots.give(key);
        }),
      );
      expect(await takeAll(slots, 'next', 4)).toBe(2);
    }),
  );
});

import { until } from '@logferry/testing';
import fc from 'fast-check';
import { FairSlots, inHandMax, type Slot, type SlotFor } from './fair-slots';

const STUCK_MS = 20;

const fairSlots = (total: number, slowMs = 60_000): FairSlots =>
  new FairSlots({ total, slowMs, patienceMs: 20 });

/** Of a tenant of its own, unless it is said whose it is. */
function of(destinationId: string, tenantId = `tenant-of-${destinationId}`): SlotFor {
  return { tenantId, destinationId };
}

async function takeAll(slots: FairSlots, who: SlotFor, count: number): Promise<Slot[]> {
  const taken = await Promise.all(Array.from({ length: count }, () => slots.take(who, STUCK_MS)));
  return taken.filter((slot) => slot !== undefined);
}

test.each([
  [32, 16],
  [4, 2],
  [1, 1],
])(
  'of %d slots a destination alone holds %d, and the rest is left for others',
  async (total, most) => {
    expect(await takeAll(fairSlots(total), of('stuck'), total)).toHaveLength(most);
  },
);

test('the more destinations are at work, the less each may hold', async () => {
  const slots = fairSlots(12);
  for (const [name, most] of [
    ['a', 6],
    ['b', 4],
    ['c', 2], // its part would be 3, and there are no more
  ] as const)
    expect(await takeAll(slots, of(name), 12)).toHaveLength(most);
});

test('a tenant has its part, however many destinations it has', async () => {
  const slots = fairSlots(12);
  let taken = 0;
  for (let n = 0; n < 12; n++) taken += (await takeAll(slots, of(`d${n}`, 'whale'), 2)).length;
  expect(taken).toBe(6);
  expect(await takeAll(slots, of('d', 'small'), 12)).toHaveLength(2); // a fifth: four destinations are at work
});

test('whoever waits gets the slot that is given back, in order', async () => {
  const slots = fairSlots(2);
  const first = await slots.take(of('a'), STUCK_MS);
  const order: number[] = [];
  const waiting = [1, 2, 3].map(async (n) => {
    const slot = await slots.take(of('a'), 10_000);
    order.push(n);
    slot?.give();
  });
  first?.give();
  await Promise.all(waiting);
  expect(order).toEqual([1, 2, 3]);
});

test('a slot that is given back goes to whoever of the tenant may have it', async () => {
  const slots = fairSlots(2);
  const [held] = await takeAll(slots, of('a', 'acme'), 1);
  const next = slots.take(of('b', 'acme'), 10_000);
  held?.give();
  expect(await next).toBeDefined();
});

test('nobody waits for a destination that is known to be stuck', async () => {
  const slots = fairSlots(2);
  expect(await takeAll(slots, of('a'), 2)).toHaveLength(1);
  expect(slots.stillMs(of('a'))).toBeGreaterThanOrEqual(STUCK_MS);
  let answered = false;
  void slots.take(of('a'), STUCK_MS).then(() => (answered = true));
  await Promise.resolve();
  expect(answered).toBe(true);
});

test('what one tenant has waiting gives its place back, when nobody else could have one', async () => {
  const slots = fairSlots(4);
  const moving = await takeAll(slots, of('a', 'flood'), 2);
  const answers: (Slot | undefined)[] = [];
  const wait = (who: SlotFor): void =>
    void slots.take(who, 60_000).then((slot) => answers.push(slot));
  for (let n = 0; n < inHandMax(4) - 3; n++) wait(of('a', 'flood'));
  await until(() => slots.stillMs(of('a', 'flood')) > 60); // three times as long as anybody's patience
  expect(answers).toEqual([]); // one more could be fetched
  wait(of('a', 'flood'));
  await until(() => answers.length > 0);
  expect(answers).toEqual([undefined]); // that was enough
  moving.forEach((slot) => slot.give());
  await until(() => answers.length > 2);
  expect(answers.slice(1, 3)).not.toContain(undefined);
});

test('whoever has no more waiting than its part keeps its place', async () => {
  const slots = fairSlots(4);
  for (let n = 0; n < 4; n++) await slots.take(of(`at work ${n}`), STUCK_MS);
  let answered = 0;
  for (let n = 0; n < inHandMax(4) - 4; n++)
    void slots.take(of(`next ${n}`), 60_000).then(() => answered++);
  await until(() => slots.stillMs(of('at work 0')) > 60);
  expect(answered).toBe(0);
});

test("slots that nobody else wants may be had beyond one's part, up to half of all", async () => {
  const slots = fairSlots(12);
  for (const name of ['a', 'b', 'c']) await slots.take(of(name), STUCK_MS);
  // Its part is a fifth.
  expect(await takeAll(slots, of('flood'), 12)).toHaveLength(3);
  expect(await takeAll(slots, of('next'), 12)).toHaveLength(2);
});

test('a call that takes long has its slot replaced, and its destination gets no other', async () => {
  const slots = fairSlots(2, 5);
  expect(await takeAll(slots, of('hangs'), 1)).toHaveLength(1);
  expect(await takeAll(slots, of('hangs too'), 1)).toHaveLength(1);
  // Both slots are taken, and yet the next two are served.
  const well = await slots.take(of('well'), 10_000);
  expect(await slots.take(of('well too'), 10_000)).toBeDefined();
  expect(await slots.take(of('hangs'), STUCK_MS)).toBeUndefined();
  well?.give();
});

test('however many hang, there are never more than three times as many slots', async () => {
  const slots = fairSlots(2, 1);
  let taken = 0;
  const release: Slot[] = [];
  for (let n = 0; n < 10; n++) {
    void slots.take(of(`hangs-${n}`), 60_000).then((slot) => {
      taken++;
      if (slot !== undefined) release.push(slot);
    });
  }
  await until(() => taken === inHandMax(2));
  await until(() => slots.stillMs(of('hangs-5')) > STUCK_MS);
  expect(taken).toBe(6);
  release[0]?.give();
  await until(() => taken === 7);
});

test('after all is given back nothing is remembered, whatever the order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('x', 'y')), {
        maxLength: 40,
      }),
      async (takers) => {
        const slots = fairSlots(4);
        await Promise.all(
          takers.map(async ([destinationId, tenantId]) => {
            const slot = await slots.take(of(destinationId, tenantId), 10_000);
            expect(slot).toBeDefined();
            await Promise.resolve();
            slot?.give();
          }),
        );
        expect(await takeAll(slots, of('next'), 4)).toHaveLength(2);
        expect(slots.stillMs(of('a', 'x'))).toBe(0);
      },
    ),
  );
});

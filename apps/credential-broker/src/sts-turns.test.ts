import { StsTurns } from './sts-turns';

test('no more are under way than may be, and no turn is lost', async () => {
  const turns = new StsTurns({ callsPerSecond: 100_000, concurrencyMax: 8 });
  let underWay = 0;
  let most = 0;
  let done = 0;
  await Promise.all(
    Array.from({ length: 1_000 }, async (_, i) => {
      const giveBack = await turns.take(`tenant-${i % 50}`);
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      done++;
      giveBack();
    }),
  );
  expect({ most, done, underWay }).toEqual({ most: 8, done: 1_000, underWay: 0 });
});

test('no more begin in a second than may', async () => {
  const turns = new StsTurns({ callsPerSecond: 200, concurrencyMax: 1_000 });
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      (await turns.take('acme'))();
    }),
  );
  // A tenth of a second's worth begins at once, and the other eighty take their time. A slow machine takes more.
  expect(performance.now() - begun).toBeGreaterThan(390);
});

test('a tenant with one waits for one of each other, and not for all that others have', async () => {
  const turns = new StsTurns({ callsPerSecond: 100_000, concurrencyMax: 1 });
  const order: string[] = [];
  const giveBack = await turns.take('first');
  const take = async (tenantId: string): Promise<void> => {
    const back = await turns.take(tenantId);
    order.push(tenantId);
    back();
  };
  const all = [
    ...Array.from({ length: 500 }, () => take('flood')),
    ...Array.from({ length: 5 }, () => take('other')),
    take('quiet'),
  ];
  giveBack();
  await Promise.all(all);
  expect(order.indexOf('quiet')).toBeLessThanOrEqual(2);
  expect(order.lastIndexOf('other')).toBeLessThan(15);
});

test('it says about how long whoever comes next would wait', async () => {
  const turns = new StsTurns({ callsPerSecond: 10, concurrencyMax: 1 });
  expect(turns.waitMs).toBe(0);
  const giveBack = await turns.take('acme');
  const waiting = Array.from({ length: 5 }, () => turns.take('acme'));
  expect(turns.waitMs).toBe(500);
  giveBack();
  for (const one of waiting) (await one)();
  expect(turns.waitMs).toBe(0);
});

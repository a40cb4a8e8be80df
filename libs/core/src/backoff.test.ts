import fc from 'fast-check';
import { backoffMs, RETRY } from './backoff';

const bounds = { firstMs: 1_000, mostMs: 300_000 };

test('a wait is never zero and never above the most, at any attempt', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      (attempt, entropy) => {
        const waitMs = backoffMs(attempt, entropy, bounds);
        expect(waitMs).toBeGreaterThanOrEqual(1);
        expect(waitMs).toBeLessThanOrEqual(bounds.mostMs);
      },
    ),
  );
});

test('the ceiling doubles with every attempt until it is reached', () => {
  const ceiling = (attempt: number) => backoffMs(attempt, 0.9999999, bounds);
  expect([1, 2, 3, 4].map(ceiling)).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(ceiling(20)).toBe(300_000);
});

test('the waits of a batch that goes on failing come to 80 minutes on average, and to 160 at most', () => {
  const minutes = (entropy: number): number => {
    let totalMs = 0;
    for (let failed = 1; failed < RETRY.attemptsMax; failed++)
      totalMs += backoffMs(failed, entropy, RETRY);
    return totalMs / 60_000;
  };
  expect(minutes(0.5)).toBeCloseTo(80, -1);
  expect(minutes(0.999_999)).toBeCloseTo(160, -1);
});

import fc from 'fast-check';
import { KeyRates } from './key-rates';

/** Redis as the script is, with a clock in the test's hand. */
class SharedClock {
  nowMs = 1_000_000;
  private readonly at = new Map<string, number>();

  readonly use = (uses: readonly { name: string; tookMs: number }[]): Promise<number[]> =>
    Promise.resolve(
      uses.map(({ name, tookMs }) => {
        const at = Math.max(this.at.get(name) ?? 0, this.nowMs) + tookMs;
        this.at.set(name, at);
        return Math.max(Math.ceil(at - this.nowMs), 0);
      }),
    );
}

const none = { logEventsPerSecond: 0, bytesPerSecond: 0 };

function rates(clock: SharedClock, defaults = none, burstMs = 1_000): KeyRates {
  return new KeyRates({ defaults, burstMs, use: clock.use, nowMs: () => clock.nowMs });
}

const key = { id: 'k', rate: { logEventsPerSecond: 100 } };
const of = (logEvents: number, bytes = 0) => ({ logEvents, bytes });

test.each([
  [99, 0],
  [100, 0],
  [101, 10],
])('of a burst of 100 log events, after %d the next may come in %d ms', (logEvents, waitMs) => {
  const meters = rates(new SharedClock());
  meters.take(key, of(logEvents));
  expect(meters.waitMs(key)).toBeCloseTo(waitMs);
  meters.stop();
});

test('a request larger than the burst is taken, and paid for', () => {
  const clock = new SharedClock();
  const meters = rates(clock);
  expect(meters.waitMs(key)).toBe(0);
  meters.take(key, of(5_000));
  expect(meters.waitMs(key)).toBeCloseTo(49_000);
  clock.nowMs += 49_000;
  expect(meters.waitMs(key)).toBe(0);
  meters.stop();
});

test('a rate of log events and one of bytes both hold, and what a key does not say itself the defaults do', () => {
  const meters = rates(new SharedClock(), { logEventsPerSecond: 10, bytesPerSecond: 1_000 });
  const [plain, own, free] = [
    { id: 'plain' },
    { id: 'own', rate: { bytesPerSecond: 4_000 } },
    { id: 'free', rate: none },
  ];
  for (const sender of [plain, own, free]) meters.take(sender, of(1, 5_000));
  expect([plain, own, free].map((sender) => Math.round(meters.waitMs(sender)))).toEqual([
    4_000, 250, 0,
  ]);
  meters.take(own, of(30));
  expect(meters.waitMs(own)).toBeCloseTo(2_100);
  meters.stop();
});

test('what was not taken through a fault of ours is not counted', () => {
  const meters = rates(new SharedClock());
  const takeBack = meters.take(key, of(500));
  takeBack();
  expect(meters.waitMs(key)).toBe(0);
  meters.stop();
});

test('over any time, what is let in is the rate, the burst, and at most one request', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 400 })), {
        minLength: 1,
        maxLength: 200,
      }),
      (requests) => {
        const clock = new SharedClock();
        const meters = rates(clock);
        const startMs = clock.nowMs;
        let letIn = 0;
        for (const [afterMs, logEvents] of requests) {
          clock.nowMs += afterMs;
          if (meters.waitMs(key) > 0) continue;
          meters.take(key, of(logEvents));
          letIn += logEvents;
        }
        meters.stop();
        expect(letIn).toBeLessThan(((clock.nowMs - startMs) / 1_000) * 100 + 100 + 401);
      },
    ),
  );
});

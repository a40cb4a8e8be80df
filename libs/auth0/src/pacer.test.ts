import fc from 'fast-check';
import { Pacer, rateReading } from './pacer';

/** An API with a bucket of requests, and a clock of its own: each call takes its time, and the next one comes behind it. */
class SlowApi {
  nowMs = 1_000_000;
  least = Number.POSITIVE_INFINITY;
  refusals = 0;
  private level: number;
  private filledAtMs = this.nowMs;

  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
    private readonly latencyMs: () => number,
    /** What is different in its headers. */
    private readonly change: (headers: Headers, nowMs: number) => void = () => undefined,
  ) {
    this.level = burst;
  }

  run(pacer: Pacer, calls: number): number {
    const beganAtMs = this.nowMs;
    for (let done = 0; done < calls;) {
      const waitMs = pacer.take(this.nowMs);
      if (waitMs > 0) {
        this.nowMs += Math.ceil(waitMs);
        continue;
      }
      const latencyMs = this.latencyMs();
      this.nowMs += latencyMs / 2;
      const headers = this.answer();
      this.nowMs += latencyMs / 2;
      const reading = rateReading(headers, this.nowMs);
      if (this.level < 0) pacer.refused(this.nowMs, reading);
      else pacer.answered(this.nowMs, reading);
      done++;
    }
    return this.nowMs - beganAtMs;
  }

  private answer(): Headers {
    const gained = ((this.nowMs - this.filledAtMs) / 1_000) * this.perSecond;
    this.level = Math.min(this.burst, this.level + gained);
    this.filledAtMs = this.nowMs;
    if (this.level < 1) this.refusals++;
    else this.level -= 1;
    const remaining = Math.floor(this.level);
    this.least = Math.min(this.least, remaining);
    const fullAtMs = this.nowMs + ((this.burst - this.level) / this.perSecond) * 1_000;
    const headers = new Headers({
      'x-ratelimit-limit': String(this.burst),
      'x-ratelimit-remaining': String(remaining),
      'x-ratelimit-reset': String(Math.ceil(fullAtMs / 1_000)),
    });
    this.change(headers, this.nowMs);
    return headers;
  }
}

test.each([
  ['Enterprise, production', 50, 16, 50],
  ['Enterprise, not production', 10, 2, 50],
  ['Enterprise, production, far away', 50, 16, 55],
])('%s: 1,000 requests take what the limit lets through, and less than 5 %% more', (...row) => {
  const [, burst, perSecond, latencyMs] = row;
  const api = new SlowApi(burst, perSecond, () => latencyMs);
  const ms = api.run(new Pacer(), 1_000);
  const leastMs = ((1_000 - burst) / perSecond) * 1_000;
  expect(ms).toBeLessThan(leastMs / 0.95);
  expect(api.refusals).toBe(0);
  expect(api.least).toBeGreaterThanOrEqual(1);
});

test('a limit that is not met costs no wait at all', () => {
  const api = new SlowApi(50, 16, () => 70);
  expect(api.run(new Pacer(), 500)).toBe(500 * 70);
});

test('the smallest plan is kept to as well, where two are there at once and one of them is left', () => {
  const api = new SlowApi(2, 2, () => 50);
  const ms = api.run(new Pacer(), 100);
  expect(api.refusals).toBe(0);
  expect(api.least).toBe(1);
  // The header tells seconds apart, and no more is to be learnt of a bucket of two without emptying it.
  expect(ms).toBeLessThan(150_000);
});

test('whatever the limit and however slow the API, the last request is never used', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 100 }),
      fc.double({ min: 0.5, max: 50, noNaN: true }),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
      (burst, perSecond, latencies) => {
        let i = 0;
        const api = new SlowApi(burst, perSecond, () => latencies[i++ % latencies.length] ?? 1);
        api.run(new Pacer(), 300);
        expect(api.refusals).toBe(0);
        expect(api.least).toBeGreaterThanOrEqual(1);
      },
    ),
    { numRuns: 200 },
  );
});

const RESET = 'x-ratelimit-reset';
const seconds = (ms: number): string => String(Math.ceil(ms / 1_000));

test.each<[string, (headers: Headers, nowMs: number) => void]>([
  ['in the past', (headers, nowMs) => headers.set(RESET, seconds(nowMs - 60_000))],
  ['now', (headers, nowMs) => headers.set(RESET, String(Math.floor(nowMs / 1_000)))],
  ['in milliseconds', (headers, nowMs) => headers.set(RESET, String(nowMs))],
  ['nowhere', (headers) => headers.delete(RESET)],
  ['in words', (headers) => headers.set(RESET, 'soon')],
])('with a reset %s, the last request is left all the same', (_, change) => {
  const api = new SlowApi(50, 16, () => 50, change);
  const ms = api.run(new Pacer(), 300);
  expect(api.refusals).toBe(0);
  expect(api.least).toBeGreaterThanOrEqual(1);
  expect(ms).toBeLessThan(120_000);
});

test.each([-3_600_000, -30_000, 30_000, 3_600_000])(
  'where our clock is %d ms ahead, an answer says by its date when its reset is',
  (aheadMs) => {
    const api = new SlowApi(
      10,
      2,
      () => 50,
      (headers, nowMs) => {
        const theirMs = nowMs - aheadMs + 100_000_000;
        headers.set('date', new Date(theirMs).toUTCString());
        const resetMs = Number(headers.get(RESET)) * 1_000 - nowMs + theirMs;
        headers.set(RESET, seconds(resetMs));
      },
    );
    const ms = api.run(new Pacer(), 200);
    expect(api.refusals).toBe(0);
    expect(api.least).toBeGreaterThanOrEqual(1);
    expect(ms).toBeLessThan(((200 - 10) / 2) * 1_000 * 1.2);
  },
);

test('several at once leave the last request as well', () => {
  const pacer = new Pacer();
  expect(pacer.take(0)).toBe(0);
  pacer.answered(50, { limit: 10, remaining: 4 });
  expect([pacer.take(50), pacer.take(50), pacer.take(50)]).toEqual([0, 0, 0]);
  expect(pacer.take(50)).toBeGreaterThan(0);
});

test('who was refused comes back when he was told to, and without that later each time', () => {
  const pacer = new Pacer();
  pacer.take(0);
  pacer.refused(100, { limit: 50, remaining: 0 }, 3_000);
  expect(pacer.take(100)).toBe(3_000);
  expect(pacer.take(3_099)).toBe(1);
  const growing = [1, 2, 3].map(() => {
    pacer.refused(0, undefined);
    return pacer.take(0);
  });
  expect(growing).toEqual([2_000, 4_000, 8_000]);
});

test('answers without the headers are not waited for', () => {
  const pacer = new Pacer();
  for (let i = 0; i < 100; i++) {
    expect(pacer.take(i)).toBe(0);
    pacer.answered(i, rateReading(new Headers({ 'x-ratelimit-remaining': 'many' }), 0));
  }
});

test('who was refused once by an API that says nothing of its limit goes on as before', () => {
  const pacer = new Pacer();
  pacer.take(0);
  pacer.refused(0, undefined, 1_000);
  expect(pacer.take(1_000)).toBe(0);
  pacer.answered(1_050, undefined);
  expect([pacer.take(1_050), pacer.take(1_050), pacer.take(1_050)]).toEqual([0, 0, 0]);
});

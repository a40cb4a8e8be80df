import { Failure, type FailureCode } from '@logferry/core';
import { patiently } from './patience';

const HOLD_MS = 60_000;
const throttled = (): Failure => new Failure('source.throttled', { retryAfterMs: 20_000 });

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** How long it was patient, and what came of it. */
async function patience(failures: (attempt: number) => Failure | undefined) {
  const beganMs = Date.now();
  let attempt = 0;
  let code: FailureCode | undefined;
  const work = (): Promise<string> => {
    const failure = failures(attempt++);
    return failure === undefined ? Promise.resolve('well') : Promise.reject(failure);
  };
  const wait = (ms: number): Promise<void> => {
    jest.advanceTimersByTime(ms);
    return Promise.resolve();
  };
  await patiently(work, { holdMs: HOLD_MS, wait, onTrouble: () => undefined }).catch(
    (error: unknown) => {
      if (!(error instanceof Failure)) throw error;
      ({ code } = error);
    },
  );
  return { code, tookMs: Date.now() - beganMs };
}

test('what may pass is tried again for as long as a run may be held, and no longer', async () => {
  const { code, tookMs } = await patience(() => new Failure('source.unavailable'));
  expect(code).toBe('source.unavailable');
  expect(tookMs).toBeGreaterThan(HOLD_MS / 2);
  expect(tookMs).toBeLessThanOrEqual(HOLD_MS);
});

test('being asked to slow down is waited for longer than that', async () => {
  const { code, tookMs } = await patience((n) => (n < 10 ? throttled() : undefined));
  expect(code).toBeUndefined();
  expect(tookMs).toBeGreaterThanOrEqual(200_000);
});

test('and who never lets anything through again holds no run for ever', async () => {
  const { code, tookMs } = await patience((n) => (n < 10_000 ? throttled() : undefined));
  expect(code).toBe('source.throttled');
  expect(tookMs).toBeGreaterThan(10 * HOLD_MS);
  expect(tookMs).toBeLessThan(15 * HOLD_MS);
});

test('what somebody must mend is told at once', async () => {
  const { code, tookMs } = await patience(() => new Failure('source.client_refused'));
  expect({ code, tookMs }).toEqual({ code: 'source.client_refused', tookMs: 0 });
});

import { backoffMs, Failure } from '@logferry/core';

const BACKOFF = { firstMs: 500, mostMs: 30_000 } as const;
/** A limit comes back within a minute. Who says for so much longer that it has not would hold the run, and nobody would be told. */
const THROTTLED_TIMES = 12;

interface PatienceOptions {
  /** For how long something may go wrong before it is given up; being asked to slow down is nothing going wrong, for twelve times that. */
  holdMs: number;
  wait: (ms: number) => Promise<void>;
  onTrouble: (failure: Failure, waitMs: number) => void;
}

/**
 * Tries what may go well in a moment again, and waits as long as is asked for.
 *
 * @throws Failure what somebody must mend at once, and everything else when it has gone on for `holdMs`
 */
export async function patiently<T>(
  work: () => Promise<T>,
  { holdMs, wait, onTrouble }: PatienceOptions,
): Promise<T> {
  let sinceMs: number | undefined;
  let throttledSinceMs: number | undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Failure) || !mayPass(error)) throw error;
      const waitMs = Math.max(error.retryAfterMs ?? 0, backoffMs(attempt, Math.random(), BACKOFF));
      const nowMs = Date.now();
      if (error.code === 'source.throttled') throttledSinceMs ??= nowMs;
      else sinceMs ??= nowMs;
      if (sinceMs !== undefined && nowMs - sinceMs + waitMs > holdMs) throw error;
      if (nowMs - (throttledSinceMs ?? nowMs) > THROTTLED_TIMES * holdMs) throw error;
      onTrouble(error, waitMs);
      await wait(waitMs);
    }
  }
}

const mayPass = ({ disposition }: Failure): boolean =>
  disposition === 'retry' || disposition === 'defer';

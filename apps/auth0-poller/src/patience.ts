import { backoffMs, Failure } from '@logferry/core';

const BACKOFF = { firstMs: 500, mostMs: 30_000 } as const;

interface PatienceOptions {
  /** For how long something may go wrong before it is given up; being asked to slow down is nothing going wrong. */
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
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Failure) || !mayPass(error)) throw error;
      const waitMs = Math.max(error.retryAfterMs ?? 0, backoffMs(attempt, Math.random(), BACKOFF));
      if (error.code !== 'source.throttled') sinceMs ??= Date.now();
      if (sinceMs !== undefined && Date.now() - sinceMs + waitMs > holdMs) throw error;
      onTrouble(error, waitMs);
      await wait(waitMs);
    }
  }
}

const mayPass = ({ disposition }: Failure): boolean =>
  disposition === 'retry' || disposition === 'defer';

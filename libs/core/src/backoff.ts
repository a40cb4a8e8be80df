interface Backoff {
  firstMs: number;
  mostMs: number;
}

/**
 * How failed attempts are followed by others. The 39 waits between 40 attempts come to an hour and twenty minutes on average, and to
 * two hours and forty minutes at most.
 */
export const RETRY = { firstMs: 1_000, mostMs: 300_000, attemptsMax: 40 } as const;

/**
 * The wait before the next attempt: exponential with full jitter, so that a crowd that failed together does not come back together.
 *
 * @param attempt how many attempts have failed, from 1
 * @param entropy a number in [0, 1)
 * @returns milliseconds in [1, mostMs]
 */
export function backoffMs(attempt: number, entropy: number, { firstMs, mostMs }: Backoff): number {
  const ceilingMs = Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 40));
  return 1 + Math.floor(entropy * ceilingMs);
}

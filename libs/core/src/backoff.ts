interface Backoff {
  firstMs: number;
  mostMs: number;
}

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

interface UntilOptions {
  timeoutMs?: number;
  intervalMs?: number;
  /** What is waited for, for the error that says that it did not come. */
  what?: string;
}

/** Waits for a fact: asks again and again until the answer is neither false nor undefined, or throws when time is up. */
export async function until<T>(
  ask: () => T | Promise<T>,
  { timeoutMs = 20_000, intervalMs = 10, what = ask.toString() }: UntilOptions = {},
): Promise<Exclude<T, false | undefined>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

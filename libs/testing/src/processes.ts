import { createServer } from 'node:net';

/** A TCP port that was free a moment ago, on the loopback interface. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

interface UntilOptions {
  timeoutMs?: number;
  intervalMs?: number;
  /** What is waited for, for the error that says that it did not come. */
  what?: string;
}

/** Waits for a fact: asks again and again until the answer is neither false nor undefined, or throws when time is up. */
export async function until<T>(
  ask: () => T | Promise<T>,
  { timeoutMs = 10_000, intervalMs = 10, what = ask.toString() }: UntilOptions = {},
): Promise<Exclude<T, false | undefined>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

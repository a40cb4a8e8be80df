import { mkdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** A TCP port that was free a moment ago, on the loopback interface. */
export async function freePort(): Promise<number> {
  const port = await listenOnce(0);
  if (port === undefined) throw new Error('no port was given');
  return port;
}

/**
 * Below the ports that Linux (from 32768) and macOS (from 49152) give to outgoing connections; and so are those 10,000 above, on which
 * the nodes of a Redis Cluster talk to each other.
 */
const STEADY = { from: 12_000, to: 22_000 } as const;
/**
 * A file for each port that was given, to whichever process of this machine: whoever has one may listen on it only later, or not for
 * minutes, as a broker that is down. Drawn twice, one of the two could not start (seen one time in fifty, and between two test runs).
 */
export const GIVEN = join(tmpdir(), `logferry-ports-${userInfo().uid}`);
/** No test run takes longer. */
const GIVEN_FOR_MS = 3 * 3_600_000;

/**
 * A TCP port for something that is stopped and started again: the system gives it to nobody else while nothing listens on it, as it
 * does with those that `freePort` finds (seen on a busy machine).
 */
export async function steadyPort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const candidate = STEADY.from + Math.floor(Math.random() * (STEADY.to - STEADY.from));
    if (!claim(candidate)) continue;
    if ((await listenOnce(candidate)) !== undefined) return candidate;
  }
  throw new Error('no port is free');
}

/** Whether the port is ours now. */
function claim(port: number): boolean {
  mkdirSync(GIVEN, { recursive: true });
  const file = join(GIVEN, String(port));
  try {
    if (Date.now() - statSync(file).mtimeMs > GIVEN_FOR_MS) unlinkSync(file);
  } catch {
    // Nobody has it, or somebody else has just given it up.
  }
  try {
    writeFileSync(file, '', { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

/** The port that was listened on; nothing if it is taken. */
async function listenOnce(port: number): Promise<number | undefined> {
  const server = createServer();
  const listens = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (!listens) return undefined;
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address === null || typeof address === 'string' ? undefined : address.port;
}

import { fork, type ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** Where the repository lies, seen from the built tools. */
export const ROOT = join(__dirname, '..', '..');

/** Thrown for what a person can mend; its message is all that they need to read. */
export class StartProblem extends Error {
  override readonly name = 'StartProblem';
}

export interface AppPlan {
  name: string;
  /** The built main, below `dist`. */
  main: string;
  env: Record<string, string>;
}

/** One of our processes. */
export interface OwnProcess {
  name: string;
  /** Undefined if it could not even be started. */
  pid: number | undefined;
  /** Resolves with its ports when it says that it is ready; rejects with its last words if it ends before. */
  ready: Promise<Record<string, number>>;
  /** Resolves when it has ended, for whatever reason. */
  ended: Promise<void>;
  /** Lets it stop in its own time, up to a bound. */
  stop(): Promise<void>;
  /** Sends it a message, and resolves with the report that it answers with. */
  ask(what?: string): Promise<unknown>;
  /** kill -9. */
  kill(): Promise<void>;
}

const READY_MS = 30_000;
const STOP_MS = 25_000;

/** The environment of a child: ours without what would lead the AWS SDK to somebody's real account. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_')),
  );
}

/**
 * Starts one of our processes. Its output goes to a file. It is in a process group of its own, so that Ctrl-C reaches us alone and
 * we stop things in their order; and it stops by itself when we are gone.
 */
export function startProcess({ name, main, env }: AppPlan, logDir: string): OwnProcess {
  mkdirSync(logDir, { recursive: true });
  const log = createWriteStream(join(logDir, `${name}.log`), { flags: 'a' });
  const child = fork(join(ROOT, 'dist', main), {
    cwd: ROOT,
    env: { ...cleanEnvironment(), ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: ['--enable-source-maps'],
  });
  let lastWords = '';
  child.stdout?.pipe(log);
  child.stderr?.on('data', (data: Buffer) => {
    lastWords = (lastWords + data.toString()).slice(-2_000);
    log.write(data);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
  };
  const ready = untilReady(child, name).catch((error: unknown) => {
    throw new StartProblem(lastWords.trim() === '' ? String(error) : lastWords.trim());
  });
  ready.catch(() => undefined); // whoever waits for it hears of it; whoever does not must not end for it
  return {
    name,
    pid: child.pid,
    ready,
    ended,
    ask: (what = 'report') => askReport(child, what),
    stop,
    kill,
  };
}

function untilReady(child: ChildProcess, name: string): Promise<Record<string, number>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${name} was not ready within ${READY_MS / 1_000} s`)),
      READY_MS,
    );
    child.on('message', (message: { type?: string; ports?: Record<string, number> }) => {
      if (message.type !== 'ready') return;
      clearTimeout(timer);
      resolve(message.ports ?? {});
    });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      reject(new Error(`${name} ended while it started`));
    });
  });
}

function askReport(child: ChildProcess, ask: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('it ended before it reported'));
    child.once('close', onClose);
    const onMessage = (message: { type?: string; report?: unknown }): void => {
      if (message.type !== 'report') return;
      child.off('message', onMessage);
      child.off('close', onClose);
      resolve(message.report);
    };
    child.on('message', onMessage);
    child.send({ ask });
  });
}

/** Makes sure that a port can be had, before anything is started that would have to be stopped again. */
export async function assertPortFree(port: number, what: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new StartProblem(`Port ${port} is taken, which ${what} needs: stop what listens there.`)
          : error,
      );
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()));
  });
}

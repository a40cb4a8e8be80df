import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** One of our processes, as a test sees it from outside. */
export interface BuiltApp {
  readonly pid: number;
  /** Resolves with its ports when it says that it is ready; rejects with its last words if it ends before. */
  readonly ready: Promise<Record<string, number>>;
  /** Resolves when it has ended, with all of its output. */
  readonly ended: Promise<BuiltAppEnd>;
  /** What it has written so far, log and complaints together. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  /** What happens to a process when the one that started it dies. */
  disconnect(): void;
  /** What happens when whoever reads its log dies. */
  closeOutput(): void;
  /** kill -9, if it still runs. */
  stop(): Promise<void>;
}

export interface BuiltAppEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
  /** What went to standard error alone. */
  complaints: string;
}

const DIST = join(__dirname, '..', '..', '..', 'dist');

/** A file as the build has made it, by its path in the repository. */
export function builtFile(path: string): string {
  const file = join(DIST, path.replace(/\.ts$/, '.js'));
  if (!existsSync(file)) throw new Error(`${path} is not built: run "npm run build" first`);
  return file;
}

/** Starts a built app with this environment and nothing of ours from the surroundings. */
export function startBuiltApp(
  name: string,
  environment: Readonly<Record<string, string>> = {},
): BuiltApp {
  const child = fork(builtFile(`apps/${name}/src/main.ts`), {
    env: { ...ownEnvironment(), ...environment },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('a piped output is there');
  let output = '';
  let complaints = '';
  stdout.on('data', (data: Buffer) => (output += data.toString()));
  stderr.on('data', (data: Buffer) => {
    output += data.toString();
    complaints += data.toString();
  });
  // Not the event 'close': after a disconnect from our side it never comes.
  const ended = Promise.all([
    once(child, 'exit'),
    once(stdout, 'close'),
    once(stderr, 'close'),
  ]).then((): BuiltAppEnd => ({
    code: child.exitCode,
    signal: child.signalCode,
    output,
    complaints,
  }));
  const ready = new Promise<Record<string, number>>((resolve, reject) => {
    child.on('message', (message: { ports?: Record<string, number> }) =>
      resolve(message.ports ?? {}),
    );
    void ended.then(() => reject(new Error(`${name} ended before it was ready: ${output}`)));
  });
  ready.catch(() => undefined); // a test may be about a process that never is
  return {
    pid: child.pid ?? 0,
    ready,
    ended,
    output: () => output,
    signal: (signal) => void child.kill(signal),
    disconnect: () => child.disconnect(),
    closeOutput: () => {
      stdout.destroy();
      stderr.destroy();
    },
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(LOGFERRY_|REDIS_URL|AWS_|NODE_OPTIONS)/.test(name),
    ),
  );
}

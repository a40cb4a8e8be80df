import { setFlagsFromString } from 'node:v8';
import type { Logger } from './logger';
import { ConfigError } from './config';

/** A process that is up: where it listens, and how it stops. */
export interface RunningApp {
  log: Logger;
  /** Told to the parent that started us, if there is one, and to the log. */
  ports: Record<string, number>;
  close(): Promise<void>;
  shutdownDeadlineMs: number;
}

/**
 * The life of a process: start, or say in one sentence why not; stop once on SIGTERM, SIGINT or when the parent that watches over it
 * is gone; and never outlive the deadline.
 */
export async function runApp(start: () => Promise<RunningApp>): Promise<void> {
  // V8 starts a full collection for every 64 MiB of buffers, however much memory there is, and a worker goes through that in a
  // quarter of a second: collecting took half of its CPU (measured). With this flag, buffers count like everything else.
  setFlagsFromString('--external-memory-accounted-in-global-limit');
  // V8 may learn, while a process is new and its young space small, that what a request makes lives long, and makes it in old space
  // from then on. There it lies dead until the next full collection, and holds all the text that it points to: every scavenge copied a
  // fifth of what was allocated, and ingest took 4.1 instead of 2.8 s for a million log events, in most of its starts (measured).
  setFlagsFromString('--no-allocation-site-pretenuring');
  let app: RunningApp;
  try {
    app = await start();
  } catch (error) {
    process.stderr.write(`${startProblem(error)}\n`);
    process.exit(1);
  }
  const { log } = app;
  let stopping = false;
  const stop = (why: string): void => {
    if (stopping) return;
    stopping = true;
    log.info({ why }, 'stopping');
    const cutOff = (): void => {
      log.error('not stopped by the deadline');
      process.exit(1);
    };
    // In two parts: where the machine stood still for a while, what is due to end gets its turns before it is cut off.
    setTimeout(() => setTimeout(cutOff, 500).unref(), app.shutdownDeadlineMs + 500).unref();
    app.close().then(
      () => {
        log.info('stopped');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'stopped with an error');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('disconnect', () => stop('the parent is gone'));
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'unhandled rejection');
    process.exit(1);
  });
  if (process.send !== undefined && !process.connected) stop('the parent is gone');
  if (process.connected) process.send?.({ type: 'ready', ports: app.ports });
  log.info({ ports: app.ports }, 'ready');
}

/** One clear sentence for what a person can mend; a stack only for what they cannot. */
function startProblem(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (isSystemError(error) && error.code === 'EADDRINUSE') {
    return `Port ${error.port ?? ''} is taken: stop what listens there, or choose another port.`;
  }
  if (isSystemError(error) && error.code === 'EACCES') {
    return `Port ${error.port ?? ''} may not be opened by this user: choose one above 1023.`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function isSystemError(error: unknown): error is Error & { code: string; port?: number } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** Fields that are never written, wherever in a line they stand. */
const MASKED = ['authorization', 'secretAccessKey', 'sessionToken', 'password', 'secret'].flatMap(
  (name) => [name, `*.${name}`, `*.*.${name}`],
);

/** The log of a process: one line of JSON an event, to standard output. */
export function openLogger(app: string, level: string): Logger {
  // When whoever read our output is gone, there is nobody to tell. pino's own destination would retry the write for ever, with the
  // event loop blocked, and the process could not even stop (seen). One listener is enough, however many logs are opened.
  const { stdout } = process;
  if (stdout.listenerCount('error') === 0) stdout.on('error', () => undefined);
  return pino(
    {
      level,
      base: { app },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // The second net: secrets are of a type that prints itself as [secret]; these are for what comes from elsewhere.
      redact: MASKED,
    },
    stdout,
  );
}

/** Nest's own words in our log. Its reports of who wired what are for debugging; its errors are errors. */
export function nestLogger(log: Logger): LoggerService {
  const line = (message: unknown): string =>
    (message instanceof Error ? message.message : String(message)).slice(0, 1_000);
  return {
    log: (message: unknown) => log.debug(line(message)),
    debug: (message: unknown) => log.debug(line(message)),
    verbose: (message: unknown) => log.trace(line(message)),
    warn: (message: unknown) => log.warn(line(message)),
    error: (message: unknown) => log.error(line(message)),
    fatal: (message: unknown) => log.fatal(line(message)),
  };
}

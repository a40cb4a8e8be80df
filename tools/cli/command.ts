import { parseArgs, type ParseArgsConfig } from 'node:util';
import { Misuse } from '../misuse';
import { connect, connectionOptions } from './connection';
import type { ConsoleClient } from './console-client';
import { Terminal } from './terminal';

/** One of the commands behind `npx logferry`. */
export interface Command {
  name: string;
  /** For the list of all commands. */
  summary: string;
  /** What it takes and does, without what all commands take. */
  help: string;
  /** @returns the exit code */
  run(args: string[]): Promise<number>;
}

/** What every command takes. */
const commonOptions = {
  ...connectionOptions,
  json: { type: 'boolean', default: false },
} as const;

export const COMMON_HELP = `  --url URL    where the console is (default: $LOGFERRY_CONSOLE_URL, else that of npm start, else http://127.0.0.1:8081)
  --key KEY    the key to ask with; others on this machine see it while the command runs, so rather set
               LOGFERRY_CONSOLE_KEY, or LOGFERRY_CONSOLE_KEY_FILE to a file with it. LOGFERRY_CONSOLE_PASSWORD, the
               console's own, does too.
  --json       the result as JSON
`;

/** What was typed, of what this command takes besides what every command does. */
export function readArgs<const O extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  own: O,
) {
  const options = { ...own, ...commonOptions };
  return parseArgs<{ args: string[]; allowPositionals: true; options: typeof options }>({
    args,
    allowPositionals: true,
    options,
  });
}

/** What a command works with. */
export interface Session {
  terminal: Terminal;
  console: ConsoleClient;
}

export function openSession(given: {
  url?: string | undefined;
  key?: string | undefined;
  json: boolean;
}): Session {
  return { terminal: new Terminal(given.json), console: connect(given) };
}

/**
 * The arguments that have no name, by the names that the help gives them; one that ends with `?` may be left out.
 *
 * @throws Misuse
 */
export function named(positionals: readonly string[], ...names: string[]): string[] {
  const missing = names.find((name, i) => !name.endsWith('?') && positionals[i] === undefined);
  if (missing !== undefined) throw new Misuse(`${missing} is missing`);
  const extra = positionals[names.length];
  if (extra !== undefined) throw new Misuse(`${extra} is one argument too many`);
  return [...positionals];
}

/** What must be sure before something is done that others feel. Without anybody to ask, it must have been said beforehand. */
export async function assertWanted(
  terminal: Terminal,
  isSaid: boolean,
  question: string,
): Promise<boolean> {
  if (isSaid) return true;
  if (!terminal.hasPerson) throw new Misuse('nobody can be asked here: say --yes');
  return terminal.confirm(question);
}

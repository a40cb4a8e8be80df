// Where the console is, and as whom it is asked.
import { readFileSync } from 'node:fs';
import { readLocalStart } from '../local-start';
import { Misuse } from '../misuse';
import { ConsoleClient } from './console-client';

export const DEFAULT_URL = 'http://127.0.0.1:8081';

export const connectionOptions = {
  url: { type: 'string' },
  key: { type: 'string' },
} as const;

interface Given {
  url?: string | undefined;
  key?: string | undefined;
}

/** @param started what npm start has left, if it has run in this clone */
export function connect(
  given: Given,
  environment: NodeJS.ProcessEnv = process.env,
  started = readLocalStart,
): ConsoleClient {
  const named = given.url ?? set(environment.LOGFERRY_CONSOLE_URL);
  const credentials = authorization(given.key, environment);
  // What npm start made up opens the console of npm start, and is shown to no other.
  const local = named === undefined ? started()?.console : undefined;
  const url = checkedUrl(named ?? local?.url ?? DEFAULT_URL);
  const shown = credentials ?? (local === undefined ? undefined : basic(local.password));
  if (shown === undefined)
    throw new Misuse(
      'no key: set LOGFERRY_CONSOLE_KEY or LOGFERRY_CONSOLE_PASSWORD, or run npm start first',
    );
  return new ConsoleClient(url, shown);
}

function authorization(
  key: string | undefined,
  environment: NodeJS.ProcessEnv,
): string | undefined {
  const shown = key ?? secretOf('LOGFERRY_CONSOLE_KEY', environment);
  if (shown !== undefined) return `Bearer ${headerText(shown)}`;
  const password = secretOf('LOGFERRY_CONSOLE_PASSWORD', environment);
  return password === undefined ? undefined : basic(password);
}

/** As the processes take their secrets: itself, or the name of a file with `_FILE` behind the variable's. */
export function secretOf(name: string, environment: NodeJS.ProcessEnv): string | undefined {
  const file = set(environment[`${name}_FILE`]);
  if (file === undefined) return set(environment[name]);
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    throw new Misuse(`${name}_FILE names a file that cannot be read: ${file}`);
  }
}

/** Else the error that names what must not stand in a header would show the key. */
function headerText(key: string): string {
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new Misuse('the key holds characters that no key of Logferry has');
}

function basic(password: string): string {
  return `Basic ${Buffer.from(`logferry:${password}`).toString('base64')}`;
}

function set(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

/** @throws Misuse */
export function checkedUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Misuse(`${text} is not the URL of anything, such as ${DEFAULT_URL}`);
  return url.href.replace(/\/+$/, '');
}

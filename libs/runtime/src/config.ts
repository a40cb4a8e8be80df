import { readFileSync } from 'node:fs';
import type { z } from 'zod';

/** One environment variable: its name, what it may be, and a sentence that says what it is for. */
export interface Setting<T> {
  name: string;
  schema: z.ZodType<T, string | undefined>;
  description: string;
  /** What the reference shows where the variable is not set. */
  default: string | undefined;
  example: string | undefined;
  secret: boolean;
}

/** A process's settings: each process declares its own, and reads no other. */
export type Settings = Record<string, Setting<unknown>>;
export type ConfigOf<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/** What is wrong with the environment, all of it at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super(
      `The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
  }
}

/**
 * The variables of the other processes, by their prefix: they may stand in an environment that all processes share. Any other
 * `LOGFERRY_` variable that a process does not know is a mistyped one, and refused.
 */
const PREFIXES = [
  'INGEST',
  'CLOUDWATCH_WORKER',
  'S3_WORKER',
  'BROKER',
  'CONSOLE',
  'AUTH0_POLLER',
].map((area) => `LOGFERRY_${area}_`);

/**
 * What may stand there too and belongs to no single process that would refuse a mistyped one: the settings that only some processes
 * read, and those of commands. By their whole names, so that every process refuses what is merely like them.
 */
const SHARED = new Set([
  'LOGFERRY_DEAD_LETTER_RETENTION_MS',
  'LOGFERRY_DEAD_LETTER_TENANT_BYTES_MAX',
  'LOGFERRY_REDIS_SHARDS',
  'LOGFERRY_WORKER_BROKER_HOST',
  'LOGFERRY_WORKER_BROKER_TLS_DIR',
  'LOGFERRY_AUTH0_DOMAINS',
  'LOGFERRY_AUTH0_ENDPOINT_URL',
  'LOGFERRY_SEND_KEY',
  'LOGFERRY_CONSOLE_URL',
  'LOGFERRY_CONSOLE_KEY',
  'LOGFERRY_CONSOLE_KEY_FILE',
]);

/**
 * Reads a process's settings from the environment, once. A secret may come from a file instead, named by the variable with `_FILE`
 * behind it.
 *
 * @param ownPrefix the prefix under which unknown variables are refused, such as `LOGFERRY_INGEST_`
 * @throws ConfigError naming every problem
 */
export function loadConfig<S extends Settings>(
  settings: S,
  ownPrefix: string,
  environment: NodeJS.ProcessEnv = process.env,
): ConfigOf<S> {
  const problems: string[] = unknownNames(settings, ownPrefix, environment);
  const config: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(settings)) {
    const text = readSetting(setting, environment, problems);
    const parsed = setting.schema.safeParse(text === '' ? undefined : text);
    if (parsed.success) config[key] = parsed.data;
    else
      problems.push(
        problem(setting, text, parsed.error.issues.map((issue) => issue.message).join('; ')),
      );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config) as ConfigOf<S>;
}

function readSetting(
  setting: Setting<unknown>,
  environment: NodeJS.ProcessEnv,
  problems: string[],
): string | undefined {
  const fileName = setting.secret ? environment[`${setting.name}_FILE`] : undefined;
  if (fileName === undefined || fileName === '') return environment[setting.name];
  try {
    return readFileSync(fileName, 'utf8').trim();
  } catch {
    problems.push(`${setting.name}_FILE names a file that cannot be read: ${fileName}`);
    return environment[setting.name];
  }
}

function problem(setting: Setting<unknown>, text: string | undefined, expected: string): string {
  const received =
    text === undefined || text === ''
      ? 'is not set'
      : `is ${setting.secret ? '[secret]' : JSON.stringify(text)}`;
  const example = setting.example === undefined ? '' : `, for example ${setting.example}`;
  return `${setting.name} ${received}; it ${expected}${example}`;
}

function unknownNames(
  settings: Settings,
  ownPrefix: string,
  environment: NodeJS.ProcessEnv,
): string[] {
  const known = new Set(
    Object.values(settings).flatMap(({ name, secret }) =>
      secret ? [name, `${name}_FILE`] : [name],
    ),
  );
  const foreign = PREFIXES.filter((prefix) => prefix !== ownPrefix);
  return Object.keys(environment)
    .filter((name) => name.startsWith('LOGFERRY_') && !known.has(name) && !SHARED.has(name))
    .filter((name) => !foreign.some((prefix) => name.startsWith(prefix)))
    .map((name) => `${name} is not a setting of this process`);
}

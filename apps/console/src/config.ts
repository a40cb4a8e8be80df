import {
  commonSettings,
  deadLetterSettings,
  flag,
  host,
  integer,
  loadConfig,
  port,
  redisSettings,
  secret,
  type ConfigOf,
} from '@logferry/runtime';

export const consoleSettings = {
  ...commonSettings,
  ...redisSettings,
  ...deadLetterSettings,
  host: host('LOGFERRY_CONSOLE_HOST'),
  port: port('LOGFERRY_CONSOLE_PORT', 8081),
  password: secret({
    name: 'LOGFERRY_CONSOLE_PASSWORD',
    description: 'The password of the console.',
  }),
  readOnly: flag(
    {
      name: 'LOGFERRY_CONSOLE_READ_ONLY',
      description: 'Whether the console only shows: nothing can be retried, promoted or paused.',
    },
    false,
  ),
  loginHours: integer(
    { name: 'LOGFERRY_CONSOLE_LOGIN_HOURS', description: 'How long a login lasts.' },
    { min: 1, max: 720, default: 12 },
  ),
};

export type ConsoleConfig = ConfigOf<typeof consoleSettings>;

/** The token under which the module knows its configuration. */
export const CONSOLE_CONFIG = Symbol('ConsoleConfig');

export function loadConsoleConfig(): ConsoleConfig {
  return loadConfig(consoleSettings, 'LOGFERRY_CONSOLE_');
}

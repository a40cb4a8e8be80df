import {
  auth0Settings,
  brokerClientSettings,
  commonSettings,
  host,
  integer,
  loadConfig,
  port,
  redisSettings,
  secret,
  text,
  type ConfigOf,
} from '@logferry/runtime';

const PREFIX = 'LOGFERRY_AUTH0_POLLER_';

export const auth0PollerSettings = {
  ...commonSettings,
  ...brokerClientSettings,
  ...auth0Settings,
  redisUrl: redisSettings.redisUrl,
  host: host(`${PREFIX}HOST`),
  port: port(`${PREFIX}PORT`, 8086),
  ingestUrl: text(
    {
      name: `${PREFIX}INGEST_URL`,
      description: 'Where ingest is, which takes what was read.',
    },
    'http://127.0.0.1:8080',
  ),
  ingestKey: secret({
    name: `${PREFIX}INGEST_KEY`,
    description:
      "A key of the platform that ingest takes log events with: `LOGFERRY_INGEST_PLATFORM_KEY`, or one of the console's.",
  }),
  concurrency: integer(
    { name: `${PREFIX}CONCURRENCY`, description: 'How many sources this process reads at once.' },
    { min: 1, max: 1_000, default: 50 },
  ),
  requestTimeoutMs: integer(
    {
      name: `${PREFIX}REQUEST_TIMEOUT_MS`,
      description: 'How long to wait for an answer of Auth0, or of ingest.',
    },
    { min: 100, max: 120_000, default: 15_000 },
  ),
  holdMs: integer(
    {
      name: `${PREFIX}HOLD_MS`,
      description:
        'How long a run waits for an ingest that takes nothing, or for an Auth0 that does not answer as it should. Then it ends as failed, its owner is told, and the next run goes on at its checkpoint.',
    },
    { min: 1_000, max: 86_400_000, default: 300_000 },
  ),
  runsMax: integer(
    {
      name: `${PREFIX}RUNS_MAX`,
      description: 'How many runs of a source are remembered, quiet ones too; the oldest go.',
    },
    { min: 10, max: 100_000, default: 2_000 },
  ),
  runDays: integer(
    { name: `${PREFIX}RUN_DAYS`, description: 'For how many days a run is remembered at most.' },
    { min: 1, max: 3_650, default: 30 },
  ),
};

export type Auth0PollerConfig = ConfigOf<typeof auth0PollerSettings>;

/** The token under which the module knows its configuration. */
export const POLLER_CONFIG = Symbol('Auth0PollerConfig');
/** … and its log. */
export const POLLER_LOG = Symbol('Logger');

export function loadAuth0PollerConfig(): Auth0PollerConfig {
  return loadConfig(auth0PollerSettings, PREFIX);
}

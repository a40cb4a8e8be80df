import {
  choice,
  commonSettings,
  host,
  integer,
  loadConfig,
  optionalSecret,
  port,
  redisSettings,
  type ConfigOf,
} from '@logferry/runtime';

export const ingestSettings = {
  ...commonSettings,
  ...redisSettings,
  host: host('LOGFERRY_INGEST_HOST'),
  port: port('LOGFERRY_INGEST_PORT', 8080),
  platformKey: optionalSecret({
    name: 'LOGFERRY_INGEST_PLATFORM_KEY',
    description:
      'A key that may send for every tenant, beside the keys that are made one by one. For the first steps of an installation.',
  }),
  redactionKey: optionalSecret({
    name: 'LOGFERRY_INGEST_REDACTION_KEY',
    description:
      'The key of the hashes that destinations ask for instead of values. The same in every ingest, and kept: with another, the same value has another hash. Without one, such values are masked.',
  }),
  bodyBytesMax: integer(
    {
      name: 'LOGFERRY_INGEST_BODY_BYTES_MAX',
      description: 'The largest body of a request, in bytes, before and after inflating.',
    },
    { min: 1_024, max: 64 * 1024 * 1024, default: 10 * 1024 * 1024 },
  ),
  logEventsMax: integer(
    { name: 'LOGFERRY_INGEST_LOG_EVENTS_MAX', description: 'The most log events of a request.' },
    { min: 1, max: 1_000_000, default: 50_000 },
  ),
  inFlightBytesMax: integer(
    {
      name: 'LOGFERRY_INGEST_IN_FLIGHT_BYTES_MAX',
      description:
        'The most bytes of bodies that are being read and worked on at once, and twice what those of one tenant may be; above it, requests are told to come back.',
    },
    { min: 1_024, max: 8 * 1024 * 1024 * 1024, default: 256 * 1024 * 1024 },
  ),
  requestTimeoutMs: integer(
    {
      name: 'LOGFERRY_INGEST_REQUEST_TIMEOUT_MS',
      description: 'How long a request may take to arrive.',
    },
    { min: 1_000, max: 600_000, default: 30_000 },
  ),
  idempotencyWindowMs: integer(
    {
      name: 'LOGFERRY_INGEST_IDEMPOTENCY_WINDOW_MS',
      description:
        'How long a request with an Idempotency-Key is known, so that its repetition adds nothing. Each takes some 200 bytes of Redis for as long.',
    },
    { min: 1_000, max: 86_400_000, default: 600_000 },
  ),
  keyLogEventsPerSecond: integer(
    {
      name: 'LOGFERRY_INGEST_KEY_LOG_EVENTS_PER_SECOND',
      description:
        'How many log events a key may send a second, over all processes, unless it has a rate of its own; 0 for no bound.',
    },
    { min: 0, max: 1_000_000_000, default: 0 },
  ),
  keyBytesPerSecond: integer(
    {
      name: 'LOGFERRY_INGEST_KEY_BYTES_PER_SECOND',
      description: 'The same for the bytes of bodies, inflated.',
    },
    { min: 0, max: Number.MAX_SAFE_INTEGER, default: 0 },
  ),
  keyBurstMs: integer(
    {
      name: 'LOGFERRY_INGEST_KEY_BURST_MS',
      description: 'How many milliseconds of its rate a key may use at once, after a lull.',
    },
    { min: 1, max: 3_600_000, default: 10_000 },
  ),
  groupCommitMs: integer(
    {
      name: 'LOGFERRY_INGEST_GROUP_COMMIT_MS',
      description:
        'How long a request waits for others to be written to Redis together with it, while nothing is being written.',
    },
    { min: 0, max: 1_000, default: 2 },
  ),
  durability: choice(
    {
      name: 'LOGFERRY_INGEST_DURABILITY',
      description:
        'What an acknowledged log event survives besides a restart of Redis: with everysec, a power cut may take the last second, and for as long as the disk of Redis takes to sync; with fsync, nothing, since it is acknowledged when the disk of Redis has it. Redis must be set for that: see DELIVERY.md.',
    },
    ['everysec', 'fsync'],
    'everysec',
  ),
  redisAppendfsync: choice(
    {
      name: 'LOGFERRY_INGEST_REDIS_APPENDFSYNC',
      description:
        'How often Redis syncs its append-only file, where it cannot be asked because CONFIG is not allowed. What is said here is believed.',
    },
    ['ask', 'always', 'everysec'],
    'ask',
  ),
  redisTimeoutMs: integer(
    {
      name: 'LOGFERRY_INGEST_REDIS_TIMEOUT_MS',
      description: 'How long to wait for Redis before a request is answered with 503.',
    },
    { min: 100, max: 60_000, default: 1_500 },
  ),
  redisMemoryPercentMax: integer(
    {
      name: 'LOGFERRY_INGEST_REDIS_MEMORY_PERCENT_MAX',
      description:
        "From this share of Redis's memory on, nothing more is accepted. Well below 100, since with its memory full Redis lets the workers not even empty it.",
    },
    { min: 1, max: 95, default: 75 },
  ),
  tenantMemoryPercentMax: integer(
    {
      name: 'LOGFERRY_INGEST_TENANT_MEMORY_PERCENT_MAX',
      description:
        "The share of Redis's memory that one tenant's batches may take, dead letters included. Above it that tenant is told to wait, and nobody else.",
    },
    { min: 1, max: 95, default: 25 },
  ),
  redisMemoryBytesMax: integer(
    {
      name: 'LOGFERRY_INGEST_REDIS_MEMORY_BYTES_MAX',
      description:
        "What counts as Redis's memory where it has no maxmemory of its own; 0 for all that its machine has.",
    },
    { min: 0, max: Number.MAX_SAFE_INTEGER, default: 0 },
  ),
};

export type IngestConfig = ConfigOf<typeof ingestSettings>;

/** The token under which the module knows its configuration. */
export const INGEST_CONFIG = Symbol('IngestConfig');

export function loadIngestConfig(): IngestConfig {
  return loadConfig(ingestSettings, 'LOGFERRY_INGEST_');
}

// The kinds of settings there are, and the settings that several processes share.
import {
  AUTH0_DOMAINS_STANDARD,
  RETRY,
  sessionTaggings,
  TOKEN_AUDIENCE,
  TOKEN_SUBJECT,
} from '@logferry/core';
import { z } from 'zod';
import type { Setting } from './config';
import { Secret } from './secret';

interface Described {
  name: string;
  description: string;
  example?: string;
}

function setting<T>(
  described: Described,
  schema: z.ZodType<T, string | undefined>,
  standard?: string,
): Setting<T> {
  return { example: undefined, ...described, schema, default: standard, secret: false };
}

export function text(described: Described, standard?: string): Setting<string> {
  const schema = z.string('must be set').min(1);
  return setting(described, standard === undefined ? schema : schema.default(standard), standard);
}

export function optionalText(described: Described): Setting<string | undefined> {
  return setting(described, z.string().min(1).optional());
}

export function integer(
  described: Described,
  bounds: { min: number; max: number; default: number },
): Setting<number> {
  const message = `must be a whole number from ${bounds.min} to ${bounds.max}`;
  const schema = z
    .string()
    .regex(/^-?\d+$/, message)
    .transform(Number)
    .refine((value) => value >= bounds.min && value <= bounds.max, message)
    .default(bounds.default);
  return setting(described, schema, String(bounds.default));
}

export function flag(described: Described, standard: boolean): Setting<boolean> {
  const schema = z
    .enum(['true', 'false'], 'must be true or false')
    .transform((value) => value === 'true')
    .default(standard);
  return setting(described, schema, String(standard));
}

export function choice<const T extends string>(
  described: Described,
  values: readonly [T, ...T[]],
  standard: T,
): Setting<T> {
  const schema = z.enum(values, `must be one of ${values.join(', ')}`) as unknown as z.ZodType<
    T,
    string | undefined
  >;
  return setting(
    described,
    z.preprocess((value) => value ?? standard, schema) as z.ZodType<T, string | undefined>,
    standard,
  );
}

const SECRET_CHARS_MIN = 16;

/** A secret that must be set. */
export function secret(described: Described): Setting<Secret> {
  const schema = z
    .string('must be set')
    .min(SECRET_CHARS_MIN, `must have at least ${SECRET_CHARS_MIN} characters`)
    .transform((value) => new Secret(value));
  return { ...setting(described, schema), secret: true };
}

export function optionalSecret(described: Described): Setting<Secret | undefined> {
  const schema = z
    .string()
    .min(SECRET_CHARS_MIN, `must have at least ${SECRET_CHARS_MIN} characters`)
    .transform((value) => new Secret(value))
    .optional();
  return { ...setting(described, schema), secret: true };
}

export function host(name: string): Setting<string> {
  return text(
    {
      name,
      description: 'The interface to listen on. Anything but loopback is reachable by others.',
      example: '0.0.0.0',
    },
    '127.0.0.1',
  );
}

export function port(name: string, standard: number): Setting<number> {
  return integer(
    { name, description: 'The port to listen on.' },
    { min: 0, max: 65_535, default: standard },
  );
}

/** Settings of every process. */
export const commonSettings = {
  logLevel: choice(
    { name: 'LOGFERRY_LOG_LEVEL', description: 'How much is logged.' },
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
  ),
  shutdownDeadlineMs: integer(
    {
      name: 'LOGFERRY_SHUTDOWN_DEADLINE_MS',
      description:
        'How long a stopping process may take to end what is under way; a call of AWS that takes longer is cut off, and made again by another worker. Whoever stops it must wait for some seconds more before killing it.',
    },
    { min: 0, max: 600_000, default: 20_000 },
  ),
  metricsToken: optionalSecret({
    name: 'LOGFERRY_METRICS_TOKEN',
    description:
      'The bearer token that /metrics asks of anyone who is not on this machine, or comes through a proxy. Without it, nobody else gets them.',
  }),
};

/** Settings of every process that uses Redis. */
export const redisSettings = {
  redisUrl: text(
    {
      name: 'REDIS_URL',
      description:
        'Where Redis is. Several URLs, separated by commas, are the seed nodes of a Redis Cluster.',
      example: 'redis://:password@redis.internal:6379',
    },
    'redis://127.0.0.1:6379',
  ),
  shards: integer(
    {
      name: 'LOGFERRY_REDIS_SHARDS',
      description:
        'How many shards the batches are spread over; each is one slot of a Redis Cluster. May grow, must not shrink while batches wait.',
    },
    { min: 1, max: 256, default: 1 },
  ),
};

/** Settings of every process that knows when dead letters expire. */
export const deadLetterSettings = {
  deadLetterRetentionMs: integer(
    {
      name: 'LOGFERRY_DEAD_LETTER_RETENTION_MS',
      description:
        'How long a dead letter is kept; then it is discarded, and counted so. Of 14 days, since CloudWatch Logs takes no older log event.',
    },
    { min: 3_600_000, max: 31_536_000_000, default: 1_209_600_000 },
  ),
  deadLetterTenantBytesMax: integer(
    {
      name: 'LOGFERRY_DEAD_LETTER_TENANT_BYTES_MAX',
      description:
        "What the dead letters of one tenant may take of a shard's Redis; above it the oldest are discarded, and counted so. 0: no bound, and a tenant whose share of Redis is full of them is answered 429.",
    },
    { min: 0, max: 1_099_511_627_776, default: 0 },
  ),
};

/** Settings of every process that asks the broker for something. */
export const brokerClientSettings = {
  brokerTlsDir: optionalText({
    name: 'LOGFERRY_WORKER_BROKER_TLS_DIR',
    description:
      'A folder with `ca.crt`, which the credential broker must have its certificate from, and for mutual TLS with `tls.crt` and `tls.key`. It may be left out only where the broker is on this machine.',
    example: '/etc/logferry/worker',
  }),
  brokerHost: text(
    {
      name: 'LOGFERRY_WORKER_BROKER_HOST',
      description: 'The host on which workers and the console find the credential broker.',
    },
    '127.0.0.1',
  ),
  brokerPort: integer(
    {
      name: 'LOGFERRY_BROKER_TCP_PORT',
      description: "The credential broker's port for workers and the console.",
    },
    { min: 0, max: 65_535, default: 8083 },
  ),
  brokerSecret: secret({
    name: 'LOGFERRY_BROKER_SECRET',
    description:
      'What workers and the console show the credential broker. The same for all of them.',
  }),
};

/** Settings of every process that speaks of the issuer. */
export const issuerSettings = {
  issuerUrl: text(
    {
      name: 'LOGFERRY_BROKER_ISSUER_URL',
      description:
        'The address under which the world reaches this broker: the issuer of our identity tokens. Every tenant trusts it by name, so it must never change. AWS takes https only, without a port.',
      example: 'https://oidc.logs.example.com',
    },
    'http://127.0.0.1:8082',
  ),
  sessionTagging: choice(
    {
      name: 'LOGFERRY_BROKER_SESSION_TAGS',
      description:
        'Whether sessions are tagged with their tenant (`logferry-tenant`), and whether the tag is transitive. Roles must allow `sts:TagSession` in their trust policies then: AWS refuses a session with tags to one that does not.',
    },
    sessionTaggings,
    'off',
  ),
  tokenIssuerUrl: optionalText({
    name: 'LOGFERRY_BROKER_TOKEN_ISSUER_URL',
    description:
      "For the sources `file` and `http`: whose tokens they are, letter by letter as their `iss` has it, a slash at its end too. It stands in the trust policies that are printed, in the place of this broker's own.",
    example: 'https://login.example.com/',
  }),
  tokenAudience: text(
    {
      name: 'LOGFERRY_BROKER_TOKEN_AUDIENCE',
      description: 'The same for their audience: `azp` where the tokens have one, else `aud`.',
    },
    TOKEN_AUDIENCE,
  ),
  tokenSubject: text(
    {
      name: 'LOGFERRY_BROKER_TOKEN_SUBJECT',
      description:
        'The same for their subject. `{tenant}` stands for the tenant; without it, all tenants have one subject, and AWS cannot tell them apart: then any tenant may name the role of any other.',
      example: 'auth0|logs-{tenant}',
    },
    TOKEN_SUBJECT,
  ),
};

/** Settings of every process that asks Auth0, or says where it may be asked. */
export const auth0Settings = {
  auth0Domains: text(
    {
      name: 'LOGFERRY_AUTH0_DOMAINS',
      description:
        'At which domains the sources of tenants may be: endings with a dot in front, or whole domains, separated by commas. What is asked there is asked from within your network.',
      example: '.auth0.com,tenant.private-cloud.example',
    },
    AUTH0_DOMAINS_STANDARD,
  ),
  auth0EndpointUrl: optionalText({
    name: 'LOGFERRY_AUTH0_ENDPOINT_URL',
    description: 'A stand-in for Auth0, which is asked instead of every domain. For trying things.',
    example: 'http://127.0.0.1:4567',
  }),
};

/** Settings of every process that writes to S3. */
export const s3Settings = {
  forcePathStyle: flag(
    {
      name: 'LOGFERRY_S3_WORKER_FORCE_PATH_STYLE',
      description:
        "Whether the bucket's name goes into the path instead of the host's name. S3 itself does not want it; most S3-compatible stores do.",
    },
    false,
  ),
};

/** How much of Redis what was delivered may take, where it is kept. */
function keepSettings(prefix: string) {
  return {
    keepMemoryPercentMax: integer(
      {
        name: `${prefix}KEEP_MEMORY_PERCENT_MAX`,
        description:
          'How full Redis may be while anything is kept that was delivered; above it nothing more is kept, replays pause, and the oldest of what is kept is given up. Less than where ingest takes nothing more.',
      },
      { min: 0, max: 95, default: 60 },
    ),
    keepTenantMemoryPercentMax: integer(
      {
        name: `${prefix}KEEP_TENANT_MEMORY_PERCENT_MAX`,
        description:
          "The share of Redis's memory that one tenant's batches may take while anything is kept of what was delivered to it; above it, the oldest of what is kept is given up. Less than what ingest lets a tenant take, so that what is kept makes nobody wait.",
      },
      { min: 0, max: 95, default: 20 },
    ),
  };
}

/** Settings of every worker, under its own prefix. */
export function workerSettings(prefix: string, standardPort: number) {
  return {
    ...commonSettings,
    ...redisSettings,
    ...deadLetterSettings,
    ...brokerClientSettings,
    host: host(`${prefix}HOST`),
    port: port(`${prefix}PORT`, standardPort),
    concurrency: integer(
      {
        name: `${prefix}CONCURRENCY`,
        description:
          'How many batches are delivered at once; each is held in memory, a few times its size.',
      },
      { min: 1, max: 1_000, default: 32 },
    ),
    attemptsMax: integer(
      {
        name: `${prefix}ATTEMPTS_MAX`,
        description:
          'How many attempts may fail before a batch becomes a dead letter. 40 take an hour and twenty minutes on average, and two hours and forty minutes at most.',
      },
      { min: 1, max: 1_000, default: RETRY.attemptsMax },
    ),
    holdWindowMs: integer(
      {
        name: `${prefix}HOLD_WINDOW_MS`,
        description:
          'How long batches are kept for a destination that does not work, from when they were opened; then they become dead letters, oldest first.',
      },
      { min: 60_000, max: 2_592_000_000, default: 259_200_000 },
    ),
    holdMemoryPercentMax: integer(
      {
        name: `${prefix}HOLD_TENANT_MEMORY_PERCENT_MAX`,
        description:
          "The share of Redis's memory (its maxmemory, or else all that its machine has) that may wait for destinations of one tenant that do not work; above it, the oldest batches become dead letters. Less than what ingest lets a tenant take, so that its other destinations go on.",
      },
      { min: 1, max: 95, default: 10 },
    ),
    ...keepSettings(prefix),
    clientsMax: integer(
      {
        name: `${prefix}CLIENTS_MAX`,
        description:
          'How many destinations have an AWS client ready; the one that was not used for longest makes room.',
      },
      { min: 1, max: 100_000, default: 1_000 },
    ),
    requestTimeoutMs: integer(
      {
        name: `${prefix}REQUEST_TIMEOUT_MS`,
        description: 'How long to wait for an answer of AWS.',
      },
      { min: 100, max: 600_000, default: 30_000 },
    ),
  };
}

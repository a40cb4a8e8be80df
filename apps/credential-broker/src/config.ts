import {
  auth0Settings,
  choice,
  commonSettings,
  flag,
  host,
  integer,
  issuerSettings,
  loadConfig,
  optionalSecret,
  optionalText,
  port,
  redisSettings,
  secret,
  text,
  type ConfigOf,
} from '@logferry/runtime';
import { signingAlgorithms } from './signing-key-file';

export const brokerSettings = {
  ...commonSettings,
  redisUrl: redisSettings.redisUrl,
  host: host('LOGFERRY_BROKER_HOST'),
  port: port('LOGFERRY_BROKER_HTTP_PORT', 8082),
  tcpPort: port('LOGFERRY_BROKER_TCP_PORT', 8083),
  tokenSource: choice(
    {
      name: 'LOGFERRY_BROKER_TOKEN_SOURCE',
      description:
        "Whose identity tokens STS is shown: this broker's own, or those of the platform's issuer, from a `file` or from an `http` endpoint. Of the platform's, each tenant should have its own (`{tenant}`): one for all tells no tenant from another.",
    },
    ['own', 'file', 'http'],
    'own',
  ),
  tokenFile: optionalText({
    name: 'LOGFERRY_BROKER_TOKEN_FILE',
    description:
      'For the source `file`: where the token is, read anew each time. `{tenant}` stands for the tenant.',
    example: '/var/run/tokens/{tenant}.jwt',
  }),
  tokenUrl: optionalText({
    name: 'LOGFERRY_BROKER_TOKEN_URL',
    description:
      'For the source `http`: the token endpoint, which is asked by client credentials; https, or on this machine.',
    example: 'https://login.example.com/oauth/token',
  }),
  tokenClientId: optionalText({
    name: 'LOGFERRY_BROKER_TOKEN_CLIENT_ID',
    description: 'For the source `http`: who asks.',
    example: 'logferry',
  }),
  tokenClientSecret: optionalSecret({
    name: 'LOGFERRY_BROKER_TOKEN_CLIENT_SECRET',
    description: 'For the source `http`: its secret.',
  }),
  tokenParameters: text(
    {
      name: 'LOGFERRY_BROKER_TOKEN_PARAMETERS',
      description:
        'For the source `http`: further parameters, as a query is written. `{tenant}` stands for the tenant.',
      example: 'audience=sts.amazonaws.com&scope=logs:{tenant}',
    },
    'audience=sts.amazonaws.com',
  ),
  tlsDir: optionalText({
    name: 'LOGFERRY_BROKER_TLS_DIR',
    description:
      'A folder with `tls.crt` and `tls.key` for the port that workers ask at, as Kubernetes and cert-manager name them; with `ca.crt` beside them, only who shows a certificate of that is let in. It may be left out only on loopback.',
    example: '/etc/logferry/broker',
  }),
  secret: secret({
    name: 'LOGFERRY_BROKER_SECRET',
    description:
      'What workers show the credential broker to be given sessions. The same for all of them.',
  }),
  ...issuerSettings,
  ...auth0Settings,
  signingKeysDir: text(
    {
      name: 'LOGFERRY_BROKER_SIGNING_KEYS_DIR',
      description:
        'The folder of the private keys that identity tokens are signed with. Brokers make them, and delete them when they are outlived. All brokers need the same folder.',
    },
    '.logferry/broker/signing-keys',
  ),
  signingAlgorithm: choice(
    {
      name: 'LOGFERRY_BROKER_SIGNING_ALGORITHM',
      description:
        'How identity tokens are signed. After a change, the next key is made at once, published for a day, and signs then.',
    },
    signingAlgorithms,
    'RS256',
  ),
  signingKeyDays: integer(
    {
      name: 'LOGFERRY_BROKER_SIGNING_KEY_DAYS',
      description:
        'For how many days a key signs. The next one is published a day before, the last one a day longer. 0: for ever.',
    },
    { min: 0, max: 3_650, default: 90 },
  ),
  narrowSessions: flag(
    {
      name: 'LOGFERRY_BROKER_NARROW_SESSIONS',
      description:
        'Whether a session may do no more than its destination needs, whatever else its role may (an inline session policy).',
    },
    true,
  ),
  sealingKeys: optionalSecret({
    name: 'LOGFERRY_BROKER_SEALING_KEYS',
    description:
      "What the secrets of tenants' access keys are sealed with: `id:key`, the key as 32 bytes in base64 (`openssl rand -base64 32`); or `id:arn:ciphertext`, one that the key of KMS with this ARN has wrapped, which is opened at the start with our own AWS identity. Several are separated by commas: the first one seals, the others still open what they have sealed. All brokers need the same ones; without any, there are no access keys.",
  }),
  externalIdSecret: optionalSecret({
    name: 'LOGFERRY_BROKER_EXTERNAL_ID_SECRET',
    description:
      'What the ExternalIds of destinations are derived from that have a role assumed with our own AWS identity. All brokers need the same one, and it must never change: tenants have written what comes of it into their trust policies. Without it, there are no such destinations.',
  }),
  stsTimeoutMs: integer(
    {
      name: 'LOGFERRY_BROKER_STS_TIMEOUT_MS',
      description: 'How long to wait for an answer of STS.',
    },
    { min: 100, max: 60_000, default: 10_000 },
  ),
  stsCallsPerSecond: integer(
    {
      name: 'LOGFERRY_BROKER_STS_CALLS_PER_SECOND',
      description:
        'How many calls of STS this process begins in a second; all brokers together should stay below what AWS allows an account in a Region, 600. A tenant waits only for one call of each other.',
    },
    { min: 1, max: 10_000, default: 200 },
  ),
  stsConcurrency: integer(
    {
      name: 'LOGFERRY_BROKER_STS_CONCURRENCY',
      description: 'How many calls of STS this process has under way at once.',
    },
    { min: 1, max: 1_000, default: 64 },
  ),
  sessionsMax: integer(
    { name: 'LOGFERRY_BROKER_SESSIONS_MAX', description: 'How many sessions are kept in memory.' },
    { min: 1, max: 1_000_000, default: 50_000 },
  ),
};

export type BrokerConfig = ConfigOf<typeof brokerSettings>;

/** The token under which the module knows its configuration. */
export const BROKER_CONFIG = Symbol('BrokerConfig');
/** … and its log. */
export const BROKER_LOG = Symbol('Logger');

export function loadBrokerConfig(): BrokerConfig {
  return loadConfig(brokerSettings, 'LOGFERRY_BROKER_');
}

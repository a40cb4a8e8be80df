import {
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

export const brokerSettings = {
  ...commonSettings,
  redisUrl: redisSettings.redisUrl,
  host: host('LOGFERRY_BROKER_HOST'),
  port: port('LOGFERRY_BROKER_HTTP_PORT', 8082),
  tcpPort: port('LOGFERRY_BROKER_TCP_PORT', 8083),
  secret: secret({
    name: 'LOGFERRY_BROKER_SECRET',
    description:
      'What workers show the credential broker to be given sessions. The same for all of them.',
  }),
  issuerUrl: text(
    {
      name: 'LOGFERRY_BROKER_ISSUER_URL',
      description:
        'The address under which the world reaches this broker: the issuer of our identity tokens. Every tenant trusts it by name, so it must never change. AWS takes https only, without a port.',
      example: 'https://oidc.logs.example.com',
    },
    'http://127.0.0.1:8082',
  ),
  signingKeyFile: text(
    {
      name: 'LOGFERRY_BROKER_SIGNING_KEY_FILE',
      description:
        'The private key that identity tokens are signed with, as PKCS #8 PEM. Made if it is not there. All brokers need the same one.',
    },
    '.logferry/broker/signing-key.pem',
  ),
  stsTimeoutMs: integer(
    {
      name: 'LOGFERRY_BROKER_STS_TIMEOUT_MS',
      description: 'How long to wait for an answer of STS.',
    },
    { min: 100, max: 60_000, default: 10_000 },
  ),
  sessionsMax: integer(
    { name: 'LOGFERRY_BROKER_SESSIONS_MAX', description: 'How many sessions are kept in memory.' },
    { min: 1, max: 1_000_000, default: 50_000 },
  ),
};

export type BrokerConfig = ConfigOf<typeof brokerSettings>;

/** The token under which the module knows its configuration. */
export const BROKER_CONFIG = Symbol('BrokerConfig');

export function loadBrokerConfig(): BrokerConfig {
  return loadConfig(brokerSettings, 'LOGFERRY_BROKER_');
}

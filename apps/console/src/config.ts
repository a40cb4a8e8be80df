import {
  auth0Settings,
  brokerClientSettings,
  commonSettings,
  deadLetterSettings,
  flag,
  host,
  integer,
  issuerSettings,
  loadConfig,
  optionalSecret,
  optionalText,
  port,
  redisSettings,
  s3Settings,
  secret,
  text,
  type ConfigOf,
} from '@logferry/runtime';

export const consoleSettings = {
  ...commonSettings,
  ...redisSettings,
  ...deadLetterSettings,
  ...brokerClientSettings,
  ...issuerSettings,
  ...s3Settings,
  auth0Domains: auth0Settings.auth0Domains,
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
  auditDays: integer(
    {
      name: 'LOGFERRY_CONSOLE_AUDIT_DAYS',
      description: 'How long an entry of the audit trail is kept.',
    },
    { min: 1, max: 3_650, default: 400 },
  ),
  auditEntriesMax: integer(
    {
      name: 'LOGFERRY_CONSOLE_AUDIT_ENTRIES_MAX',
      description:
        'How many entries the audit trail has at most; the oldest go first. Each takes up to 8 kB of Redis, and mostly one or two.',
    },
    { min: 1, max: 1_000_000, default: 10_000 },
  ),
  auditTenantEntriesMax: integer(
    {
      name: 'LOGFERRY_CONSOLE_AUDIT_TENANT_ENTRIES_MAX',
      description:
        'The same for those of one tenant, which are kept beside, so that no tenant loses its own to the many changes of another.',
    },
    { min: 1, max: 100_000, default: 1_000 },
  ),
  ingestUrl: optionalText({
    name: 'LOGFERRY_CONSOLE_INGEST_URL',
    description:
      'Where ingest is: to it, the audit trails of tenants that want it are forwarded, as log events of theirs. Without it, none is.',
    example: 'http://ingest:8080',
  }),
  ingestKey: optionalSecret({
    name: 'LOGFERRY_CONSOLE_INGEST_KEY',
    description: 'The key for that: one of the platform that may send.',
  }),
  tenantWritesPerSecond: integer(
    {
      name: 'LOGFERRY_CONSOLE_TENANT_WRITES_PER_SECOND',
      description:
        "How many changes a second the keys of one tenant may ask for together, over all processes; 0 for any number. After a lull, those of twenty seconds may come at once. Far below 2,000 for all tenants together: each process that is told of so many forgets everybody's configuration, and asks Redis for it anew.",
    },
    { min: 0, max: 1_000, default: 5 },
  ),
  checkHours: integer(
    {
      name: 'LOGFERRY_CONSOLE_CHECK_HOURS',
      description:
        'How often the connection of each destination is checked: a session, and that nobody else gets one. Nothing is written. 0: never.',
    },
    { min: 0, max: 720, default: 24 },
  ),
  tryDecoys: flag(
    {
      name: 'LOGFERRY_CONSOLE_TRY_DECOYS',
      description:
        'Whether a role is tried as somebody else, which AWS must refuse: when a destination is switched on, tested and checked. `false` is for a stand-in for AWS that lets everybody assume every role.',
    },
    true,
  ),
  slackHosts: text(
    {
      name: 'LOGFERRY_CONSOLE_SLACK_HOSTS',
      description:
        'The hosts, separated by commas, at which an incoming webhook of Slack may be: a channel of kind `slack` leads nowhere else.',
    },
    'hooks.slack.com',
  ),
  webhookHosts: optionalText({
    name: 'LOGFERRY_CONSOLE_WEBHOOK_HOSTS',
    description:
      'The hosts, separated by commas, to which channels of kind `webhook` may lead; one that begins with a dot is all below it. Without it, every one on the public Internet.',
    example: '.acme.com,hooks.pagerduty.com',
  }),
  hooksEndpointUrl: optionalText({
    name: 'LOGFERRY_CONSOLE_HOOKS_ENDPOINT_URL',
    description:
      'For trying: where the messages of all channels are sent instead, with the path of each channel. What is there is not asked for TLS, nor where it is.',
    example: 'http://127.0.0.1:4570',
  }),
  lateMinutes: integer(
    {
      name: 'LOGFERRY_CONSOLE_LATE_MINUTES',
      description:
        'After how long a batch that still waits, beyond its linger, makes its destination late: then its channels are told.',
    },
    { min: 1, max: 10_080, default: 30 },
  ),
  platformPrincipal: optionalText({
    name: 'LOGFERRY_CONSOLE_PLATFORM_PRINCIPAL_ARN',
    description:
      "The AWS identity of the broker, which customers' roles trust where they are assumed with an ExternalId: it stands in the trust policies that are printed. Without it, none is printed for them.",
    example: 'arn:aws:iam::123456789012:role/logferry-broker',
  }),
  stackTemplateUrl: optionalText({
    name: 'LOGFERRY_CONSOLE_STACK_TEMPLATE_URL',
    description:
      'Where S3 has the CloudFormation template that quick-create links open; `{kind}` in it becomes the kind of credentials. Without it, there are no such links.',
    example: 'https://acme-public.s3.amazonaws.com/logferry-{kind}.json',
  }),
};

export type ConsoleConfig = ConfigOf<typeof consoleSettings>;

/** The token under which the module knows its configuration. */
export const CONSOLE_CONFIG = Symbol('ConsoleConfig');

export function loadConsoleConfig(): ConsoleConfig {
  return loadConfig(consoleSettings, 'LOGFERRY_CONSOLE_');
}

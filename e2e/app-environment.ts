// What each process is told when a test starts all of Logferry.

/** Those that every story needs. */
export const APPS = [
  'credential-broker',
  'ingest',
  'cloudwatch-worker',
  's3-worker',
  'console',
] as const;
export type App = (typeof APPS)[number] | 'auth0-poller';

export const PLATFORM_KEY = 'end-to-end-platform-key-0123456789';
export const CONSOLE_PASSWORD = 'end-to-end-console-password';
export const BROKER_SECRET = 'end-to-end-broker-secret';

export interface Surroundings {
  redisUrl: string;
  awsUrl: string;
  brokerHttpPort: number;
  brokerTcpPort: number;
  signingKeysDir: string;
  /** For whoever hands log events over. */
  ingestUrl?: string | undefined;
}

/** The environment of a process that listens on a port. */
export function appEnvironment(
  app: App,
  port: number,
  surroundings: Surroundings,
): Record<string, string> {
  const { redisUrl, awsUrl, brokerHttpPort, brokerTcpPort, signingKeysDir, ingestUrl } =
    surroundings;
  const aws = { AWS_ENDPOINT_URL: awsUrl, AWS_EC2_METADATA_DISABLED: 'true' };
  const broker = {
    LOGFERRY_BROKER_TCP_PORT: String(brokerTcpPort),
    LOGFERRY_BROKER_SECRET: BROKER_SECRET,
  };
  const own: Record<App, Record<string, string>> = {
    'credential-broker': {
      ...aws,
      ...broker,
      LOGFERRY_BROKER_HTTP_PORT: String(brokerHttpPort),
      LOGFERRY_BROKER_ISSUER_URL: `http://127.0.0.1:${brokerHttpPort}`,
      LOGFERRY_BROKER_SIGNING_KEYS_DIR: signingKeysDir,
    },
    ingest: {
      LOGFERRY_INGEST_PORT: String(port),
      LOGFERRY_INGEST_PLATFORM_KEY: PLATFORM_KEY,
    },
    'cloudwatch-worker': { ...aws, ...broker, LOGFERRY_CLOUDWATCH_WORKER_PORT: String(port) },
    's3-worker': {
      ...aws,
      ...broker,
      LOGFERRY_S3_WORKER_PORT: String(port),
      LOGFERRY_S3_WORKER_FORCE_PATH_STYLE: 'true',
    },
    'auth0-poller': {
      ...broker,
      LOGFERRY_AUTH0_POLLER_PORT: String(port),
      LOGFERRY_AUTH0_POLLER_INGEST_KEY: PLATFORM_KEY,
      ...(ingestUrl === undefined ? {} : { LOGFERRY_AUTH0_POLLER_INGEST_URL: ingestUrl }),
    },
    console: {
      ...aws,
      ...broker,
      LOGFERRY_BROKER_ISSUER_URL: `http://127.0.0.1:${brokerHttpPort}`,
      LOGFERRY_S3_WORKER_FORCE_PATH_STYLE: 'true',
      LOGFERRY_CONSOLE_CHECK_HOURS: '0',
      LOGFERRY_CONSOLE_PORT: String(port),
      LOGFERRY_CONSOLE_PASSWORD: CONSOLE_PASSWORD,
    },
  };
  return { REDIS_URL: redisUrl, ...own[app] };
}

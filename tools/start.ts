// npm start: everything on this machine, with a demo customer whose AWS is the sandbox.
import { brokerAddress, Secret } from '@logferry/runtime';
import { startSandboxAws, until, type Auth0StandIn, type SandboxAws } from '@logferry/testing';
import { ConfigStore } from '@logferry/store';
import { Redis } from 'ioredis';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { demoSource, goOnLogging, startDemoAuth0 } from './auth0-demo';
import { putSource } from './auth0-source';
import { makeCertificates, type CertificateFolders } from './certificates';
import {
  applyDemoTenant,
  demoAccounts,
  findArrivals,
  findPulled,
  PLATFORM_ARN,
  PLATFORM_KEY_ID,
  sendSamples,
  TENANT,
  type Arrival,
} from './demo';
import { openLocalRedis } from './local-redis';
import { writeLocalStart } from './local-start';
import { MISUSE_EXIT_CODE, misuseLine } from './misuse';
import { assertPortFree, ROOT, startProcess, StartProblem, type AppPlan } from './processes';
import { localSecrets, type LocalSecrets } from './secrets';

const HELP = `Starts all of Logferry on this machine, with a sandbox AWS and a demo customer, and sends sample log events through it.
A stand-in for Auth0 has a log of the demo customer's, which is pulled.

  npm start                  goes on running until Ctrl-C
  npm start -- --once        ends after the samples have arrived: exit code 0 if all of them did, 1 if not

Data lies under .logferry/, the logs of the processes under .logferry/logs/. A Redis that already runs is used if REDIS_URL
names it. Ports: 8080-8086, 4566 and 4567; LOGFERRY_INGEST_PORT, LOGFERRY_CONSOLE_PORT, LOGFERRY_BROKER_HTTP_PORT,
LOGFERRY_BROKER_TCP_PORT, LOGFERRY_CLOUDWATCH_WORKER_PORT, LOGFERRY_S3_WORKER_PORT, LOGFERRY_AUTH0_POLLER_PORT, SANDBOX_PORT and
AUTH0_STAND_IN_PORT choose others.

Exit code: 1 if something that it needs is missing or ends by itself, 2 if the command makes no sense.
`;

const DATA = join(ROOT, '.logferry');
const ARRIVAL_MS = 60_000;

interface Ports {
  ingest: number;
  console: number;
  brokerHttp: number;
  brokerTcp: number;
  cloudwatchWorker: number;
  s3Worker: number;
  auth0Poller: number;
  sandbox: number;
  auth0: number;
}

function readPorts(): Ports {
  const port = (name: string, standard: number): number => {
    const value = Number(process.env[name] ?? standard);
    if (!Number.isInteger(value) || value < 1 || value > 65_535)
      throw new StartProblem(`${name} is not a port.`);
    return value;
  };
  return {
    ingest: port('LOGFERRY_INGEST_PORT', 8080),
    console: port('LOGFERRY_CONSOLE_PORT', 8081),
    brokerHttp: port('LOGFERRY_BROKER_HTTP_PORT', 8082),
    brokerTcp: port('LOGFERRY_BROKER_TCP_PORT', 8083),
    cloudwatchWorker: port('LOGFERRY_CLOUDWATCH_WORKER_PORT', 8084),
    s3Worker: port('LOGFERRY_S3_WORKER_PORT', 8085),
    auth0Poller: port('LOGFERRY_AUTH0_POLLER_PORT', 8086),
    sandbox: port('SANDBOX_PORT', 4566),
    auth0: port('AUTH0_STAND_IN_PORT', 4567),
  };
}

/** Everything that was started, in order; stopped in the opposite one, however far the start got. */
class Started {
  private readonly stops: { name: string; stop: () => Promise<void> }[] = [];
  private stopping: Promise<void> | undefined;

  add(name: string, stop: () => Promise<void>): void {
    this.stops.unshift({ name, stop });
  }

  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  private async stopAll(): Promise<void> {
    for (const { name, stop } of this.stops) {
      await stop().catch((error: unknown) => say(`${name} did not stop well: ${String(error)}`));
    }
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

interface Surroundings {
  ports: Ports;
  redisUrl: string;
  sandboxUrl: string;
  auth0Url: string;
  secrets: LocalSecrets;
  certificates: CertificateFolders;
}

function appPlans(surroundings: Surroundings): AppPlan[] {
  const { ports, redisUrl, sandboxUrl, auth0Url, secrets, certificates } = surroundings;
  const redis = { REDIS_URL: redisUrl };
  // The workers know nothing of the sandbox but the variable that the SDK has for such things.
  const aws = { AWS_ENDPOINT_URL: sandboxUrl, AWS_EC2_METADATA_DISABLED: 'true' };
  const broker = {
    LOGFERRY_BROKER_TCP_PORT: String(ports.brokerTcp),
    LOGFERRY_BROKER_SECRET: secrets.brokerSecret,
    LOGFERRY_BROKER_ISSUER_URL: issuerUrl(ports),
    LOGFERRY_WORKER_BROKER_TLS_DIR: certificates.worker,
  };
  const toAws = { ...redis, ...aws, ...broker };
  const auth0 = { LOGFERRY_AUTH0_ENDPOINT_URL: auth0Url };
  return [
    {
      name: 'credential-broker',
      main: 'apps/credential-broker/src/main.js',
      env: {
        ...toAws,
        ...auth0,
        LOGFERRY_BROKER_HTTP_PORT: String(ports.brokerHttp),
        LOGFERRY_BROKER_TLS_DIR: certificates.broker,
        LOGFERRY_BROKER_SIGNING_KEYS_DIR: join(DATA, 'broker', 'signing-keys'),
        LOGFERRY_BROKER_SEALING_KEYS: secrets.sealingKeys,
        LOGFERRY_BROKER_EXTERNAL_ID_SECRET: secrets.externalIdSecret,
        AWS_ACCESS_KEY_ID: PLATFORM_KEY_ID,
        AWS_SECRET_ACCESS_KEY: secrets.platformSecretAccessKey,
      },
    },
    ...workerPlans(ports, toAws),
    {
      name: 'console',
      main: 'apps/console/src/main.js',
      env: {
        ...toAws,
        LOGFERRY_S3_WORKER_FORCE_PATH_STYLE: 'true',
        LOGFERRY_CONSOLE_PORT: String(ports.console),
        LOGFERRY_CONSOLE_PASSWORD: secrets.consolePassword,
        LOGFERRY_CONSOLE_INGEST_URL: ingestUrl(ports),
        LOGFERRY_CONSOLE_INGEST_KEY: secrets.platformKey,
        LOGFERRY_CONSOLE_PLATFORM_PRINCIPAL_ARN: PLATFORM_ARN,
      },
    },
    {
      name: 'auth0-poller',
      main: 'apps/auth0-poller/src/main.js',
      env: {
        ...redis,
        ...broker,
        ...auth0,
        LOGFERRY_AUTH0_POLLER_PORT: String(ports.auth0Poller),
        LOGFERRY_AUTH0_POLLER_INGEST_URL: ingestUrl(ports),
        LOGFERRY_AUTH0_POLLER_INGEST_KEY: secrets.platformKey,
      },
    },
    {
      name: 'ingest',
      main: 'apps/ingest/src/main.js',
      env: {
        ...redis,
        LOGFERRY_INGEST_PORT: String(ports.ingest),
        LOGFERRY_INGEST_PLATFORM_KEY: secrets.platformKey,
      },
    },
  ];
}

function workerPlans(ports: Ports, toAws: Record<string, string>): AppPlan[] {
  return [
    {
      name: 'cloudwatch-worker',
      main: 'apps/cloudwatch-worker/src/main.js',
      env: {
        ...toAws,
        LOGFERRY_CLOUDWATCH_WORKER_PORT: String(ports.cloudwatchWorker),
      },
    },
    {
      name: 's3-worker',
      main: 'apps/s3-worker/src/main.js',
      env: {
        ...toAws,
        LOGFERRY_S3_WORKER_PORT: String(ports.s3Worker),
        LOGFERRY_S3_WORKER_FORCE_PATH_STYLE: 'true',
      },
    },
  ];
}

const here = (port: number): string => `http://127.0.0.1:${port}`;
const issuerUrl = (ports: Ports): string => here(ports.brokerHttp);
const ingestUrl = (ports: Ports): string => here(ports.ingest);

interface Running {
  aws: SandboxAws;
  auth0: Auth0StandIn;
  secrets: LocalSecrets;
}

/** Starts it all; what ends by itself afterwards is told to `onEnd`. */
async function start(
  started: Started,
  ports: Ports,
  onEnd: (name: string) => void,
): Promise<Running> {
  for (const [what, port] of Object.entries(ports) as [string, number][])
    await assertPortFree(port, what);
  mkdirSync(DATA, { recursive: true, mode: 0o700 });
  const secrets = localSecrets(join(DATA, 'secrets.json'));
  const redis = await openLocalRedis(join(DATA, 'redis'));
  started.add('Redis', () => redis.stop());
  void redis.ended.then(() => onEnd('Redis'));
  say(`Redis             ${redis.url} (${redis.describe})`);

  const aws = await startSandboxAws({
    port: ports.sandbox,
    seed: demoAccounts(issuerUrl(ports), secrets.platformSecretAccessKey),
  });
  started.add('the sandbox AWS', () => aws.stop());
  const auth0 = await startDemoAuth0(ports.auth0);
  started.add('the stand-in for Auth0', () => auth0.stop());
  await withStore(redis.url, applyDemoTenant);
  const certificates = await makeCertificates(join(DATA, 'certificates'));
  const plans = appPlans({
    ports,
    redisUrl: redis.url,
    sandboxUrl: aws.url,
    auth0Url: auth0.url,
    secrets,
    certificates,
  });
  await Promise.all(
    plans.map(async (plan) => {
      const app = startProcess(plan, join(DATA, 'logs'));
      started.add(app.name, () => app.stop());
      await app.ready;
      void app.ended.then(() => onEnd(app.name));
      say(`${app.name.padEnd(17)} ready`);
    }),
  );
  const broker = brokerAddress({
    brokerHost: '127.0.0.1',
    brokerPort: ports.brokerTcp,
    brokerSecret: new Secret(secrets.brokerSecret),
    brokerTlsDir: certificates.worker,
  });
  await withStore(redis.url, (store) => putSource(store, broker, TENANT, demoSource));
  writeLocalStart({
    url: ingestUrl(ports),
    key: secrets.platformKey,
    console: { url: here(ports.console), password: secrets.consolePassword },
    processes: {
      ingest: ingestUrl(ports),
      'credential-broker': issuerUrl(ports),
      'cloudwatch-worker': here(ports.cloudwatchWorker),
      's3-worker': here(ports.s3Worker),
      'auth0-poller': here(ports.auth0Poller),
    },
  });
  return { aws, auth0, secrets };
}

async function withStore(
  redisUrl: string,
  write: (store: ConfigStore) => Promise<void>,
): Promise<void> {
  const client = new Redis(redisUrl);
  try {
    await write(new ConfigStore(client));
  } finally {
    client.disconnect();
  }
}

/** Sends the samples and waits until each of them is where it belongs. */
async function tryItOut({ aws, auth0, secrets }: Running, ports: Ports): Promise<Arrival[]> {
  const run = Date.now().toString(36);
  const sent = await sendSamples({ url: ingestUrl(ports), key: secrets.platformKey }, run);
  say(
    `\nSent ${sent.samples.map(({ type, messages }) => `${messages.length} ${type}`).join(' and ')} log events of the tenant ${TENANT}, and the log of its Auth0 tenant is pulled …`,
  );
  const find = (): Arrival[] | undefined => {
    const pulled = findPulled(aws, auth0);
    const arrivals = pulled && findArrivals(aws, sent);
    return arrivals && [...arrivals, ...pulled];
  };
  return until(find, { timeoutMs: ARRIVAL_MS, intervalMs: 100 }).catch(() => {
    throw new StartProblem(
      `Not all samples arrived within ${ARRIVAL_MS / 1_000} s; the logs under .logferry/logs/ say more.`,
    );
  });
}

function showArrivals(arrivals: readonly Arrival[]): void {
  say('… and every one has arrived:');
  for (const { place, logEvents } of arrivals) say(`  ${String(logEvents).padStart(4)}  ${place}`);
}

function showAddresses(ports: Ports, secrets: LocalSecrets): void {
  say(`
  What arrived, in a browser   http://127.0.0.1:${ports.sandbox}
  Console and queues           http://127.0.0.1:${ports.console}   password ${secrets.consolePassword}
  Ingest                       ${ingestUrl(ports)}

Try:
  curl -s ${ingestUrl(ports)}/v1/tenants/${TENANT}/events?type=deployment \\
    -H 'Authorization: Bearer ${secrets.platformKey}' -H 'Content-Type: application/json' \\
    -d '[{"message":"Hello from my deployment","attributes":{"deploymentId":"mine"}}]'
  npm run send -- FILE --tenant ${TENANT} --type deployment --time arrival

Ctrl-C stops everything.`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const started = new Started();
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
      process.on(signal, () => resolve('interrupted'));
    // Whoever started us was killed and could not tell.
    const parent = process.ppid;
    setInterval(() => process.ppid !== parent && resolve('interrupted'), 250).unref();
  });
  let isStopping = false;
  let endedEarly: (name: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => (endedEarly = resolve));
  const work = async (): Promise<'done'> => {
    const ports = readPorts();
    const running = await start(started, ports, (name) => {
      if (!isStopping) endedEarly(name);
    });
    showArrivals(await tryItOut(running, ports));
    if (values.once) return 'done';
    goOnLogging(running.auth0);
    showAddresses(ports, running.secrets);
    return new Promise(() => undefined);
  };
  try {
    const outcome = await Promise.race([work(), interrupted, ended]);
    if (outcome === 'interrupted') say('\nStopping …');
    else if (outcome !== 'done')
      say(`\n${outcome} ended by itself; its log is under .logferry/logs/. Stopping the rest …`);
    return outcome === 'done' || (outcome === 'interrupted' && !values.once) ? 0 : 1;
  } catch (error) {
    process.stderr.write(
      `${error instanceof StartProblem ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
    );
    return 1;
  } finally {
    isStopping = true;
    await started.stop();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const misuse = misuseLine(error, 'npm run start --');
    if (misuse === undefined) throw error;
    process.stderr.write(misuse);
    process.exit(MISUSE_EXIT_CODE);
  },
);

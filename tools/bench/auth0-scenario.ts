// One source of Auth0's behind the limits of an Enterprise tenant in production, from an empty checkpoint to the last log event.
import { RunQueue } from '@logferry/sources';
import { ConfigStore } from '@logferry/store';
import { Secret } from '@logferry/runtime';
import { startAuth0StandIn, type Auth0StandIn, type Auth0Tenant } from '@logferry/testing';
import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { putSource } from '../auth0-source';
import { ID_DIGITS, ID_MARK } from './plan';
import { now } from './scenario-plan';
import { ScenarioRun } from './scenario-run';
import {
  countsOf,
  describeCpu,
  type ScenarioOptions,
  type ScenarioResult,
  type Verdict,
} from './scenario';
import { BROKER_SECRET, onStage, PLATFORM_KEY, type Stage } from './stage';

const PAGE = 100;
const LATENCY_MS = 50;
const LIMIT = { burst: 50, perSecond: 16 };
const ACCOUNT = 1;
const TENANT = 'acme';
const DOMAIN = 'acme.eu.auth0.com';
const CLIENT = { clientId: 'bench', clientSecret: 'bench-client-secret' };
/** Of the time that Auth0's own limit takes. */
const SHARE_LEAST = 0.95;

export function runAuth0(options: ScenarioOptions): Promise<ScenarioResult> {
  return onStage({}, async (stage) => {
    const auth0 = await startAuth0StandIn({ nowMs: now });
    try {
      return await runBeside(auth0, stage, options);
    } finally {
      await auth0.stop();
    }
  });
}

async function runBeside(
  auth0: Auth0StandIn,
  stage: Stage,
  options: ScenarioOptions,
): Promise<ScenarioResult> {
  const { logs, lingerMs } = options;
  const tenant = auth0.addTenant({ domain: DOMAIN, clients: [CLIENT], latencyMs: LATENCY_MS });
  tenant.setRateLimit(LIMIT);
  const run = await ScenarioRun.open(
    stage,
    [{ tenantId: TENANT, id: 'logs', account: ACCOUNT, lingerMs, preset: 'auth0' }],
    {
      brokerEnv: {
        LOGFERRY_AUTH0_ENDPOINT_URL: auth0.url,
        LOGFERRY_BROKER_SEALING_KEYS: `1:${randomBytes(32).toString('base64')}`,
      },
    },
  );
  const firstId = run.expect('auth0', logs);
  const mark = (n: number): string => `${ID_MARK}${String(firstId + n).padStart(ID_DIGITS, '0')}`;
  tenant.fill(logs, { everyMs: 10, fields: (n) => ({ session: mark(n) }) });
  const redis = new Redis(stage.redis.url);
  try {
    const secret = new Secret(BROKER_SECRET);
    const broker = { host: '127.0.0.1', port: run.brokerPort, secret, tls: undefined };
    await putSource(new ConfigStore(redis), broker, TENANT, {
      id: 'auth0',
      domain: DOMAIN,
      ...CLIENT,
    });
    await startPoller(stage, run, auth0.url);
    const before = run.cpu();
    await runNow(redis);
    const arrivals = await run.settled();
    const times = timesOf(
      tenant,
      arrivals.arrivedMs.reduce((a, b) => Math.max(a, b), 0),
      logs,
    );
    const cpu = describeCpu(before, run.cpu(), times.arrivedSeconds);
    return {
      scenario: 'auth0',
      options,
      facts: [...describe(tenant, times, logs), ['CPU', cpu]],
      verdicts: [verdictOn(times)],
      ...countsOf(arrivals),
    };
  } finally {
    redis.disconnect();
  }
}

async function startPoller(stage: Stage, run: ScenarioRun, endpointUrl: string): Promise<void> {
  await run.start({
    name: 'poller',
    main: 'apps/auth0-poller/src/main.js',
    env: {
      REDIS_URL: stage.redis.url,
      LOGFERRY_LOG_LEVEL: 'warn',
      LOGFERRY_BROKER_SECRET: BROKER_SECRET,
      LOGFERRY_BROKER_TCP_PORT: String(run.brokerPort),
      LOGFERRY_AUTH0_ENDPOINT_URL: endpointUrl,
      LOGFERRY_AUTH0_POLLER_PORT: '0',
      LOGFERRY_AUTH0_POLLER_INGEST_URL: `http://127.0.0.1:${run.ingestPort}`,
      LOGFERRY_AUTH0_POLLER_INGEST_KEY: PLATFORM_KEY,
    },
  });
}

async function runNow(redis: Redis): Promise<void> {
  const queue = new RunQueue(redis);
  await queue.runNow({ tenantId: TENANT, sourceId: 'auth0' });
  await queue.close();
}

/** In seconds from the first request on. */
interface Times {
  /** What the limit takes alone, were every request there the moment that it is allowed. */
  limitSeconds: number;
  readSeconds: number;
  arrivedSeconds: number;
}

function timesOf(tenant: Auth0Tenant, arrivedMs: number, logs: number): Times {
  const giving = tenant.calls.filter((call) => (call.logs ?? 0) > 0);
  const beganMs = tenant.calls.find(({ operation }) => operation !== 'token')?.atMs ?? 0;
  const readMs = (giving.at(-1)?.atMs ?? 0) + LATENCY_MS;
  return {
    limitSeconds: (Math.ceil(logs / PAGE) - LIMIT.burst) / LIMIT.perSecond,
    readSeconds: (readMs - beganMs) / 1_000,
    arrivedSeconds: (arrivedMs - beganMs) / 1_000,
  };
}

function describe(
  tenant: Auth0Tenant,
  { limitSeconds, readSeconds, arrivedSeconds }: Times,
  logs: number,
): [name: string, text: string][] {
  const pace = (seconds: number): string =>
    `${seconds.toFixed(1)} s, ${Math.round(logs / seconds)} a second`;
  const share = (seconds: number): string => `${((limitSeconds / seconds) * 100).toFixed(1)} %`;
  const calls = tenant.calls.filter(({ remaining }) => remaining !== undefined);
  const refused = calls.filter(({ httpStatus }) => httpStatus === 429).length;
  const left = Math.min(...calls.map(({ remaining }) => remaining ?? 0));
  return [
    [
      'Auth0',
      `${LATENCY_MS} ms, ${LIMIT.perSecond} requests a second and ${LIMIT.burst} at once: ${pace(limitSeconds)}`,
    ],
    ['read', `${pace(readSeconds)}: ${share(readSeconds)} of the limit`],
    ['arrived', `${pace(arrivedSeconds)}: ${share(arrivedSeconds)} of the limit`],
    ['requests', `${calls.length}; ${refused} refused; at least ${left} left of the limit`],
    ['for scale', "Auth0's own extension, measured elsewhere: 91 to 92 a second"],
  ];
}

function verdictOn({ limitSeconds, arrivedSeconds }: Times): Verdict {
  const value = arrivedSeconds / limitSeconds;
  const most = Number((1 / SHARE_LEAST).toFixed(3));
  return {
    what: "time until AWS has all, by what Auth0's own limit takes",
    value,
    most,
    unit: 'times',
    held: value <= most,
  };
}

// What every run of the bench stands on: a Redis of its own, and the apps as processes of their own.
import { startRedis, until, type TestRedis } from '@logferry/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess, type AppPlan, type OwnProcess } from '../processes';

export const PLATFORM_KEY = 'bench-platform-key-0123456789';
export const BROKER_SECRET = 'bench-broker-secret-0123456789';

export type Started = OwnProcess & { ports: Record<string, number> };
export type Start = (app: AppPlan) => Promise<Started>;

export interface Stage {
  redis: TestRedis;
  /** Starts a process, which is stopped when the run is over. */
  start: Start;
}

/** Sets up, lets it run, and leaves nothing behind. */
export async function onStage<T>(
  redisSettings: Record<string, string>,
  run: (stage: Stage) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'logferry-bench-'));
  const redis = await startRedis({ settings: redisSettings });
  const processes: OwnProcess[] = [];
  const start: Start = async (app) => {
    const started = startProcess(app, dir);
    processes.push(started);
    return { ...started, ports: await started.ready };
  };
  try {
    return await run({ redis, start });
  } finally {
    await Promise.all(processes.map((process) => process.stop()));
    await redis.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

interface AppsPlan {
  redisUrl: string;
  awsUrl: string;
  sink: 'cloudwatch' | 's3';
  /** Beside what they need to find each other. */
  ingestEnv?: Record<string, string> | undefined;
  brokerEnv?: Record<string, string> | undefined;
}

/** Starts one process each of the broker, a worker and ingest, and waits until ingest takes log events. */
export async function startApps(
  start: Start,
  { redisUrl, awsUrl, sink, ingestEnv, brokerEnv }: AppsPlan,
): Promise<Record<'broker' | 'worker' | 'ingest', Started>> {
  const shared = {
    REDIS_URL: redisUrl,
    AWS_ENDPOINT_URL: awsUrl,
    AWS_EC2_METADATA_DISABLED: 'true',
    LOGFERRY_LOG_LEVEL: 'warn',
  };
  const broker = await start({
    name: 'broker',
    main: 'apps/credential-broker/src/main.js',
    env: {
      ...shared,
      LOGFERRY_BROKER_SECRET: BROKER_SECRET,
      LOGFERRY_BROKER_HTTP_PORT: '0',
      LOGFERRY_BROKER_TCP_PORT: '0',
      LOGFERRY_BROKER_SIGNING_KEYS_DIR: join(tmpdir(), `logferry-bench-${process.pid}`),
      ...brokerEnv,
    },
  });
  const prefix = sink === 's3' ? 'LOGFERRY_S3_WORKER' : 'LOGFERRY_CLOUDWATCH_WORKER';
  const worker = await start({
    name: 'worker',
    main: `apps/${sink}-worker/src/main.js`,
    env: {
      ...shared,
      LOGFERRY_BROKER_SECRET: BROKER_SECRET,
      LOGFERRY_BROKER_TCP_PORT: String(broker.ports.tcp),
      [`${prefix}_PORT`]: '0',
      ...(sink === 's3' ? { LOGFERRY_S3_WORKER_FORCE_PATH_STYLE: 'true' } : {}),
    },
  });
  const ingest = await start({
    name: 'ingest',
    main: 'apps/ingest/src/main.js',
    env: {
      ...shared,
      LOGFERRY_INGEST_PORT: '0',
      LOGFERRY_INGEST_PLATFORM_KEY: PLATFORM_KEY,
      ...ingestEnv,
    },
  });
  await until(() => isReady(ingest.ports.http), { what: 'ingest is ready' });
  return { ingest, worker, broker };
}

async function isReady(port: number | undefined): Promise<boolean> {
  const { status } = await fetch(`http://127.0.0.1:${port}/health/ready`);
  return status === 200;
}

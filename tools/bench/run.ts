import { Destination } from '@logferry/core';
import { until } from '@logferry/testing';
import { ConfigStore } from '@logferry/store';
import { Redis } from 'ioredis';
import type { OwnProcess } from '../processes';
import type { CountReport } from './counting-aws';
import type { LoadReport } from './load';
import { BUCKET, tenantName, type BenchPlan } from './plan';
import { onStage, PLATFORM_KEY, startApps, type Stage, type Start } from './stage';
import { usageOf, type Usage } from './usage';

/** Nothing arrives any more for this long: then what has not arrived is lost. */
const QUIET_MS = 10_000;

export interface BenchResult {
  plan: BenchPlan;
  deliveredPerSecond: number;
  acknowledgedPerSecond: number;
  acknowledgementP50Ms: number;
  acknowledgementP99Ms: number;
  /** CPU seconds per million log events. */
  cpuPerMillion: Record<string, number>;
  cpuPerMillionTotal: number;
  /** The same load on a bare HTTP server that parses it, measured just before. */
  bareNodeCpuPerMillion: number;
  rssPeakMiB: Record<string, number>;
  calls: number;
  eventsPerCall: number;
  bytesPerCall: number;
  /** As AWS counts, of 1 MiB; undefined for S3. */
  fill: number | undefined;
  fullCalls: number;
  lost: number;
  duplicates: number;
  refusedRequests: number;
}

const BARE_NODE_EVENTS = 200_000;

/** CPU seconds per million log events of a server that does nothing but parse them; see bare-node.ts. */
async function measureBareNode(start: Start, plan: BenchPlan): Promise<number> {
  const bare = { ...plan, events: BARE_NODE_EVENTS, warmUpEvents: BARE_NODE_EVENTS, rate: 0 };
  const server = await start({ name: 'bare-node', main: 'tools/bench/bare-node.js', env: {} });
  const load = await startLoad(start, bare, server.ports.http);
  await ask<LoadReport>(load, 'warm-up');
  const before = usageOf(server.pid ?? 0).cpuSeconds;
  const { acknowledged } = await ask<LoadReport>(load);
  const { cpuSeconds } = usageOf(server.pid ?? 0);
  await Promise.all([load.stop(), server.stop()]);
  return (cpuSeconds - before) / (acknowledged / 1_000_000);
}

function startLoad(
  start: Start,
  plan: BenchPlan,
  ingestPort: number | undefined,
): ReturnType<Start> {
  return start({
    name: 'load',
    main: 'tools/bench/load.js',
    env: {
      BENCH_PLAN: JSON.stringify(plan),
      BENCH_INGEST_PORT: String(ingestPort),
      BENCH_KEY: PLATFORM_KEY,
    },
  });
}

/** One run: its own Redis, the apps as processes of their own, the counting AWS, and the load. */
export function runBench(plan: BenchPlan): Promise<BenchResult> {
  return onStage({ appendfsync: plan.fsync }, (stage) => run(plan, stage));
}

async function run(plan: BenchPlan, { redis, start }: Stage): Promise<BenchResult> {
  const bareNodeCpuPerMillion = await measureBareNode(start, plan);
  await writeTenants(redis.url, plan);
  const aws = await start({
    name: 'aws',
    main: 'tools/bench/counting-aws.js',
    env: { BENCH_PLAN: JSON.stringify(plan) },
  });
  const apps = await startApps(start, {
    redisUrl: redis.url,
    awsUrl: `http://127.0.0.1:${aws.ports.http}`,
    sink: plan.sink,
  });
  const load = await startLoad(start, plan, apps.ingest.ports.http);
  const measured = new Map<string, number>([
    ...Object.entries(apps).map(([name, { pid }]): [string, number] => [name, pid ?? 0]),
    ['redis', redis.pid ?? 0],
  ]);
  const warmedUp = await ask<LoadReport>(load, 'warm-up');
  const baseline = await untilDelivered(aws, warmedUp.acknowledged);
  const before = readUsage(measured);
  const startedAt = Date.now();
  const loaded = await ask<LoadReport>(load);
  const all = await untilDelivered(aws, warmedUp.acknowledged + loaded.acknowledged);
  const counted = since(baseline, all);
  const after = readUsage(measured);
  return summarize(plan, { bareNodeCpuPerMillion, before, after, startedAt, loaded, counted });
}

async function writeTenants(redisUrl: string, plan: BenchPlan): Promise<void> {
  const client = new Redis(redisUrl);
  const store = new ConfigStore(client);
  const shared = {
    id: 'bench',
    preset: 'env0',
    region: 'eu-central-1',
    credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/bench' },
  };
  const destination = Destination.parse(
    plan.sink === 's3'
      ? { ...shared, type: 's3', s3: { bucket: BUCKET, lingerMs: 1_000 } }
      : { ...shared, type: 'cloudwatch' },
  );
  for (let n = 0; n < plan.tenants; n++) {
    await store.putTenant({ id: tenantName(n) });
    await store.putDestination(tenantName(n), destination);
  }
  client.disconnect();
}

function readUsage(pids: ReadonlyMap<string, number>): Map<string, Usage> {
  return new Map([...pids].map(([name, pid]) => [name, usageOf(pid)]));
}

/** Sends a message to a process of the bench and waits for its report. */
function ask<T>(process: OwnProcess, what?: string): Promise<T> {
  return process.ask(what) as Promise<T>;
}

/** What was counted after an earlier report. */
function since(earlier: CountReport, { lastArrivalMs, ...later }: CountReport): CountReport {
  const counts = Object.entries(later).map(([name, count]) => [
    name,
    count - earlier[name as keyof typeof later],
  ]);
  return { ...(Object.fromEntries(counts) as typeof later), lastArrivalMs };
}

async function untilDelivered(aws: OwnProcess, acknowledged: number): Promise<CountReport> {
  let last = await ask<CountReport>(aws);
  let movedAt = Date.now();
  return until(
    async () => {
      const now = await ask<CountReport>(aws);
      if (now.arrived !== last.arrived) movedAt = Date.now();
      last = now;
      return (now.distinct >= acknowledged || Date.now() - movedAt > QUIET_MS) && now;
    },
    { timeoutMs: 600_000, intervalMs: 50, what: 'everything is delivered' },
  );
}

interface Measured {
  bareNodeCpuPerMillion: number;
  before: Map<string, Usage>;
  after: Map<string, Usage>;
  startedAt: number;
  loaded: LoadReport;
  counted: CountReport;
}

function summarize(
  plan: BenchPlan,
  { bareNodeCpuPerMillion, before, after, startedAt, loaded, counted }: Measured,
): BenchResult {
  const millions = counted.distinct / 1_000_000;
  const cpuPerMillion: Record<string, number> = {};
  const rssPeakMiB: Record<string, number> = {};
  for (const [name, { cpuSeconds, rssPeakMiB: peak }] of after) {
    cpuPerMillion[name] = (cpuSeconds - (before.get(name)?.cpuSeconds ?? 0)) / millions;
    rssPeakMiB[name] = peak;
  }
  const eventsPerCall = counted.arrived / counted.calls;
  return {
    plan,
    deliveredPerSecond: counted.distinct / ((counted.lastArrivalMs - startedAt) / 1_000),
    acknowledgedPerSecond: loaded.acknowledged / loaded.seconds,
    acknowledgementP50Ms: loaded.p50Ms,
    acknowledgementP99Ms: loaded.p99Ms,
    cpuPerMillion,
    cpuPerMillionTotal: Object.values(cpuPerMillion).reduce((sum, cpu) => sum + cpu, 0),
    bareNodeCpuPerMillion,
    rssPeakMiB,
    calls: counted.calls,
    eventsPerCall,
    bytesPerCall: counted.bodyBytes / counted.calls,
    fill: plan.sink === 's3' ? undefined : (eventsPerCall * (plan.eventBytes + 26)) / 1_048_576,
    fullCalls: counted.fullCalls / counted.calls,
    lost: loaded.acknowledged - counted.distinct,
    duplicates: counted.duplicates,
    refusedRequests: loaded.refusedRequests,
  };
}

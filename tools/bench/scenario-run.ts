import { Destination } from '@logferry/core';
import { ConfigStore } from '@logferry/store';
import { until } from '@logferry/testing';
import { Redis } from 'ioredis';
import type { AppPlan } from '../processes';
import {
  accountName,
  now,
  unpackTimes,
  type AccountOrder,
  type AwsReport,
  type LoadOrder,
  type LoadOutcome,
} from './scenario-plan';
import { PLATFORM_KEY, startApps, type Stage, type Started } from './stage';
import { usageOf } from './usage';

/** Nothing arrives any more for this long: then what has not arrived is lost. Longer than a probe's call and the wait before the next. */
const QUIET_MS = 90_000;
const IDS_MAX = 3_000_000;

/** What one load sent, and when. */
export interface SentLoad {
  name: string;
  firstId: number;
  dueMs: Float64Array;
  acknowledgedMs: Float64Array;
  acknowledged: number;
  statuses: Record<string, number>;
}

/** A destination of a scenario, in an account of its own. */
export interface ScenarioDestination {
  tenantId: string;
  id: string;
  account: number;
  lingerMs: number;
  /** Only log events of this type. */
  type?: string;
  /** env0's unless said otherwise. */
  preset?: 'auth0';
}

export interface Arrivals {
  arrivedMs: Float64Array;
  acknowledged: number;
  lost: number;
  duplicates: number;
  calls: number;
}

/** The apps, the scripted AWS and any number of load generators, each a process of its own. */
export class ScenarioRun {
  private readonly loads = new Map<string, Started>();
  private readonly others = new Map<string, Started>();
  private readonly sent: SentLoad[] = [];
  private nextId = 0;
  /** Its reports carry no name, so one is asked for at a time. */
  private asking: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly stage: Stage,
    private readonly aws: Started,
    private readonly apps: Awaited<ReturnType<typeof startApps>>,
  ) {}

  static async open(
    stage: Stage,
    destinations: readonly ScenarioDestination[],
    env: { ingestEnv?: Record<string, string>; brokerEnv?: Record<string, string> } = {},
  ): Promise<ScenarioRun> {
    await writeDestinations(stage.redis.url, destinations);
    const aws = await stage.start({
      name: 'aws',
      main: 'tools/bench/scripted-aws.js',
      env: { BENCH_IDS_MAX: String(IDS_MAX) },
    });
    const apps = await startApps(stage.start, {
      redisUrl: stage.redis.url,
      awsUrl: `http://127.0.0.1:${aws.ports.http}`,
      sink: 'cloudwatch',
      ...env,
    });
    return new ScenarioRun(stage, aws, apps);
  }

  get workerPort(): number {
    return this.apps.worker.ports.http ?? 0;
  }

  get ingestPort(): number {
    return this.apps.ingest.ports.http ?? 0;
  }

  get brokerPort(): number {
    return this.apps.broker.ports.tcp ?? 0;
  }

  /** Starts a process whose CPU is told with that of the others. */
  async start(app: AppPlan): Promise<Started> {
    const started = await this.stage.start(app);
    this.others.set(app.name, started);
    return started;
  }

  /** Log events that nobody here sends, and that are to arrive all the same. Their ids begin with the one that it gives. */
  expect(name: string, logEvents: number): number {
    const firstId = this.foresee(logEvents);
    const times = new Float64Array(logEvents).fill(now());
    this.sent.push({
      name,
      firstId,
      dueMs: times,
      acknowledgedMs: times,
      acknowledged: logEvents,
      statuses: {},
    });
    return firstId;
  }

  private foresee(ids: number): number {
    const firstId = this.nextId;
    this.nextId += ids;
    if (this.nextId > IDS_MAX) throw new Error('a scenario has more log events than were foreseen');
    return firstId;
  }

  /** Resolves when all of it was sent and answered. Each name is a process of its own, so that one load does not delay another's. */
  async load(name: string, order: Omit<LoadOrder, 'firstId'>): Promise<SentLoad> {
    const firstId = this.foresee(order.idsMax);
    const load = this.loads.get(name) ?? (await this.startLoad(name));
    this.loads.set(name, load);
    const outcome = (await load.ask(JSON.stringify({ ...order, firstId }))) as LoadOutcome;
    const sent = {
      name,
      firstId,
      dueMs: unpackTimes(outcome.dueMs),
      acknowledgedMs: unpackTimes(outcome.acknowledgedMs),
      acknowledged: outcome.acknowledged,
      statuses: outcome.statuses,
    };
    this.sent.push(sent);
    return sent;
  }

  private startLoad(name: string): Promise<Started> {
    return this.stage.start({
      name: `load-${name}`,
      main: 'tools/bench/paced-load.js',
      env: { BENCH_INGEST_PORT: String(this.apps.ingest.ports.http), BENCH_KEY: PLATFORM_KEY },
    });
  }

  async tell(accounts: readonly number[], behaviour: AccountOrder['behaviour']): Promise<void> {
    await this.askAws(JSON.stringify({ accounts: accounts.map(accountName), behaviour }));
  }

  report(): Promise<AwsReport> {
    return this.askAws('report');
  }

  private askAws(what: string): Promise<AwsReport> {
    const answer = this.asking.then(() => this.aws.ask(what) as Promise<AwsReport>);
    this.asking = answer.catch(() => undefined);
    return answer;
  }

  /** Resolves when all that was acknowledged so far has arrived, or nothing has arrived for so long that it never will. */
  async settled(): Promise<Arrivals> {
    let last = 0;
    let movedAt = Date.now();
    const acknowledged = this.sent.reduce((sum, sent) => sum + sent.acknowledged, 0);
    return until(
      async () => {
        const { distinct } = await this.report();
        if (distinct !== last) movedAt = Date.now();
        last = distinct;
        const isOver = Date.now() - movedAt > QUIET_MS;
        if (distinct < acknowledged && !isOver) return undefined;
        const arrivals = await this.arrivals();
        return arrivals.lost === 0 || isOver ? arrivals : undefined;
      },
      { timeoutMs: 900_000, intervalMs: 100, what: 'everything that was acknowledged arrives' },
    );
  }

  /** What has arrived of what was sent so far. */
  async arrivals(): Promise<Arrivals> {
    const report = await this.askAws('arrivals');
    const arrivedMs = unpackTimes(report.arrivedMs ?? '');
    let acknowledged = 0;
    let lost = 0;
    for (const { firstId, acknowledgedMs } of this.sent) {
      acknowledgedMs.forEach((at, n) => {
        if (at === 0) return;
        acknowledged++;
        if (arrivedMs[firstId + n] === 0) lost++;
      });
    }
    return { arrivedMs, acknowledged, lost, duplicates: report.duplicates, calls: report.calls };
  }

  /** CPU seconds of each process so far. */
  cpu(): Record<string, number> {
    const pids = [
      ...Object.entries(this.apps).map(([name, { pid }]) => [name, pid] as const),
      ...[...this.others].map(([name, { pid }]) => [name, pid] as const),
      ['redis', this.stage.redis.pid] as const,
      ['AWS double', this.aws.pid] as const,
      ...[...this.loads].map(([name, { pid }]) => [`load ${name}`, pid] as const),
    ];
    return Object.fromEntries(pids.map(([name, pid]) => [name, usageOf(pid ?? 0).cpuSeconds]));
  }
}

async function writeDestinations(
  redisUrl: string,
  destinations: readonly ScenarioDestination[],
): Promise<void> {
  const client = new Redis(redisUrl);
  const store = new ConfigStore(client);
  for (const { tenantId, id, account, lingerMs, type, preset } of destinations) {
    await store.putTenant({ id: tenantId });
    const roleArn = `arn:aws:iam::${accountName(account)}:role/bench`;
    await store.putDestination(
      tenantId,
      Destination.parse({
        id,
        type: 'cloudwatch',
        preset: preset ?? 'env0',
        region: 'eu-central-1',
        credentials: { kind: 'web_identity', roleArn },
        cloudwatch: {
          lingerMs,
          ...(preset === 'auth0' ? { logGroup: 'auth0', logStream: 'tenant' } : {}),
        },
        ...(type === undefined ? {} : { filter: { types: [type] } }),
      }),
    );
  }
  client.disconnect();
}

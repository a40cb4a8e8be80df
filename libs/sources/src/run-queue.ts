import type { ReplayRequest, RunKind, Source } from '@logferry/core';
import { DelayedError, Queue, Worker, type Job, type Processor } from 'bullmq';
import { randomBytes } from 'node:crypto';
import { dueTimes } from './due-times';
import { SOURCES_TAG, type SourcePlace } from './source-keys';
import type { SourceRedis } from './source-scripts';

const QUEUE = 'source-runs';
const PREFIX = SOURCES_TAG;
const KEPT = { removeOnComplete: true, removeOnFail: { count: 1_000 } } as const;
/** A replay waits for its own lock alone, which a process that died keeps for ten seconds. One that failed makes room for others. */
const REPLAY_OPTIONS = {
  attempts: 1_000,
  backoff: { type: 'fixed', delay: 5_000 },
  removeOnComplete: true,
  removeOnFail: true,
} as const;
/** So many of a source wait or run. */
const REPLAYS_MAX = 5;
/** Which part of a process one tenant's replays may take: they go on for long, and everybody's runs are to be in time. */
const REPLAYS_SHARE = 1 / 4;
const PUT_OFF_MS = 2_000;

/** What is due and was not begun by then may have been lost: a job that is begun makes the next one, and Redis may be away just then. */
const OVERDUE_MS = 60_000;

/** What is due sooner was not put off by a clock that is wrong by hours, which is all that is looked for. */
const FAR_MS = 600_000;

/** When a source runs: all that its schedule is made of. */
export type Scheduled = SourcePlace & Pick<Source, 'schedule' | 'timeZone'>;

/** That a source is to run. */
export interface RunJob extends SourcePlace {
  kind: RunKind;
  /** Of a run that somebody asked for, so that he may follow it; a scheduled one is given its id when it begins. */
  runId?: string;
  replay?: ReplayRequest;
}

/** The queue of the runs of all sources: when each is due, and which are asked for. */
export class RunQueue {
  private readonly queue: Queue<RunJob>;

  constructor(redis: SourceRedis) {
    this.queue = new Queue<RunJob>(QUEUE, { connection: redis, prefix: PREFIX });
    // The connection's owner listens to its errors; without a listener here, Node would end the process.
    this.queue.on('error', () => undefined);
  }

  /**
   * Makes the schedules what they are to be; any number of processes may do so at once.
   *
   * @throws AggregateError of those that cannot be read, when all others are as they are to be
   */
  async reconcile(wanted: readonly Scheduled[]): Promise<void> {
    const ids = new Map(wanted.map((source) => [schedulerId(source), source]));
    const there = new Map(
      (await this.queue.getJobSchedulers(0, -1)).map((scheduler) => [scheduler.key, scheduler]),
    );
    for (const id of there.keys()) if (!ids.has(id)) await this.queue.removeJobScheduler(id);
    const amiss: unknown[] = [];
    for (const [id, source] of ids) {
      const { pattern, tz, next } = there.get(id) ?? {};
      const isWanted = pattern === source.schedule && tz === source.timeZone;
      if (isWanted && !isTooLate(source, next) && !(await this.isLost(id, next))) continue;
      // One that nobody can read keeps no other from being due.
      await this.schedule(source).catch((error: unknown) => amiss.push(error));
    }
    if (amiss.length > 0) throw new AggregateError(amiss, `${amiss.length} schedules are amiss`);
  }

  /** @returns when it runs next; nothing if it is not scheduled */
  async nextRunAtMs(source: SourcePlace): Promise<number | undefined> {
    return (await this.queue.getJobScheduler(schedulerId(source)))?.next;
  }

  /** @returns the id of the run, which is there as soon as somebody has begun it; not at all, if the source runs already */
  async runNow({ tenantId, sourceId }: SourcePlace): Promise<string> {
    const runId = newRunId();
    await this.queue.add('now', { kind: 'now', tenantId, sourceId, runId }, KEPT);
    return runId;
  }

  /** @returns the id of the run, which is there as soon as somebody has begun it; nothing if too many of the source wait or run */
  async replay(place: SourcePlace, replay: ReplayRequest): Promise<string | undefined> {
    const { tenantId, sourceId } = place;
    const runId = newRunId();
    const job: RunJob = { kind: 'replay', tenantId, sourceId, runId, replay };
    for (let n = 1; n <= REPLAYS_MAX; n++) {
      // Where there is a job of the id already, BullMQ adds none.
      const jobId = `replay/${schedulerId(place)}/${n}`;
      await this.queue.add('replay', job, { ...REPLAY_OPTIONS, jobId });
      const added = (await this.queue.getJob(jobId)) as { data: RunJob } | undefined;
      if (added === undefined || added.data.runId === runId) return runId; // or it has ended already
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.queue.close();
  }

  /** Whether nobody will ever begin what is due: it is long past, and not among the jobs. */
  private async isLost(id: string, nextMs: number | undefined): Promise<boolean> {
    if (nextMs === undefined || nextMs > Date.now() - OVERDUE_MS) return false;
    return (await this.queue.getJob(`repeat:${id}:${nextMs}`)) === undefined;
  }

  private async schedule({ tenantId, sourceId, schedule, timeZone }: Scheduled): Promise<void> {
    await this.queue.upsertJobScheduler(
      schedulerId({ tenantId, sourceId }),
      { pattern: schedule, tz: timeZone },
      { name: 'schedule', data: { kind: 'schedule', tenantId, sourceId }, opts: KEPT },
    );
  }
}

/** What fetches jobs, and sees to it that somebody does. */
export interface FetchParts {
  queue: Queue;
  /** Opens a worker of BullMQ's, which begins to fetch at once. */
  open: (process: Processor) => Worker;
  process: (job: Job) => Promise<void>;
  inHandMax: number;
  onError: (error: unknown) => void;
}

interface RunnerOptions {
  /** How many sources run at once in this process. */
  concurrency: number;
  /** A worker of BullMQ's alone may stop fetching for good after the failover of a Redis Cluster: whoever knows that watches it. */
  fetch: (parts: FetchParts) => { close(deadlineMs: number): Promise<void> };
  onError: (error: unknown) => void;
}

/** Takes what is due and has it run. */
export class Runner {
  private readonly queue: Queue;
  private readonly fetcher: ReturnType<RunnerOptions['fetch']>;
  private readonly replaysMax: number;
  /** How many replays of each tenant are under way here. */
  private readonly replays = new Map<string, number>();

  /** @param run throws if the job is to come back */
  constructor(
    redis: SourceRedis,
    private readonly run: (job: RunJob) => Promise<void>,
    { concurrency, fetch, onError }: RunnerOptions,
  ) {
    this.replaysMax = Math.max(1, Math.floor(concurrency * REPLAYS_SHARE));
    this.queue = new Queue(QUEUE, { connection: redis, prefix: PREFIX });
    this.queue.on('error', () => undefined);
    this.fetcher = fetch({
      queue: this.queue,
      open: (process) => openWorker(redis, process, concurrency),
      process: (job) => this.process(job as Job<RunJob>),
      inHandMax: concurrency,
      onError,
    });
  }

  /** Takes nothing more, and waits for what is under way, which must have been told to end. */
  async close(deadlineMs: number): Promise<void> {
    await this.fetcher.close(deadlineMs);
    // Not awaited: without Redis it would not end.
    void this.queue.close().catch(() => undefined);
  }

  private async process(job: Job<RunJob>): Promise<void> {
    const { kind, tenantId } = job.data;
    if (kind !== 'replay') return this.run(job.data);
    const underWay = this.replays.get(tenantId) ?? 0;
    if (underWay >= this.replaysMax) {
      await job.moveToDelayed(Date.now() + PUT_OFF_MS * (0.5 + Math.random() / 2), job.token);
      throw new DelayedError();
    }
    this.replays.set(tenantId, underWay + 1);
    try {
      await this.run(job.data);
    } finally {
      const left = (this.replays.get(tenantId) ?? 1) - 1;
      if (left > 0) this.replays.set(tenantId, left);
      else this.replays.delete(tenantId);
    }
  }
}

function openWorker(redis: SourceRedis, process: Processor, concurrency: number): Worker {
  return new Worker(QUEUE, process, {
    connection: redis,
    prefix: PREFIX,
    concurrency,
    // A job whose process was killed is taken up by another one after ten seconds or so, when the lease is about to end as well.
    lockDuration: 10_000,
    stalledInterval: 5_000,
    maxStalledCount: 1_000,
    runRetryDelay: 500,
  });
}

/** Whether it was put off by a poller whose clock was wrong: it comes after the schedule comes round by ours. */
function isTooLate(source: Scheduled, nextMs: number | undefined): boolean {
  const nowMs = Date.now();
  if (nextMs === undefined || nextMs < nowMs + FAR_MS) return false;
  const [dueMs = nextMs] = dueTimes(source, nowMs, 1);
  return nextMs > dueMs + OVERDUE_MS;
}

/** Neither id holds a slash. */
const schedulerId = ({ tenantId, sourceId }: SourcePlace): string => `${tenantId}/${sourceId}`;

/** Sortable by time to the eye, and nobody else's. */
export function newRunId(nowMs = Date.now()): string {
  return `${nowMs.toString(36)}-${randomBytes(6).toString('hex')}`;
}

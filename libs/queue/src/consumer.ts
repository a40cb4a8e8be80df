import { assert, AssertionError, backoffMs, Failure, RETRY, type Sink } from '@logferry/core';
import {
  DelayedError,
  UnrecoverableError,
  Worker,
  type Job,
  type Processor,
  type Queue,
} from 'bullmq';
import type { Batch } from './batch';
import {
  BatchSettled,
  UnreadableBatch,
  type BatchStore,
  type Begun,
  type Delivery,
  type Keeping,
  type Settled,
} from './batch-store';
import { hasJobsToTake, jobData, openQueue, type JobData } from './catalog';
import { FairSlots, inHandMax, type SlotFor } from './fair-slots';
import { HoldKeeper, type HoldLimits } from './hold-keeper';
import { Holds } from './holds';
import { JobFetcher } from './job-fetcher';
import { queueName, shardTag } from './keys';
import type { PayloadSource } from './payload-source';
import { addJobs, newBatchId, promote } from './producer';
import { isRedisError, isUnanswered, type RedisClient } from './redis-connection';
import { Sweep } from './sweep';
import { within } from './within';

/** What an app does with a batch: writes it once, and says which log events were refused. Throws a `Failure` if it could not. */
export type Deliver = (batch: Batch, payload: PayloadSource) => Promise<DeliveryOutcome>;

/** Log events by their place in the order of time; those that no range names were delivered. */
export interface DeliveryOutcome {
  rejected: readonly { code: Failure['code']; from: number; to: number }[];
  /** If its destination keeps what was delivered: how much of Redis that may take, and whether messages are whole log events. */
  keep?: { bytesMax: number; isEvent: boolean } | undefined;
}

/** Told what became of each attempt, for logs and metrics. */
export interface ConsumerObserver {
  delivered(batch: Batch, outcome: DeliveryOutcome): void;
  failed(
    batch: Batch,
    failure: Failure,
    next: 'retry' | 'defer' | 'suspend' | 'reject' | 'dead_letter',
  ): void;
  /** Nothing but probes goes to the batch's destination from now on. */
  held(batch: Batch, failure: Failure): void;
  /** The batch's destination works again. */
  resumed(batch: Batch): void;
  error(error: unknown): void;
}

/** What may be kept of what was delivered, asked each time. */
export interface KeepRoom {
  tenantBytesMax(): number;
  /** Whether Redis has memory left for what is not live. */
  hasRoom(): boolean;
  /** Told of kept batches that made room for others of their destination or their tenant. */
  gaveUp(batches: number): void;
}

interface ConsumerOptions {
  sink: Sink;
  /** How many batches are under way at once; each holds its payload in memory. Those whose calls take long do not count. */
  concurrency: number;
  /** How many failed attempts make a dead letter of a batch. */
  attemptsMax: number;
  hold: HoldLimits;
  /** Without it, nothing is kept. */
  keep?: KeepRoom;
  observer: ConsumerObserver;
}

/** Lua reads no infinity. */
const BYTES_MAX = Number.MAX_SAFE_INTEGER;
/** AWS asks to slow down. */
const DEFER = { firstMs: 500, mostMs: 10_000 } as const;
/** A destination of which nothing moves for this long is stuck, and its batches make room for those of others. */
const STUCK_MS = 500;
const PUT_OFF_MS = { min: 1_000, max: 30_000 } as const;
/** A call of an account that answers takes less, mostly. */
const SLOW_MS = 250;
/** A batch that gives its place back is moved twice in Redis; sooner, that would be most of what a worker does beside a flood. */
const PATIENCE_MS = 1_000;
/** Whoever puts a batch aside is not who wakes it; should nobody do so, it looks for itself. */
const HELD_MS = 3_600_000;
/** The batch before it wakes it; should its worker die before it does, it looks for itself. */
const BEHIND_MS = 5_000;
/** What a turn takes, about. A lane of 2,000 batches that all looked as often as its second asked 20 times for each delivery (measured). */
const TURN_MS = 40;

/** Takes the batches of one sink in one shard, and speaks BullMQ so that nobody else has to. */
export class BatchConsumer {
  private readonly fetcher: JobFetcher;
  private readonly queue: Queue;
  private readonly sweep: Sweep;
  private readonly holds: Holds;
  private readonly keeper: HoldKeeper;
  private readonly slots: FairSlots;

  constructor(
    redis: RedisClient,
    private readonly store: BatchStore,
    private readonly deliver: Deliver,
    private readonly options: ConsumerOptions,
  ) {
    const { sink, concurrency, observer } = options;
    this.queue = openQueue(redis, sink, store.shard);
    this.holds = new Holds(redis, store.shard);
    this.slots = new FairSlots({
      total: concurrency,
      slowMs: SLOW_MS,
      patienceMs: PATIENCE_MS,
    });
    this.fetcher = new JobFetcher({
      open: (process) => this.openWorker(redis, process),
      process: (job, token) => this.process(job, token),
      hasWork: () => hasJobsToTake(redis, this.queue),
      inHandMax: inHandMax(concurrency),
      onError: (error) => observer.error(error),
    });
    this.sweep = new Sweep(store, this.queue, sink, (error) => observer.error(error));
    this.keeper = new HoldKeeper(
      { store, holds: this.holds, queue: this.queue, sink },
      options.hold,
      observer,
    );
  }

  /** Somebody has changed a destination, or nobody knows which: if it is held, the next probe is now. */
  async probeNow(destinationKey?: string): Promise<void> {
    const { sink } = this.options;
    if (destinationKey === undefined) await this.holds.probeAllNow(sink);
    else await this.holds.probeNow(sink, destinationKey);
  }

  /**
   * Lets what is under way end, for at most `deadlineMs`; the rest is taken up by other workers when its locks run out. Without
   * Redis nothing can end: then the deadline is all there is to wait for.
   */
  async close(deadlineMs: number): Promise<void> {
    this.sweep.stop();
    this.keeper.stop();
    const endsAt = performance.now() + deadlineMs;
    await this.fetcher.close(deadlineMs);
    await within(this.queue.close(), Math.max(endsAt - performance.now(), 0));
  }

  private openWorker(redis: RedisClient, process: Processor): Worker {
    const { sink, concurrency } = this.options;
    const { shard } = this.store;
    return new Worker(queueName(sink, shard), process, {
      connection: redis,
      prefix: shardTag(shard),
      concurrency: inHandMax(concurrency),
      // With BullMQ's own 30 s, a batch whose worker was killed came back after 90 s; with these after 10 s (measured).
      lockDuration: 10_000,
      stalledInterval: 5_000,
      // BullMQ's own 1 condemns a healthy batch at the second crash, with all but one of its attempts unused (measured).
      maxStalledCount: 10,
      // How soon it asks again after Redis broke off; BullMQ's own 15 s is a delay for everyone.
      runRetryDelay: 500,
      settings: { backoffStrategy: (attempt) => backoffMs(attempt, Math.random(), RETRY) },
    });
  }

  private async process(job: Job, token: string | undefined): Promise<void> {
    try {
      await this.work(job, token);
    } catch (error) {
      if (isTellingBullMq(error)) throw error;
      this.options.observer.error(error);
      if (isBug(error) && job.id !== undefined) {
        // Tried again, it would end here again, and CloudWatch Logs would have the batch once more each time.
        await this.store.deadLetter(job.id, 'internal.fault');
        throw bare(new UnrecoverableError(new Failure('internal.fault').message));
      }
      // Redis went away between two steps: BullMQ brings the job again, and no attempt is counted.
      throw bare(new TryAgain('Redis was away between two steps. It is tried again.'));
    }
  }

  private async work(job: Job, token: string | undefined): Promise<void> {
    assert(token !== undefined, 'BullMQ gives a job its lock');
    const { tenant, destination } = job.data as JobData;
    const who = { tenantId: tenant, destinationId: destination };
    const slot = await this.slots.take(who, STUCK_MS);
    if (slot === undefined) return this.putOff(job, token, who);
    try {
      await this.tryBatch(job, token);
    } finally {
      slot.give();
    }
  }

  /** Leaves the slot to others, for about as long as the destination has been stuck. Nothing of the batch was read or counted. */
  private async putOff(job: Job, token: string, who: SlotFor): Promise<never> {
    const delayMs = Math.min(Math.max(this.slots.stillMs(who), PUT_OFF_MS.min), PUT_OFF_MS.max);
    return delay(job, token, halfTo(delayMs));
  }

  private async tryBatch(job: Job, token: string): Promise<void> {
    const { id } = job;
    assert(id !== undefined, 'a job has an id');
    const begun = await this.store.begin(id);
    if (begun === undefined) return; // settled before: its worker died between settling and telling BullMQ
    const { batch, verdict, behind } = begun;
    switch (verdict) {
      case 'park': {
        const failure = new Failure(batch.reason ?? 'internal.fault');
        throw bare(new UnrecoverableError(`${failure.message} (${batch.logEvents} log events)`));
      }
      case 'hold':
        return delay(job, token, halfTo(HELD_MS));
      case 'wait':
        return delay(job, token, halfTo(BEHIND_MS + behind * TURN_MS));
      case 'go':
      case 'probe':
        return this.deliverBatch(job, token, begun);
    }
  }

  private async deliverBatch(job: Job, token: string, begun: Begun): Promise<void> {
    const { batch, payload } = begun;
    const startedAt = performance.now();
    let outcome: DeliveryOutcome;
    try {
      outcome = await this.deliver(batch, payload);
    } catch (error) {
      const tookMs = performance.now() - startedAt;
      await this.handleFailure({ ...begun, job, token, tookMs }, error);
      return;
    }
    await this.settle(batch, payload, outcome);
    this.options.observer.delivered(batch, outcome);
  }

  /** Counts every log event, and gives those that were refused a batch and a job of their own. */
  private async settle(
    batch: Batch,
    payload: PayloadSource,
    { rejected, keep }: DeliveryOutcome,
  ): Promise<void> {
    const delivery: Delivery = { rejected: [], keep: this.keepingOf(batch, keep) };
    if (rejected.length > 0) {
      const loaded = await payload.load();
      const { logEvents } = batch;
      if (delivery.keep !== undefined) {
        const slice = loaded.without(rejected, logEvents);
        delivery.keep = slice && { ...delivery.keep, slice };
      }
      delivery.rejected = rejected.map(({ code, from, to }) => ({
        code,
        batchId: newBatchId(),
        slice: loaded.slice(from, to),
      }));
    }
    const settled = await this.settleOnce(batch, delivery);
    if (settled === undefined) return;
    if (settled.lifted) this.options.observer.resumed(batch);
    if (settled.madeRoom > 0) this.options.keep?.gaveUp(settled.madeRoom);
    if (settled.following !== undefined) await promote(this.queue, settled.following);
    await addJobs(
      this.queue,
      delivery.rejected.map(({ batchId }) => ({
        batchId,
        data: jobData(batch),
        delayMs: 0,
        tenantBatches: 0,
      })),
    );
  }

  /** What a replay delivers is kept already. */
  private keepingOf({ replay }: Batch, keep: DeliveryOutcome['keep']): Keeping | undefined {
    const room = this.options.keep;
    if (keep === undefined || replay !== undefined || room?.hasRoom() !== true) return undefined;
    return { ...keep, tenantBytesMax: Math.floor(Math.min(room.tenantBytesMax(), BYTES_MAX)) };
  }

  /**
   * However long Redis is away: what AWS has taken must only be counted, and tried again it would be there twice. Counting twice is
   * impossible. What follows from a count whose answer was lost is seen to by the sweep and by the batches that wait.
   */
  private async settleOnce(batch: Batch, delivery: Delivery): Promise<Settled | undefined> {
    for (;;) {
      try {
        return await this.store.settle(batch, delivery);
      } catch (error) {
        if (!isUnanswered(error)) throw error;
        this.options.observer.error(error);
      }
    }
  }

  private async handleFailure(work: Work, error: unknown): Promise<void> {
    if (error instanceof BatchSettled) return;
    if (isRedisError(error)) throw error; // its payload could not be read just now: the batch is not at fault
    const failure = failureOf(error);
    const { job, token, batch, payload, verdict, tookMs } = work;
    const { attemptsMax, observer } = this.options;
    const { code, disposition, retryAfterMs, callMs = tookMs } = failure;
    const says = verdictOn(failure);
    const { attempts, isHeld, isNew } = await this.holds.fail(batch.id, {
      code,
      countsAttempt: disposition === 'retry',
      says,
      isProbe: verdict === 'probe',
      callMs,
      againMs: says === undefined ? this.deferMs(batch, failure) : retryAfterMs,
    });
    if (isHeld && isNew) observer.held(batch, failure);
    switch (disposition) {
      case 'reject':
        // An object is refused whole, and may be larger than memory: it stays as it lies, where others are read and stored anew.
        if (isOurs(failure) || batch.target.sink === 's3') return this.bury(batch, failure);
        observer.failed(batch, failure, 'reject');
        return this.settle(batch, payload, {
          rejected: [{ code, from: 0, to: batch.logEvents }],
        });
      case 'retry':
        if (attempts >= attemptsMax) return this.bury(batch, failure);
        break;
      case 'defer':
      case 'suspend':
    }
    observer.failed(batch, failure, disposition);
    if (isHeld) return delay(job, token, halfTo(HELD_MS));
    // BullMQ's own waits know nothing of the pause that AWS asks for.
    if (disposition === 'retry' && retryAfterMs === undefined)
      throw bare(new TryAgain(failure.message));
    return delay(job, token, this.deferMs(batch, failure));
  }

  /** AWS's own word on when to come back is kept, and never taken for less than what it is not to be a flood. */
  private deferMs(batch: Batch, { retryAfterMs = 0 }: Failure): number {
    return retryAfterMs + backoffMs(batch.begun, Math.random(), DEFER);
  }

  /** Makes a dead letter of the batch: counted first, then failed in BullMQ. The sweep mends what a crash between them leaves. */
  private async bury(batch: Batch, failure: Failure): Promise<never> {
    await this.store.deadLetter(batch.id, failure.code);
    this.options.observer.failed(batch, failure, 'dead_letter');
    throw bare(new UnrecoverableError(failure.message));
  }
}

/** Tells BullMQ to bring the job again. */
class TryAgain extends Error {}

function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const code = error instanceof UnreadableBatch ? 'batch.unreadable' : 'internal.fault';
  return new Failure(code, { cause: error });
}

/**
 * As long as there is no session, no batch of the destination can go. Tried one by one they came to a hundred tries a second while the
 * broker was away (seen), and each was sealed by it, however small.
 */
const WITHOUT_A_SESSION: ReadonlySet<Failure['code']> = new Set([
  'credential.broker_unavailable',
  'credential.broker_refused',
  'credential.issuer_unreachable',
] as const);

/** What a failure says of the destination, beside this batch. */
function verdictOn({ code, disposition }: Failure): 'suspended' | 'strike' | undefined {
  if (disposition === 'suspend') return 'suspended';
  if (WITHOUT_A_SESSION.has(code)) return 'strike';
  return disposition === 'retry' && code !== 's3.key_taken' ? 'strike' : undefined;
}

/** A crowd that was put off together does not come back together. */
function halfTo(mostMs: number): number {
  return mostMs * (0.5 + Math.random() / 2);
}

/** What AWS has not refused is not counted as rejected. */
function isOurs({ code }: Failure): boolean {
  return code === 'internal.fault' || code === 'batch.unreadable';
}

/** Whether an assertion of ours failed, here or in a script. */
function isBug(error: unknown): boolean {
  return (
    error instanceof AssertionError ||
    (error instanceof Error && error.message.startsWith('ASSERT'))
  );
}

/** What is thrown at BullMQ on purpose. */
function isTellingBullMq(error: unknown): boolean {
  return (
    error instanceof TryAgain ||
    error instanceof DelayedError ||
    error instanceof UnrecoverableError
  );
}

interface Work extends Begun {
  job: Job;
  token: string;
  /** How long the delivery took, in vain. */
  tookMs: number;
}

/** Puts a batch off without counting an attempt. */
async function delay(job: Job, token: string, delayMs: number): Promise<never> {
  await job.moveToDelayed(Date.now() + delayMs, token);
  throw new DelayedError();
}

/** The queue UI shows an error's stack too; ours tells nothing but our folders. And no cause, which may hold what AWS said. */
function bare<E extends Error>(error: E): E {
  error.stack = error.message;
  return error;
}

import { assert, sinkOf, sinks, type Lane, type Sink } from '@logferry/core';
import { ErrorCode, type Queue } from 'bullmq';
import { randomBytes } from 'node:crypto';
import {
  APPEND_BATCHES_MAX,
  APPEND_MARKS_MAX,
  batchesOf,
  withoutDuplicates,
  type Append,
  type AppendOutcome,
} from './append';
import type { Appended, BatchChange, BatchStore, Mark, Section } from './batch-store';
import { JOB_NAME, jobData, jobOptions, openQueue, type JobPlan } from './catalog';
import { buildChunks } from './chunk';
import { GroupCommit, type Weigh } from './group-commit';
import type { RedisClient } from './redis-connection';

interface ProducerOptions {
  groupCommitMs: number;
  /** Told when a job could not be added. Nothing is lost: the workers' sweep adds it. */
  onEnqueueError: (error: unknown) => void;
  /** What a tenant's batches should take of Redis at most, and who is told of a tenant that takes more. */
  tenantBytesMax?: () => number;
  onTenantFull?: (tenantId: string) => void;
}

/** Thrown by `append` when its token came with another fingerprint before. */
export class TokenReused extends Error {
  override readonly name = 'TokenReused';
}

/** The most that one script adds: Redis serves nobody else while it runs. */
const GROUP_BYTES_MAX = 2 * 1024 * 1024;
/** What a batch weighs in a group beside its bytes: a group is full with as many batches as one append may need. */
const BATCH_BYTES = GROUP_BYTES_MAX / APPEND_BATCHES_MAX;
/** The same for a mark. */
const MARK_BYTES = GROUP_BYTES_MAX / APPEND_MARKS_MAX;
/** The most that may wait for Redis in this process. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024;

/** Appends to the batches of one shard and gives each batch its job. */
export class BatchProducer {
  private readonly commits: GroupCommit<Append, AppendOutcome>;
  private readonly queues: Record<Sink, Queue>;
  private readonly enqueues = new Set<Promise<void>>();

  constructor(
    redis: RedisClient,
    private readonly store: BatchStore,
    private readonly options: ProducerOptions,
  ) {
    this.queues = Object.fromEntries(
      sinks.map((sink) => [sink, openQueue(redis, sink, store.shard)]),
    ) as Record<Sink, Queue>;
    this.commits = new GroupCommit({
      commit: (appends) => this.commit(appends),
      lingerMs: options.groupCommitMs,
      groupBytesMax: GROUP_BYTES_MAX,
      weigher: lanesOnce,
      pendingBytesMax: PENDING_BYTES_MAX,
      concurrency: 2,
      isHopeless: (error) => (error as Error).message === 'Command timed out',
    });
  }

  /**
   * Resolves when Redis has all of it, in one atomic step, now or since an earlier time; rejects if that is not certain.
   *
   * @throws TokenReused if its token stood for something else: nothing of it was added
   */
  append(append: Append, bytes: number): Promise<AppendOutcome> {
    const batches = batchesOf(append);
    const marks = append.marked?.size ?? 0;
    assert(
      batches <= APPEND_BATCHES_MAX && marks <= APPEND_MARKS_MAX,
      'who appends has seen to it that it is not too much',
    );
    return this.commits.add(append, bytes + batches * BATCH_BYTES + marks * MARK_BYTES);
  }

  /** Waits for the jobs of what was appended. The sweep would add them too, a little later. */
  async close(): Promise<void> {
    while (this.enqueues.size > 0) await Promise.all(this.enqueues);
    await Promise.all(Object.values(this.queues).map((queue) => queue.close()));
  }

  private async commit(appends: Append[]): Promise<(append: Append) => AppendOutcome | Error> {
    // What may be repeated is told apart from the rest of its group, and everything else is one section.
    const [apart, others] = partition(appends, isApart);
    const merged = others.length === 0 ? [] : [mergeAppends(others)];
    const outcomes = new Map<Append, AppendOutcome | Error>();
    let sections = [
      ...merged.map((append) => ({ append, of: append })),
      ...apart.map((append) => ({ append, of: append })),
    ];
    while (sections.length > 0) {
      try {
        const appended = await this.write(sections.map(({ append }) => append));
        sections = sections.flatMap(({ append, of }, section) => {
          const known = appended.duplicates.get(section);
          // Only they are left out: the rest is new, and is written in another step.
          if (known !== undefined) return { append: withoutDuplicates(append, known), of };
          const outcome = outcomeOf(append, section, appended);
          outcomes.set(of, outcome);
          return [];
        });
      } catch (error) {
        if (outcomes.size === 0) throw error;
        // What an earlier step of this commit wrote is written; of the rest nobody knows.
        for (const { of } of sections) outcomes.set(of, asError(error));
        sections = [];
      }
    }
    const [together] = merged;
    return (append) => {
      const outcome = outcomes.get(append) ?? (together && outcomes.get(together));
      assert(outcome !== undefined, 'a commit says what became of each append');
      return outcome;
    };
  }

  private async write(appends: readonly Append[]): Promise<Appended> {
    const sections = appends.map(
      ({ once, marked, duplicates, fragmentsByLane, filteredByTenant }): Section => {
        const lanes = [...fragmentsByLane].map(([lane, fragments]) => ({
          lane,
          chunks: buildChunks(lane, fragments),
        }));
        const marks = marked && [...marked].map(([digest, { lane }]) => toMark(digest, lane));
        return { once, marks, duplicates, lanes, filteredByTenant };
      },
    );
    const { tenantBytesMax, onTenantFull } = this.options;
    const appended = await this.store.append({
      id: newBatchId(),
      ...(tenantBytesMax === undefined ? {} : { tenantBytesMax: tenantBytesMax() }),
      sections,
    });
    const { changes, fullTenants, atMs } = appended;
    if (changes.length > 0) this.startEnqueue(changes, atMs);
    for (const tenantId of fullTenants) onTenantFull?.(tenantId);
    return appended;
  }

  /** Not awaited: the log events are safe already, and an acknowledgement need not wait for BullMQ. */
  private startEnqueue(changes: BatchChange[], atMs: number): void {
    const enqueue: Promise<void> = this.enqueue(changes, atMs)
      .catch(this.options.onEnqueueError)
      .finally(() => this.enqueues.delete(enqueue));
    this.enqueues.add(enqueue);
  }

  private async enqueue(changes: BatchChange[], atMs: number): Promise<void> {
    for (const sink of sinks) {
      const ofSink = changes.filter(({ lane }) => sinkOf(lane) === sink);
      if (ofSink.length === 0) continue;
      const opened = new Set(
        ofSink.filter(({ change }) => change === 'opened').map(({ batchId }) => batchId),
      );
      const sealed = new Set(
        ofSink.filter(({ change }) => change === 'sealed').map(({ batchId }) => batchId),
      );
      const plans = ofSink
        .filter(({ change }) => change === 'opened')
        .map(({ batchId, lane, tenantBatches }) => ({
          batchId,
          data: jobData(lane),
          delayMs: sealed.has(batchId) ? 0 : lane.lingerMs,
          fromMs: atMs,
          tenantBatches,
        }));
      await addJobs(this.queues[sink], plans);
      await Promise.all(
        [...sealed].filter((id) => !opened.has(id)).map((id) => promote(this.queues[sink], id)),
      );
    }
  }
}

/** Gives batches their jobs. A batch that has one already keeps it. */
export async function addJobs(queue: Queue, plans: readonly JobPlan[]): Promise<void> {
  if (plans.length === 0) return;
  await queue.addBulk(
    plans.map((plan) => ({ name: JOB_NAME, data: plan.data, opts: jobOptions(plan) })),
  );
}

/**
 * Ends a job's delay early.
 *
 * @returns false if it has ended by itself, or the job is not there yet
 */
export async function promote(queue: Queue, batchId: string): Promise<boolean> {
  try {
    await queue.getBackend().promote(batchId);
    return true;
  } catch (error) {
    if (!isNotDelayed(error)) throw error;
    return false;
  }
}

function isNotDelayed(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error)) return false;
  return error.code === ErrorCode.JobNotExist || error.code === ErrorCode.JobNotInState;
}

/** Unique, in order of time, and neither with a colon nor a number, which BullMQ refuses as a job's id. */
export function newBatchId(): string {
  return `${Date.now().toString(36)}${randomBytes(6).toString('hex')}`;
}

/** What is appended to a lane that the group has already weighs nothing but its bytes, as the group's appends are merged. */
function lanesOnce(): Weigh<Append> {
  const seen = new Set<Lane>();
  return (append, bytes) => {
    if (isApart(append)) return bytes; // a section of its own
    const { fragmentsByLane } = append;
    let weight = bytes;
    for (const lane of fragmentsByLane.keys()) {
      if (seen.has(lane)) weight -= BATCH_BYTES;
      else seen.add(lane);
    }
    return weight;
  };
}

/** Whether it is told apart from the rest of its group: something may be known of it that is not of the others. */
function isApart({ once, marked }: Append): boolean {
  return once !== undefined || (marked !== undefined && marked.size > 0);
}

function toMark(digest: string, lane: Lane): Mark {
  return { digest, windowMs: lane.deduplicateForMs };
}

function outcomeOf(
  { duplicates = 0 }: Append,
  section: number,
  { conflicts, repeated }: Appended,
): AppendOutcome | Error {
  if (conflicts.has(section)) return new TokenReused();
  const before = repeated.get(section);
  return before === undefined
    ? { repeated: false, duplicates }
    : { repeated: true, duplicates: before };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function partition<T>(items: readonly T[], belongs: (item: T) => boolean): [T[], T[]] {
  return [items.filter(belongs), items.filter((item) => !belongs(item))];
}

function mergeAppends(appends: Append[]): Append {
  const [first] = appends;
  if (appends.length === 1 && first !== undefined) return first;
  const merged: Append = { fragmentsByLane: new Map(), filteredByTenant: new Map() };
  for (const { fragmentsByLane, filteredByTenant } of appends) {
    for (const [lane, fragments] of fragmentsByLane) {
      const known = merged.fragmentsByLane.get(lane);
      merged.fragmentsByLane.set(lane, known === undefined ? fragments : known.concat(fragments));
    }
    for (const [tenantId, count] of filteredByTenant) {
      merged.filteredByTenant.set(tenantId, (merged.filteredByTenant.get(tenantId) ?? 0) + count);
    }
  }
  return merged;
}

import { assert, destinationKey, sinks, type Sink, type Target } from '@logferry/core';
import { ErrorCode, type Queue } from 'bullmq';
import type { BatchStore } from './batch-store';
import { jobData, openQueue } from './catalog';
import type { Chunk } from './chunk';
import {
  correctScript,
  discardScript,
  expireScript,
  pageScript,
  redriveScript,
} from './dead-letter-scripts';
import {
  deadLettersKey,
  deadLetterSumsKey,
  joblessKey,
  queueName,
  shardTag,
  totalsKey,
} from './keys';
import { addJobs, promote } from './producer';

/** A dead letter, without its payload. */
export interface DeadLetter {
  id: string;
  shard: number;
  tenantId: string;
  destinationId: string;
  target: Target;
  state: 'dead' | 'refused';
  /** A code of a failure. */
  reason: string;
  logEvents: number;
  bytes: number;
  /** What it takes of Redis. */
  storedBytes: number;
  firstMs: number;
  openedAt: number;
  deadAt: number;
  begun: number;
  /** Whether it is being redriven: its job is on its way to a worker. */
  isQueued: boolean;
}

/** Which dead letters; what is not given may be anything. */
export interface DeadLetterFilter {
  tenantId?: string | undefined;
  destinationId?: string | undefined;
  sink?: Sink | undefined;
  reason?: string | undefined;
  /** When they became dead letters, both ends included. */
  fromMs?: number | undefined;
  toMs?: number | undefined;
}

/** A place in the order of dead letters. It stays one when the dead letter that stood there is gone. */
export interface DeadLetterPosition {
  deadAt: number;
  id: string;
}

export interface DeadLetterQuery {
  filter: DeadLetterFilter;
  order: 'newest' | 'oldest';
  after?: DeadLetterPosition | undefined;
  /** The most that are returned; 0 for sums alone. */
  limit: number;
}

export interface ShardPage {
  rows: DeadLetter[];
  /** How many of those that were looked at match. */
  matched: DeadLetterSums;
  /** Up to where it was looked. */
  position: DeadLetterPosition | undefined;
  ended: boolean;
}

export interface DeadLetterSums {
  batches: number;
  logEvents: number;
  /** Of Redis. */
  bytes: number;
}

/**
 * What became of a wish to redrive.
 *
 * - `redriven`: its job is on its way
 * - `queued`: it was on its way before
 * - `busy`: a worker has its job in its hands at this moment; what comes of that decides whether there is anything to redrive
 * - `waiting`: it is no dead letter any more
 * - `gone`: there is no such batch
 */
export type Redriven = 'redriven' | 'queued' | 'busy' | 'waiting' | 'gone';

export type Corrected = 'corrected' | 'gone' | 'waiting' | 'count' | 'maybe_written';

type Row = [id: string, deadAt: string, failed: string, ...fields: string[]];
type Page = [string, string, number, number, number, number, Row[]];
type Arguments = (string | number | Buffer)[];

interface Scripts {
  lfDeadPage(tag: string, ...args: Arguments): Promise<Page>;
  lfDeadRedrive(tag: string, ...args: Arguments): Promise<string[]>;
  lfDeadDiscard(tag: string, ...ids: string[]): Promise<[number, number]>;
  lfDeadExpire(tag: string, ...args: Arguments): Promise<[number, number, number]>;
  lfDeadCorrect(tag: string, args: Arguments): Promise<Corrected>;
}

/** Bounds what one script does: Redis serves nobody else meanwhile (1,000 take 5 ms, measured). */
const LOOKED_AT_MAX = 1_000;
const JOBS_REMOVED_MAX = 500;

/** The dead letters of one shard. */
export class DeadLetterStore {
  private readonly tag: string;
  private readonly scripts: Scripts;
  private readonly queues: Record<Sink, Queue>;
  private readonly queueNames: string[];

  constructor(private readonly batches: BatchStore) {
    const { redis, shard } = batches;
    this.tag = shardTag(shard);
    this.queueNames = sinks.map((sink) => queueName(sink, shard));
    this.queues = Object.fromEntries(
      sinks.map((sink) => [sink, openQueue(redis, sink, shard)]),
    ) as Record<Sink, Queue>;
    redis.defineCommand('lfDeadPage', { numberOfKeys: 1, lua: pageScript });
    redis.defineCommand('lfDeadRedrive', { numberOfKeys: 1, lua: redriveScript });
    redis.defineCommand('lfDeadDiscard', { numberOfKeys: 1, lua: discardScript });
    redis.defineCommand('lfDeadExpire', { numberOfKeys: 1, lua: expireScript });
    redis.defineCommand('lfDeadCorrect', { numberOfKeys: 1, lua: correctScript });
    this.scripts = redis as unknown as Scripts;
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.queues).map((queue) => queue.close()));
  }

  async page({ filter, order, after, limit }: DeadLetterQuery): Promise<ShardPage> {
    const { tenantId, destinationId, sink, reason, fromMs, toMs } = filter;
    const [ms, id, ended, batches, logEvents, bytes, rows] = await this.scripts.lfDeadPage(
      this.tag,
      this.indexFor(filter),
      order === 'newest' ? 1 : 0,
      fromMs ?? '-inf',
      toMs ?? '+inf',
      after?.deadAt ?? '',
      after?.id ?? '',
      LOOKED_AT_MAX,
      limit,
      tenantId ?? '',
      destinationId ?? '',
      sink ?? '',
      reason ?? '',
      ...this.queueNames,
    );
    return {
      rows: rows.map((row) => this.parseRow(row)),
      matched: { batches, logEvents, bytes },
      position: ms === '' ? undefined : { deadAt: Number(ms), id },
      ended: ended === 1,
    };
  }

  async find(batchId: string): Promise<DeadLetter | undefined> {
    const deadAt = Number(await this.batches.redis.zscore(this.key('all'), batchId));
    if (deadAt === 0) return undefined;
    // From just before it on: positions need not be those of dead letters.
    const after = { deadAt, id: batchId.slice(0, -1) };
    const filter = { fromMs: deadAt, toMs: deadAt };
    const { rows } = await this.page({ filter, order: 'oldest', after, limit: 100 });
    return rows.find(({ id }) => id === batchId);
  }

  /**
   * Sends dead letters back to the workers by BullMQ's own retry, which is what the queue UI's button does; the batch is taken back
   * by the worker that begins it. One without a job gets one.
   */
  async redrive(batchIds: readonly string[]): Promise<Redriven[]> {
    if (batchIds.length === 0) return [];
    const flat = await this.scripts.lfDeadRedrive(this.tag, ...this.queueNames, ...batchIds);
    return Promise.all(
      batchIds.map((id, i) => this.redriveFrom(flat[2 * i] ?? '', flat[2 * i + 1] ?? '', id)),
    );
  }

  private async redriveFrom(place: string, sink: string, id: string): Promise<Redriven> {
    switch (place) {
      case 'failed':
        return this.retry(this.queues[sink as Sink], id);
      case 'missing':
        return this.addJob(this.queues[sink as Sink], id);
      case 'active':
        return 'busy';
      case 'queued':
        // What was put aside and given up sleeps for up to an hour if its worker had it in hand at that moment.
        return (await promote(this.queues[sink as Sink], id)) ? 'redriven' : 'queued';
      default:
        assert(place === 'waiting' || place === 'gone', `a place: ${place}`);
        return place;
    }
  }

  private async retry(queue: Queue, id: string): Promise<Redriven> {
    try {
      const job = await queue.getJob(id);
      if (job === undefined) return await this.addJob(queue, id);
      await job.retry('failed');
      return 'redriven';
    } catch (error) {
      // Somebody else was quicker.
      if (hasCode(error, ErrorCode.JobNotInState)) return 'queued';
      if (hasCode(error, ErrorCode.JobNotExist)) return this.addJob(queue, id);
      throw error;
    }
  }

  private async addJob(queue: Queue, batchId: string): Promise<Redriven> {
    const batch = await this.batches.batch(batchId);
    if (batch === undefined) return 'gone';
    await addJobs(queue, [{ batchId, data: jobData(batch), delayMs: 0, tenantBatches: 1 }]);
    return 'redriven';
  }

  /** Deletes dead letters for good. What is none, or not any more, is left alone. */
  async discard(batchIds: readonly string[]): Promise<{ batches: number; logEvents: number }> {
    if (batchIds.length === 0) return { batches: 0, logEvents: 0 };
    const [batches, logEvents] = await this.scripts.lfDeadDiscard(this.tag, ...batchIds);
    await this.removeJobs();
    return { batches, logEvents };
  }

  /** Discards those that are as old as this, the oldest first, a bounded number at once. */
  expireByAge(retentionMs: number, batchesMax: number): Promise<DeadLetterSums> {
    return this.expire(['dead', retentionMs, batchesMax, '', '']);
  }

  /** Discards the oldest of a tenant's until what is left takes no more than so much of Redis, a bounded number at once. */
  expireBySize(tenantId: string, bytesMax: number, batchesMax: number): Promise<DeadLetterSums> {
    return this.expire([`deadOf:${tenantId}`, 0, batchesMax, tenantId, bytesMax]);
  }

  private async expire(args: Arguments): Promise<DeadLetterSums> {
    const [batches, logEvents, bytes] = await this.scripts.lfDeadExpire(
      this.tag,
      ...args,
      ...this.queueNames,
    );
    return { batches, logEvents, bytes };
  }

  /**
   * Removes the jobs of batches that were discarded. One that a worker has in its hands ends by itself, or fails and is removed the
   * next time. Whoever discards calls it, and so do the workers now and then, for those who died in between.
   */
  async removeJobs(): Promise<void> {
    const { redis, shard } = this.batches;
    for (const sink of sinks) {
      const key = joblessKey(shard, sink);
      const ids = await redis.srandmember(key, JOBS_REMOVED_MAX);
      const codes = await Promise.all(ids.map((id) => this.queues[sink].remove(id)));
      const removed = ids.filter((_, i) => codes[i] === 1);
      if (removed.length > 0) await redis.srem(key, ...removed);
    }
  }

  /** Puts corrected log events in the place of a dead letter's. */
  correct(batchId: string, chunks: readonly Chunk[]): Promise<Corrected> {
    const sum = (of: (chunk: Chunk) => number): number =>
      chunks.reduce((total, chunk) => total + of(chunk), 0);
    return this.scripts.lfDeadCorrect(this.tag, [
      batchId,
      sum(({ logEvents }) => logEvents),
      sum(({ bytes }) => bytes),
      Math.min(...chunks.map(({ firstMs }) => firstMs)),
      Math.max(...chunks.map(({ lastMs }) => lastMs)),
      ...chunks.map(({ payload }) => payload),
    ]);
  }

  /** The largest groups of dead letters, by log events. */
  async groups(most: number): Promise<DeadLetterGroup[]> {
    const { redis, shard } = this.batches;
    const flat = await redis.zrevrange(
      deadLetterSumsKey(shard, 'deadGroups'),
      0,
      most - 1,
      'WITHSCORES',
    );
    const names = flat.filter((_, i) => i % 2 === 0);
    return Promise.all(
      names.map(async (name, i) => {
        const [owner = '', reason = ''] = name.split(' ');
        const [tenantId = '', destinationId = ''] = owner.split('/');
        const key = this.key({ destinationKey: owner, reason });
        const [batches, [, oldestAt]] = await Promise.all([
          redis.zcard(key),
          redis.zrange(key, '0', '0', 'WITHSCORES'),
        ]);
        const logEvents = Number(flat[2 * i + 1]);
        return { tenantId, destinationId, reason, batches, logEvents, oldestAt: Number(oldestAt) };
      }),
    );
  }

  /** What each tenant's dead letters take of Redis, if it is more than this. */
  async tenantsAbove(bytes: number): Promise<{ tenantId: string; bytes: number }[]> {
    const { redis, shard } = this.batches;
    const key = deadLetterSumsKey(shard, 'deadBytes');
    const flat = await redis.zrevrangebyscore(key, '+inf', `(${bytes}`, 'WITHSCORES');
    return flat.flatMap((tenantId, i) =>
      i % 2 === 0 ? [{ tenantId, bytes: Number(flat[i + 1]) }] : [],
    );
  }

  /** How much there is, and how much of it became a dead letter before a time. */
  async summary(beforeMs: number): Promise<DeadLetterSummary> {
    const { redis, shard } = this.batches;
    const key = this.key('all');
    const [batches, before, [, oldestAt], bytes] = await Promise.all([
      redis.zcard(key),
      redis.zcount(key, '-inf', beforeMs),
      redis.zrange(key, '0', '0', 'WITHSCORES'),
      redis.hget(totalsKey(shard), 'deadBytes'),
    ]);
    return {
      batches,
      before,
      bytes: Number(bytes ?? 0),
      oldestAt: oldestAt === undefined ? undefined : Number(oldestAt),
    };
  }

  /** Redis's own time, by which dead letters are ordered. */
  async nowMs(): Promise<number> {
    const [seconds, microseconds] = await this.batches.redis.time();
    return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
  }

  private key(of: Parameters<typeof deadLettersKey>[1]): string {
    return deadLettersKey(this.batches.shard, of);
  }

  /** The narrowest index that has all that match, without the shard's tag. */
  private indexFor({ tenantId, destinationId, reason }: DeadLetterFilter): string {
    let key = this.key('all');
    if (tenantId !== undefined) key = this.key({ tenantId });
    if (tenantId !== undefined && destinationId !== undefined && reason !== undefined)
      key = this.key({ destinationKey: destinationKey(tenantId, destinationId), reason });
    return key.slice(this.tag.length + 1);
  }

  private parseRow([id, deadAt, failed, ...fields]: Row): DeadLetter {
    const [tenantId, destinationId, , reason, logEvents, bytes, storedBytes, ...more] = fields;
    const [firstMs, openedAt, state, begun, target] = more;
    return {
      id,
      shard: this.batches.shard,
      tenantId: tenantId ?? '',
      destinationId: destinationId ?? '',
      target: JSON.parse(target ?? '') as Target,
      state: state === 'dead' ? 'dead' : 'refused',
      reason: reason ?? '',
      logEvents: Number(logEvents),
      bytes: Number(bytes),
      storedBytes: Number(storedBytes),
      firstMs: Number(firstMs),
      openedAt: Number(openedAt),
      deadAt: Number(deadAt),
      begun: Number(begun),
      isQueued: failed !== '1',
    };
  }
}

/** Dead letters that have a destination and a reason in common. */
export interface DeadLetterGroup {
  tenantId: string;
  destinationId: string;
  reason: string;
  batches: number;
  logEvents: number;
  oldestAt: number;
}

export interface DeadLetterSummary {
  batches: number;
  before: number;
  bytes: number;
  oldestAt: number | undefined;
}

function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

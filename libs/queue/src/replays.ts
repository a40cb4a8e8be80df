import { sinks, type Sink } from '@logferry/core';
import { openQueue, PRIORITY_MAX, jobData } from './catalog';
import type { BatchStore } from './batch-store';
import { packChunk } from './chunk-codec';
import type { KeptBatches, KeptPlace, KeptRange, KeptSums } from './kept-batches';
import { keptChunksKey, replayKey, replaysKey, replaysOfKey, shardTag } from './keys';
import { addJobs, newBatchId } from './producer';
import { markReplayed, type MarkedRun } from './replay-mark';
import { cancelReplayScript, makeReplayScript, takeScript } from './replay-scripts';
import type { Queue } from 'bullmq';

/** A run that delivers kept batches again. */
export interface Replay extends KeptPlace, KeptRange {
  id: string;
  /** Whether what it delivers says so, as far as it can. */
  isMarked: boolean;
  state: 'running' | 'done' | 'cancelled';
  createdAtMs: number;
  endedAtMs: number | undefined;
  /** What the range named when it was asked for. */
  total: KeptSums;
  /** What was accepted anew. What is missing of the total when it is done was given up before its turn came. */
  replayed: Omit<KeptSums, 'bytes'>;
  /** How many of the new batches are not settled yet. */
  underWay: number;
  /** How many of them became dead letters. */
  deadLettered: number;
}

/** What is to be replayed. */
export interface ReplayPlan extends KeptPlace, KeptRange {
  isMarked: boolean;
  /** Whether its batches are delivered one by one, as those of a destination in strict order. */
  isOrdered: boolean;
}

/** How much a replay may have under way. */
export interface ReplayRoom {
  tenantBytesMax: number;
}

type Next = 'going' | 'full' | 'done' | 'ended';

interface Scripts {
  lfReplayMake(tag: string, ...args: (string | number)[]): Promise<string | null>;
  lfReplayCancel(tag: string, id: string): Promise<number>;
  lfReplayTake(
    tag: string,
    ...args: (string | number | Buffer)[]
  ): Promise<[next: Next | 'mark' | 'copying', made: string[], ...marking: string[]]>;
}

/** A few at a time: what is live goes first, and Redis holds few batches twice. */
const AT_ONCE = 4;
/** The same by size. */
const BYTES_AT_ONCE = 32 * 1024 * 1024;
const LOOKED_AT_MAX = 500;

/** The replays of one shard. Each method but `take` is one atomic step, and of `take` each part that matters is one. */
export class Replays {
  private readonly tag: string;
  private readonly scripts: Scripts;
  /** Of the sinks whose replays were taken on here. */
  private readonly queues = new Map<Sink, Queue>();

  constructor(
    private readonly store: BatchStore,
    private readonly kept: KeptBatches,
  ) {
    const { redis, shard } = store;
    this.tag = shardTag(shard);
    redis.defineCommand('lfReplayMake', { numberOfKeys: 1, lua: makeReplayScript });
    redis.defineCommand('lfReplayCancel', { numberOfKeys: 1, lua: cancelReplayScript });
    redis.defineCommand('lfReplayTake', { numberOfKeys: 1, lua: takeScript });
    this.scripts = redis as unknown as Scripts;
  }

  async close(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
  }

  /** Begins a replay of what is kept now. @returns the id of the one that is under way already, if one is */
  async begin(plan: ReplayPlan): Promise<{ id: string } | { running: string }> {
    const { tenantId, destinationId, sink, by, fromMs, toMs, isMarked, isOrdered } = plan;
    const upTo = await this.kept.latest(plan);
    const { batches, logEvents, bytes } = await this.kept.count(plan, plan, upTo);
    const id = newBatchId();
    const running = await this.scripts.lfReplayMake(
      this.tag,
      ...[id, tenantId, destinationId, sink, by, fromMs, toMs, isMarked ? 1 : 0, upTo],
      ...[batches, logEvents, bytes, isOrdered ? 1 : AT_ONCE],
    );
    return running === null ? { id } : { running };
  }

  /** @returns false if it is not under way */
  async cancel(id: string): Promise<boolean> {
    return (await this.scripts.lfReplayCancel(this.tag, id)) === 1;
  }

  async find(id: string): Promise<Replay | undefined> {
    const { redis, shard } = this.store;
    const [fields, underWay] = await Promise.all([
      redis.hgetall(replayKey(shard, id)),
      redis.scard(`${this.tag}:replayBatches:${id}`),
    ]);
    return fields.state === undefined ? undefined : parseReplay(id, fields, underWay);
  }

  /** Those of a destination that are remembered, the latest first. */
  async list(place: Omit<KeptPlace, 'sink'>, most: number): Promise<Replay[]> {
    const { redis, shard } = this.store;
    const ids = await redis.zrevrange(replaysOfKey(shard, place), 0, most - 1);
    const found = await Promise.all(ids.map((id) => this.find(id)));
    return found.filter((replay) => replay !== undefined);
  }

  /** The ids of some of those that are under way. */
  running(sink: Sink, most: number): Promise<string[]> {
    const { redis, shard } = this.store;
    return redis.srandmember(replaysKey(shard, sink), most);
  }

  async runningCount(sink: Sink): Promise<number> {
    const { redis, shard } = this.store;
    return redis.scard(replaysKey(shard, sink));
  }

  /**
   * The next step of a replay. Whoever does it may die at any moment, and any number may do it at once: each new batch is made in the
   * step that moves the replay behind the kept one.
   *
   * @returns how many batches were made, and whether it goes on
   */
  async take(id: string, { tenantBytesMax }: ReplayRoom): Promise<{ made: number; next: Next }> {
    let made = 0;
    let marked: (string | number | Buffer)[] = [];
    for (;;) {
      const [next, batchIds, ...marking] = await this.scripts.lfReplayTake(
        this.tag,
        ...[id, newBatchId(), BYTES_AT_ONCE, Math.min(tenantBytesMax, Number.MAX_SAFE_INTEGER)],
        ...[LOOKED_AT_MAX, ...marked],
      );
      made += batchIds.length;
      await this.enqueue(batchIds);
      if (next === 'mark') marked = await this.mark(id, marking);
      else if (next === 'copying') marked = [];
      else return { made, next };
    }
  }

  /** What the script takes for a kept batch whose log events are marked. One that is gone meanwhile is left out, by the script. */
  private async mark(
    id: string,
    [after = '', keptId = '', position = '']: readonly string[],
  ): Promise<(string | number | Buffer)[]> {
    const { redis, shard } = this.store;
    const packed = await redis.lrangeBuffer(keptChunksKey(shard, keptId), 0, -1);
    const runs = packed.length === 0 ? [] : markedOrNone(packed, id);
    return [
      ...[after, keptId, position],
      ...runs.flatMap(({ logEvents, bytes, firstMs, lastMs, text }) => [
        ...[logEvents, bytes, firstMs, lastMs],
        packChunk(text),
      ]),
    ];
  }

  private queueOf(sink: Sink): Queue {
    let queue = this.queues.get(sink);
    if (queue === undefined) {
      queue = openQueue(this.store.redis, sink, this.store.shard);
      this.queues.set(sink, queue);
    }
    return queue;
  }

  /** Behind everything else: what is live goes first. One whose job is not added here is found by the sweep. */
  private async enqueue(batchIds: readonly string[]): Promise<void> {
    for (const batchId of batchIds) {
      const batch = await this.store.batch(batchId);
      if (batch === undefined) continue;
      const plan = { batchId, data: jobData(batch), delayMs: 0, tenantBatches: PRIORITY_MAX };
      await addJobs(this.queueOf(batch.target.sink), [plan]);
    }
  }
}

/** None if they cannot be read: then they are replayed as they lie, and whoever is to deliver them makes a dead letter of them. */
function markedOrNone(packed: readonly Buffer[], replayId: string): MarkedRun[] {
  try {
    return markReplayed(packed, replayId);
  } catch {
    return [];
  }
}

function parseReplay(id: string, fields: Record<string, string>, underWay: number): Replay {
  const number = (name: string): number => Number(fields[name] ?? 0);
  return {
    id,
    tenantId: fields.tenantId ?? '',
    destinationId: fields.destinationId ?? '',
    sink: sinks.find((sink) => sink === fields.sink) ?? 'cloudwatch',
    by: fields.by === 'time' ? 'time' : 'delivered',
    fromMs: number('fromMs'),
    toMs: number('toMs'),
    isMarked: fields.isMarked === '1',
    state: fields.state as Replay['state'],
    createdAtMs: number('createdAt'),
    endedAtMs: fields.endedAt === undefined ? undefined : number('endedAt'),
    total: { batches: number('batches'), logEvents: number('logEvents'), bytes: number('bytes') },
    replayed: { batches: number('replayedBatches'), logEvents: number('replayedLogEvents') },
    underWay,
    deadLettered: number('deadBatches'),
  };
}

import {
  assert,
  destinationKey,
  isFailureCode,
  sinkOf,
  type BatchLimits,
  type FailureCode,
  type Lane,
  type Ledger,
  type Sink,
} from '@logferry/core';
import { parseBatch, type Batch } from './batch';
import { DELAY_MS_MAX, DELAYED_PER_MS } from './catalog';
import type { Chunk } from './chunk';
import { packChunk, unpackChunk } from './chunk-codec';
import { RedisChunks } from './chunk-reader';
import {
  batchKey,
  chunksKey,
  jobKey,
  ledgerKey,
  queueName,
  shardTag,
  tenantKey,
  totalsKey,
} from './keys';
import { BatchPayload, fragmentTexts, type PayloadSlice } from './payload';
import { PayloadSource } from './payload-source';
import { DamagedChunk, MissingChunks, streamPayload } from './payload-stream';
import type { RedisClient } from './redis-connection';
import { appendScript, beginScript, deadLetterScript, settleScript, sweepScript } from './scripts';

/** What one commit adds. */
export interface Flush {
  /** Unique; the ids of the batches it opens are drawn from it. */
  id: string;
  /** What a tenant's batches should take of Redis at most. More is taken all the same, and told. */
  tenantBytesMax?: number;
  sections: readonly Section[];
}

/** Chunks by lane, and how many log events nobody wanted. All of it is added, or none. */
export interface Section {
  /** If given, it is added only if nothing of this token was within the window. */
  once?: Once | undefined;
  /** It is added only if none of these was within its window; else it is told which were. */
  marks?: readonly Mark[] | undefined;
  /** How many duplicates are left out of it already, for whoever repeats it. */
  duplicates?: number | undefined;
  lanes: readonly { lane: Lane; chunks: readonly Chunk[] }[];
  filteredByTenant: ReadonlyMap<string, number>;
}

/** What makes a repeated request known as one. */
export interface Once {
  token: string;
  /** Of what is to be added: the same token with another is a mistake of the sender. */
  fingerprint: string;
  windowMs: number;
}

/** What makes a log event known to the destination that was given it. */
export interface Mark {
  /** A digest of the destination and of the log event's id. */
  digest: string;
  windowMs: number;
}

/** What became of a flush. */
export interface Appended {
  changes: BatchChange[];
  /** When, by Redis's clock. */
  atMs: number;
  /** The sections of which nothing was added, since their token stood for something else. */
  conflicts: ReadonlySet<number>;
  /** Tenants of the flush whose batches take more of Redis now than they should. */
  fullTenants: ReadonlySet<string>;
  /** The sections that were added before, and how many duplicates were left out of them then. */
  repeated: ReadonlyMap<number, number>;
  /** The sections of which nothing was added for their marks, with the indexes of those that were there. */
  duplicates: ReadonlyMap<number, readonly number[]>;
}

/** What an append did to a batch. */
export interface BatchChange {
  lane: Lane;
  batchId: string;
  change: 'opened' | 'sealed';
  /** How many batches the tenant then had waiting; 0 for a sealed one. */
  tenantBatches: number;
}

/** What is to be done with a batch. */
export interface Begun {
  batch: Batch;
  /**
   * - `go`: deliver it
   * - `probe`: its destination is held; deliver it, to find out whether it must be
   * - `hold`: its destination is held; it was put aside
   * - `wait`: its lane is in strict order, and others come first
   * - `park`: it is a dead letter, and its job is to be failed with its reason
   */
  verdict: 'go' | 'probe' | 'hold' | 'wait' | 'park';
  /** How many of its lane come first, if it waits for them. */
  behind: number;
  payload: PayloadSource;
}

/** A batch that has ended. */
export interface Settled {
  /** Whether its destination was held until now. */
  lifted: boolean;
  /** The batch that may be delivered next, where the lane is in strict order. */
  following: string | undefined;
  /** How many kept batches were given up to make room for it. */
  madeRoom: number;
}

/** The outcome of a delivery, per log event: what is not rejected was delivered. */
export interface Delivery {
  rejected: readonly { code: FailureCode; batchId: string; slice: PayloadSlice }[];
  /** If what was delivered is to be kept. */
  keep?: Keeping | undefined;
}

/** How a batch is kept that was delivered. */
export interface Keeping {
  /** What all kept batches of its destination may take of Redis. */
  bytesMax: number;
  /** What all batches of its tenant may take of Redis while anything of it is kept. */
  tenantBytesMax: number;
  /** Whether its messages are whole log events. */
  isEvent: boolean;
  /** What was delivered, if that is not all of it. */
  slice?: PayloadSlice | undefined;
}

export interface SweepPage {
  cursor: string;
  orphans: string[];
  failed: string[];
  late: string[];
}

type Arguments = (string | number | Buffer)[];

interface Scripts {
  lfAppend(
    tag: string,
    args: Arguments,
  ): Promise<[(number | string)[], number[], string[], number[], number[], number]>;
  lfBegin(tag: string, batchId: string): Promise<string[]>;
  lfSettle(tag: string, ...args: Arguments): Promise<[] | [number, string, number]>;
  lfDeadLetter(tag: string, batchId: string, code: string, parking: number): Promise<number>;
  lfSweep(
    tag: string,
    ...args: (string | number)[]
  ): Promise<[string, string[], string[], string[]]>;
}

/** Thrown when what Redis holds of a batch is not what was put there. */
export class UnreadableBatch extends Error {
  override readonly name = 'UnreadableBatch';
  constructor(
    readonly batch: Batch,
    why: string,
    options?: ErrorOptions,
  ) {
    super(`batch ${batch.id}: ${why}`, options);
  }
}

/** Thrown when somebody asks for the payload of a batch that another worker has settled meanwhile. */
export class BatchSettled extends Error {
  override readonly name = 'BatchSettled';
}

/** The batch protocol over one shard of Redis. Each method is one atomic step. */
export class BatchStore {
  private readonly tag: string;
  private readonly scripts: Scripts;

  constructor(
    readonly redis: RedisClient,
    readonly shard: number,
  ) {
    this.tag = shardTag(shard);
    redis.defineCommand('lfAppend', { numberOfKeys: 1, lua: appendScript });
    redis.defineCommand('lfBegin', { numberOfKeys: 1, lua: beginScript });
    redis.defineCommand('lfSettle', { numberOfKeys: 1, lua: settleScript });
    redis.defineCommand('lfDeadLetter', { numberOfKeys: 1, lua: deadLetterScript });
    redis.defineCommand('lfSweep', { numberOfKeys: 1, lua: sweepScript });
    this.scripts = redis as unknown as Scripts;
  }

  async append({
    id,
    tenantBytesMax = Number.MAX_SAFE_INTEGER,
    sections,
  }: Flush): Promise<Appended> {
    const args: Arguments = [id, tenantBytesMax];
    for (const section of sections) {
      const { once, marks, duplicates = 0, lanes, filteredByTenant } = section;
      const groups = marks === undefined ? [] : groupMarks(marks);
      const added = sectionArguments(section, groups);
      args.push(once?.token ?? '', once?.fingerprint ?? '', once?.windowMs ?? 0, duplicates);
      args.push(groups.length, lanes.length, filteredByTenant.size, added.length);
      for (const argument of added) args.push(argument);
    }
    // As one array: spread out, the arguments of many lanes overflow the stack.
    const [reply, conflicts, fullTenants, repeated, duplicates, atMs] = await this.scripts.lfAppend(
      this.tag,
      args,
    );
    const lanes = sections.flatMap((section) => section.lanes);
    const changes: BatchChange[] = [];
    for (let i = 0; i < reply.length; i += 3) {
      const lane = lanes[Number(reply[i])]?.lane;
      assert(lane !== undefined, 'a change names a lane of its flush');
      const tenantBatches = Number(reply[i + 2]);
      const opened = tenantBatches >= 0;
      changes.push({
        lane,
        batchId: String(reply[i + 1]),
        change: opened ? 'opened' : 'sealed',
        tenantBatches: opened ? tenantBatches : 0,
      });
    }
    return {
      changes,
      atMs,
      conflicts: new Set(conflicts),
      fullTenants: new Set(fullTenants),
      repeated: readRepeated(repeated),
      duplicates: readDuplicates(duplicates),
    };
  }

  /**
   * What is to be done with a batch; nothing if it was settled before. Its payload is read when somebody asks for it: much may speak
   * against a delivery before that.
   */
  async begin(batchId: string): Promise<Begun | undefined> {
    const fields = await this.scripts.lfBegin(this.tag, batchId);
    if (fields.length === 0) return undefined;
    const { batch, stateBefore, verdict, behind } = parseBatch(batchId, fields);
    // BullMQ counts on a job how often its worker died, and goes on counting after a redrive.
    if (stateBefore === 'dead') await this.redis.hdel(jobKey(this.shard, batch), 'stc');
    const payload = new PayloadSource(
      () => this.readPayload(batch),
      () => this.streamPayload(batch),
    );
    return { batch, verdict: verdict as Begun['verdict'], behind, payload };
  }

  /** Ends a batch; nothing if it had ended before, in which case nothing is counted again. */
  async settle(
    batch: Pick<Batch, 'id' | 'logEvents'>,
    { rejected, keep }: Delivery,
  ): Promise<Settled | undefined> {
    const keepArgs = keep === undefined ? [] : keepArguments(keep);
    const args: Arguments = [keepArgs.length, ...keepArgs];
    let delivered = batch.logEvents;
    for (const { code, batchId, slice } of rejected) {
      delivered -= slice.logEvents;
      args.push(
        code,
        batchId,
        slice.logEvents,
        slice.bytes,
        slice.firstMs,
        slice.lastMs,
        packChunk(slice.text),
      );
    }
    const settled = await this.scripts.lfSettle(this.tag, batch.id, delivered, ...args);
    const [lifted, following, madeRoom = 0] = settled;
    if (lifted === undefined) return undefined;
    return { lifted: lifted === 1, following: following === '' ? undefined : following, madeRoom };
  }

  /**
   * Makes a dead letter of a batch that waits.
   *
   * @param failsJob whether its job's next run is to end in the queue's failed set; else whoever asks sees to that
   */
  async deadLetter(batchId: string, code: FailureCode, failsJob = false): Promise<boolean> {
    return (await this.scripts.lfDeadLetter(this.tag, batchId, code, failsJob ? 1 : 0)) === 1;
  }

  async sweep(sink: Sink, cursor: string, ageMsMin: number, pageSize = 500): Promise<SweepPage> {
    const queue = `${this.tag}:${queueName(sink, this.shard)}`;
    const [next, orphans, failed, late] = await this.scripts.lfSweep(
      this.tag,
      sink,
      queue,
      cursor,
      pageSize,
      ageMsMin,
      DELAY_MS_MAX,
      DELAYED_PER_MS,
    );
    return { cursor: next, orphans, failed, late };
  }

  /** A batch and its first log events, as a person would look at them. */
  async peek(
    batchId: string,
    chunksMax = 1,
  ): Promise<{ batch: Batch; logEvents: string[] } | undefined> {
    const fields = await this.redis.hgetall(batchKey(this.shard, batchId));
    if (fields.state === undefined) return undefined;
    const { batch } = parseBatch(batchId, Object.entries(fields).flat());
    const chunks = await this.redis.lrangeBuffer(chunksKey(this.shard, batchId), 0, chunksMax - 1);
    return {
      batch,
      logEvents: chunks.flatMap((chunk) => fragmentTexts(batch.target.sink, unpackChunk(chunk))),
    };
  }

  async batch(batchId: string): Promise<Batch | undefined> {
    const fields = await this.redis.hgetall(batchKey(this.shard, batchId));
    return fields.state === undefined
      ? undefined
      : parseBatch(batchId, Object.entries(fields).flat()).batch;
  }

  async ledger(tenantId: string, destinationId: string): Promise<Ledger> {
    return parseLedger(
      await this.redis.hgetall(ledgerKey(this.shard, destinationKey(tenantId, destinationId))),
    );
  }

  async totals(): Promise<Ledger> {
    return parseLedger(await this.redis.hgetall(totalsKey(this.shard)));
  }

  /** What a tenant's batches take of Redis, dead letters included. */
  async tenantBytes(tenantId: string): Promise<number> {
    return Number((await this.redis.hget(tenantKey(this.shard, tenantId), 'bytes')) ?? 0);
  }

  /** How many of a tenant's batches wait, those of destinations that there are no more included. */
  async tenantBatches(tenantId: string): Promise<number> {
    return Number((await this.redis.hget(tenantKey(this.shard, tenantId), 'batches')) ?? 0);
  }

  /** What a tenant sent that no destination wanted. */
  async filtered(tenantId: string): Promise<number> {
    return Number((await this.redis.hget(tenantKey(this.shard, tenantId), 'filtered')) ?? 0);
  }

  private async *streamPayload(batch: Batch): AsyncGenerator<Buffer, void, void> {
    const chunks = new RedisChunks(this.redis, chunksKey(this.shard, batch.id));
    try {
      yield* streamPayload(batch.target.sink, chunks);
    } catch (error) {
      if (error instanceof MissingChunks) throw await this.whyGone(batch);
      if (!(error instanceof DamagedChunk)) throw error;
      throw new UnreadableBatch(batch, 'its payload cannot be unpacked', { cause: error });
    }
  }

  /** Another worker may have settled the batch meanwhile: ours had lost its lock without noticing. */
  private async whyGone(batch: Batch): Promise<Error> {
    const isThere = (await this.redis.exists(batchKey(this.shard, batch.id))) === 1;
    return isThere ? new UnreadableBatch(batch, 'its payload is gone') : new BatchSettled();
  }

  private async readPayload(batch: Batch): Promise<BatchPayload> {
    const chunks = await this.redis.lrangeBuffer(chunksKey(this.shard, batch.id), 0, -1);
    if (chunks.length === 0) throw await this.whyGone(batch);
    try {
      return BatchPayload.fromChunks(batch.target.sink, chunks);
    } catch (error) {
      throw new UnreadableBatch(batch, 'its payload cannot be unpacked', { cause: error });
    }
  }
}

function keepArguments({ bytesMax, tenantBytesMax, isEvent, slice }: Keeping): Arguments {
  const args = [bytesMax, tenantBytesMax, isEvent ? 1 : 0];
  if (slice === undefined) return args;
  return [...args, slice.bytes, slice.firstMs, slice.lastMs, packChunk(slice.text)];
}

function readRepeated(reply: readonly number[]): Map<number, number> {
  const repeated = new Map<number, number>();
  for (let i = 0; i < reply.length; i += 2) repeated.set(reply[i] ?? 0, reply[i + 1] ?? 0);
  return repeated;
}

function readDuplicates(reply: readonly number[]): Map<number, readonly number[]> {
  const duplicates = new Map<number, readonly number[]>();
  for (let i = 0; i < reply.length;) {
    const end = i + 2 + (reply[i + 1] ?? 0);
    duplicates.set(reply[i] ?? 0, reply.slice(i + 2, end));
    i = end;
  }
  return duplicates;
}

/** Runs of marks with one window, in the order in which they stand: the script answers with their indexes. */
function groupMarks(marks: readonly Mark[]): Mark[][] {
  const groups: Mark[][] = [];
  let group: Mark[] | undefined;
  for (const mark of marks) {
    if (group?.[0]?.windowMs !== mark.windowMs) groups.push((group = []));
    group.push(mark);
  }
  return groups;
}

function sectionArguments(
  { lanes, filteredByTenant }: Section,
  groups: readonly (readonly Mark[])[],
): Arguments {
  const args: Arguments = [];
  for (const group of groups) {
    args.push(group[0]?.windowMs ?? 0, group.length);
    for (const { digest } of group) args.push(digest);
  }
  for (const [tenantId, count] of filteredByTenant) args.push(tenantId, count);
  for (const { lane, chunks } of lanes) {
    const { id, tenantId, destinationId, target, limits, strictOrder } = lane;
    args.push(id, sinkOf(lane), destinationKey(tenantId, destinationId), tenantId, destinationId);
    args.push(
      JSON.stringify(target),
      limits.bytesMax,
      limits.logEventsMax,
      limits.spanMsMax,
      strictOrder ? 1 : 0,
      chunks.length,
    );
    for (const chunk of chunks) {
      // Here and not in the script, since a script that has begun to write cannot take it back.
      assert(fitsAlone(chunk, limits), 'a chunk alone keeps to the limits of its lane');
      args.push(chunk.bytes, chunk.logEvents, chunk.firstMs, chunk.lastMs, chunk.payload);
    }
  }
  return args;
}

function fitsAlone({ bytes, logEvents, firstMs, lastMs }: Chunk, limits: BatchLimits): boolean {
  const bytesMax = logEvents === 1 ? limits.logEventBytesMax : limits.bytesMax;
  return (
    bytes <= bytesMax && logEvents <= limits.logEventsMax && lastMs - firstMs <= limits.spanMsMax
  );
}

function parseLedger(fields: Record<string, string>): Ledger {
  const number = (name: string): number => Number(fields[name] ?? 0);
  const byReason = (prefix: string): Ledger['rejectedBy'] => {
    const counts: Ledger['rejectedBy'] = {};
    for (const [name, value] of Object.entries(fields)) {
      const code = name.startsWith(prefix) ? name.slice(prefix.length) : '';
      if (isFailureCode(code) && Number(value) !== 0) counts[code] = Number(value);
    }
    return counts;
  };
  return {
    accepted: number('accepted'),
    delivered: number('delivered'),
    rejected: number('rejected'),
    rejectedBy: byReason('rejected:'),
    deadLettered: number('deadLettered'),
    waiting: number('waiting'),
    discarded: number('discarded'),
    discardedBy: byReason('discarded:'),
  };
}

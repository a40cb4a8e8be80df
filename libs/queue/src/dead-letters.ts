import type { BatchStore } from './batch-store';
import type { Chunk } from './chunk';
import {
  DeadLetterStore,
  type Corrected,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterGroup,
  type DeadLetterPosition,
  type DeadLetterQuery,
  type DeadLetterSummary,
  type DeadLetterSums,
  type Redriven,
} from './dead-letter-store';
import { chunksKey, shardTag } from './keys';
import { chunkLines, missingLine, noHead, ownerHead, type LineHead } from './dead-letter-text';

/** What one step of something that concerns many dead letters does. */
const PAGE = 200;
const CHUNKS_READ_AT_ONCE = 4;

export interface DeadLetterPage {
  rows: DeadLetter[];
  /** Where to go on; nothing if there are no more. A page may hold fewer than were asked for, and none, and still not be the last. */
  next: DeadLetterPosition | undefined;
}

/** How far something that concerns many dead letters has come. */
export interface Walked<T> {
  tally: T;
  /** Where to go on, if time ran out. */
  next: DeadLetterPosition | undefined;
}

/** The dead letters of all shards. */
export class DeadLetters {
  readonly shards: readonly DeadLetterStore[];

  constructor(private readonly batches: readonly BatchStore[]) {
    this.shards = batches.map((store) => new DeadLetterStore(store));
  }

  async close(): Promise<void> {
    await Promise.all(this.shards.map((shard) => shard.close()));
  }

  async page(query: DeadLetterQuery): Promise<DeadLetterPage> {
    const pages = await Promise.all(this.shards.map((shard) => shard.page(query)));
    const order = query.order === 'oldest' ? inOrder : (a: Place, b: Place) => inOrder(b, a);
    // What lies behind the place up to which every shard was looked through may still have something before it.
    const [frontier] = pages
      .flatMap(({ ended, position }) => (ended || position === undefined ? [] : [position]))
      .sort(order);
    const rows = pages
      .flatMap((page) => page.rows)
      .filter((row) => frontier === undefined || order(row, frontier) <= 0)
      .sort(order);
    const shown = rows.slice(0, query.limit);
    return { rows: shown, next: rows.length > shown.length ? placeOf(shown.at(-1)) : frontier };
  }

  async find(batchId: string): Promise<DeadLetter | undefined> {
    const found = await Promise.all(this.shards.map((shard) => shard.find(batchId)));
    return found.find((deadLetter) => deadLetter !== undefined);
  }

  /** How many match, and how many log events they are. */
  async count(filter: DeadLetterFilter): Promise<DeadLetterSums> {
    const counts = await Promise.all(this.shards.map((shard) => countIn(shard, filter)));
    return counts.reduce(addSums);
  }

  async redrive({ id, shard }: Pick<DeadLetter, 'id' | 'shard'>): Promise<Redriven> {
    const [redriven = 'gone'] = (await this.shards[shard]?.redrive([id])) ?? [];
    return redriven;
  }

  /**
   * Redrives what matches, the oldest first, until time runs out. Repeated, it goes on: what is on its way already is left alone.
   *
   * What becomes a dead letter again meanwhile is not redriven again: `until` is from before it began.
   */
  async redriveAll(
    filter: DeadLetterFilter,
    walk: Walk,
  ): Promise<Walked<Record<Redriven, number>>> {
    const tally = { redriven: 0, queued: 0, busy: 0, waiting: 0, gone: 0 };
    const next = await this.walk(filter, walk, async (rows) => {
      for (const outcome of await this.byShard(rows, (shard, ids) => shard.redrive(ids)))
        for (const redriven of outcome) tally[redriven]++;
    });
    return { tally, next };
  }

  async discard({ id, shard }: Pick<DeadLetter, 'id' | 'shard'>): Promise<boolean> {
    return (await this.shards[shard]?.discard([id]))?.batches === 1;
  }

  /** Discards what matches, the oldest first, until time runs out. Repeated, it goes on. */
  async discardAll(
    filter: DeadLetterFilter,
    walk: Walk,
  ): Promise<Walked<{ batches: number; logEvents: number }>> {
    const tally = { batches: 0, logEvents: 0 };
    const next = await this.walk(filter, walk, async (rows) => {
      for (const sums of await this.byShard(rows, (shard, ids) => shard.discard(ids))) {
        tally.batches += sums.batches;
        tally.logEvents += sums.logEvents;
      }
    });
    return { tally, next };
  }

  async correct(
    { id, shard }: Pick<DeadLetter, 'id' | 'shard'>,
    chunks: readonly Chunk[],
  ): Promise<Corrected> {
    return (await this.shards[shard]?.correct(id, chunks)) ?? 'gone';
  }

  /** The log events of a dead letter, some chunks at a time, as lines of JSON. What cannot be read is said in a line of its own. */
  async *lines(deadLetter: DeadLetter, head: LineHead = noHead): AsyncGenerator<string> {
    const { id, shard, logEvents } = deadLetter;
    const redis = this.batches[shard]?.redis;
    let read = 0;
    for (let at = 0; ; at += CHUNKS_READ_AT_ONCE) {
      const key = chunksKey(shard, id);
      const packed = (await redis?.lrangeBuffer(key, at, at + CHUNKS_READ_AT_ONCE - 1)) ?? [];
      for (const chunk of packed) {
        const { lines, count } = chunkLines(deadLetter, chunk, head);
        read += count;
        if (lines !== '') yield lines;
      }
      if (packed.length < CHUNKS_READ_AT_ONCE) break;
    }
    if (read !== logEvents) yield missingLine(deadLetter, logEvents - read);
  }

  /** The log events of all that match, the oldest dead letter first, and of each whose they are. */
  async *linesOfAll(filter: DeadLetterFilter): AsyncGenerator<string> {
    let after: DeadLetterPosition | undefined;
    do {
      const page = await this.page({ filter, order: 'oldest', after, limit: PAGE });
      for (const deadLetter of page.rows) yield* this.lines(deadLetter, ownerHead);
      after = page.next;
    } while (after !== undefined);
  }

  /** The largest groups over all shards, by log events. */
  async groups(most: number): Promise<DeadLetterGroup[]> {
    const all = new Map<string, DeadLetterGroup>();
    for (const group of (
      await Promise.all(this.shards.map((shard) => shard.groups(most)))
    ).flat()) {
      const name = `${group.tenantId}/${group.destinationId} ${group.reason}`;
      const known = all.get(name);
      all.set(name, known === undefined ? group : addGroups(known, group));
    }
    return [...all.values()].sort((a, b) => b.logEvents - a.logEvents).slice(0, most);
  }

  async summary(beforeMs: number): Promise<DeadLetterSummary> {
    return (await Promise.all(this.shards.map((shard) => shard.summary(beforeMs)))).reduce(
      (a, b) => ({
        batches: a.batches + b.batches,
        before: a.before + b.before,
        bytes: a.bytes + b.bytes,
        oldestAt: earlier(a.oldestAt, b.oldestAt),
      }),
    );
  }

  /** Tenants whose dead letters take more than this of one shard's Redis. */
  async tenantsAbove(bytes: number): Promise<string[]> {
    const found = await Promise.all(this.shards.map((shard) => shard.tenantsAbove(bytes)));
    return [...new Set(found.flat().map(({ tenantId }) => tenantId))];
  }

  /** Whether something may be told now: to one of all who ask, and not again for a while. */
  async mayTell(what: string, forMs: number): Promise<boolean> {
    const key = `${shardTag(0)}:told:${what}`;
    return (await this.batches[0]?.redis.set(key, 1, 'PX', forMs, 'NX')) === 'OK';
  }

  /** Redis's own time, by which dead letters are ordered. */
  async nowMs(): Promise<number> {
    return Math.max(...(await Promise.all(this.shards.map((shard) => shard.nowMs()))));
  }

  private async walk(
    filter: DeadLetterFilter,
    { untilMs, after, deadlineMs }: Walk,
    visit: (rows: DeadLetter[]) => Promise<void>,
  ): Promise<DeadLetterPosition | undefined> {
    const toMs = Math.min(filter.toMs ?? untilMs, untilMs);
    let next = after;
    do {
      const query = { filter: { ...filter, toMs }, order: 'oldest', limit: PAGE } as const;
      const page = await this.page({ ...query, after: next });
      await visit(page.rows);
      next = page.next;
    } while (next !== undefined && Date.now() < deadlineMs);
    return next;
  }

  private byShard<T>(
    rows: readonly DeadLetter[],
    run: (shard: DeadLetterStore, ids: string[]) => Promise<T>,
  ): Promise<T[]> {
    return Promise.all(
      this.shards.map((store, shard) =>
        run(
          store,
          rows.filter((row) => row.shard === shard).map(({ id }) => id),
        ),
      ),
    );
  }
}

interface Walk {
  untilMs: number;
  after?: DeadLetterPosition | undefined;
  deadlineMs: number;
}

type Place = DeadLetterPosition;

function placeOf(row: DeadLetter | undefined): DeadLetterPosition | undefined {
  return row === undefined ? undefined : { deadAt: row.deadAt, id: row.id };
}

/** As Redis has them: ids are plain ASCII, whose order is the same everywhere. */
function inOrder(a: Place, b: Place): number {
  return a.deadAt - b.deadAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

async function countIn(shard: DeadLetterStore, filter: DeadLetterFilter): Promise<DeadLetterSums> {
  let sums: DeadLetterSums = { batches: 0, logEvents: 0, bytes: 0 };
  let after: DeadLetterPosition | undefined;
  for (;;) {
    const page = await shard.page({ filter, order: 'oldest', after, limit: 0 });
    sums = addSums(sums, page.matched);
    if (page.ended) return sums;
    after = page.position;
  }
}

function addSums(a: DeadLetterSums, b: DeadLetterSums): DeadLetterSums {
  return {
    batches: a.batches + b.batches,
    logEvents: a.logEvents + b.logEvents,
    bytes: a.bytes + b.bytes,
  };
}

function addGroups(a: DeadLetterGroup, b: DeadLetterGroup): DeadLetterGroup {
  return {
    ...a,
    batches: a.batches + b.batches,
    logEvents: a.logEvents + b.logEvents,
    oldestAt: Math.min(a.oldestAt, b.oldestAt),
  };
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}

import { sinks, type Sink } from '@logferry/core';
import type { BatchStore } from './batch-store';
import { keptKey, keptSumsKey, placeOf, shardTag, totalsKey } from './keys';
import { countKeptScript, expireKeptScript, relieveScript } from './kept-scripts';

/** A destination as one sink knows it. */
export interface KeptPlace {
  tenantId: string;
  destinationId: string;
  sink: Sink;
}

/** What is kept of a place. */
export interface KeptState {
  batches: number;
  logEvents: number;
  /** Of Redis. */
  bytes: number;
  /** When the oldest and the latest were delivered; nothing if none is kept. */
  sinceMs: number | undefined;
  untilMs: number | undefined;
}

/** Which kept batches: those delivered then, or those with log events that happened then. Both ends are included. */
export interface KeptRange {
  by: 'delivered' | 'time';
  fromMs: number;
  toMs: number;
}

export interface KeptSums {
  batches: number;
  logEvents: number;
  bytes: number;
}

/** What may be kept of a place. */
export interface KeepBounds {
  forMs: number;
  bytesMax: number;
  /** What all of the tenant's batches may take of Redis while anything of it is kept. */
  tenantBytesMax: number;
}

interface Scripts {
  lfKeptExpire(tag: string, ...args: (string | number)[]): Promise<[number, number, number]>;
  lfKeptRelieve(tag: string, bytes: number, most: number): Promise<[number, number]>;
  lfKeptCount(tag: string, ...args: (string | number)[]): Promise<[number, number, number, string]>;
}

/** Bounds what one script looks at: Redis serves nobody else meanwhile. */
const LOOKED_AT_MAX = 1_000;

/** What one shard keeps of what was delivered. */
export class KeptBatches {
  private readonly tag: string;
  private readonly scripts: Scripts;

  constructor(readonly store: Pick<BatchStore, 'redis' | 'shard'>) {
    const { redis, shard } = store;
    this.tag = shardTag(shard);
    redis.defineCommand('lfKeptExpire', { numberOfKeys: 1, lua: expireKeptScript });
    redis.defineCommand('lfKeptRelieve', { numberOfKeys: 1, lua: relieveScript });
    redis.defineCommand('lfKeptCount', { numberOfKeys: 1, lua: countKeptScript });
    this.scripts = redis as unknown as Scripts;
  }

  async state(place: KeptPlace): Promise<KeptState> {
    const { redis, shard } = this.store;
    const [index, member] = [keptKey(shard, place), placeOf(place)];
    const [batches, bytes, logEvents, [, sinceMs], [, untilMs]] = await Promise.all([
      redis.zcard(index),
      redis.zscore(keptSumsKey(shard, 'keptBytes'), member),
      redis.zscore(keptSumsKey(shard, 'keptLogEvents'), member),
      redis.zrange(index, '0', '0', 'WITHSCORES'),
      redis.zrange(index, '-1', '-1', 'WITHSCORES'),
    ]);
    return {
      batches,
      bytes: Number(bytes ?? 0),
      logEvents: Number(logEvents ?? 0),
      sinceMs: sinceMs === undefined ? undefined : Math.floor(Number(sinceMs)),
      untilMs: untilMs === undefined ? undefined : Math.floor(Number(untilMs)),
    };
  }

  /** A page of the places of which anything is kept. */
  async places(from: number, most: number): Promise<KeptPlace[]> {
    const { redis, shard } = this.store;
    const members = await redis.zrange(
      keptSumsKey(shard, 'keptBytes'),
      String(from),
      String(from + most - 1),
    );
    return members.map(parsePlace);
  }

  /** Of all places: how many batches, and what they take of Redis. */
  async totals(): Promise<{ batches: number; bytes: number }> {
    const { redis, shard } = this.store;
    const [batches, bytes] = await redis.hmget(totalsKey(shard), 'keptBatches', 'keptBytes');
    return { batches: Number(batches ?? 0), bytes: Number(bytes ?? 0) };
  }

  /** Where the latest batch stands; one that is kept later stands behind it. */
  async latest(place: KeptPlace): Promise<string> {
    const { redis, shard } = this.store;
    const [, position] = await redis.zrange(keptKey(shard, place), '-1', '-1', 'WITHSCORES');
    return position ?? '0';
  }

  /** Counts what a range names, up to a position. */
  async count(
    place: KeptPlace,
    { by, fromMs, toMs }: KeptRange,
    upTo: string,
    page = LOOKED_AT_MAX,
  ): Promise<KeptSums> {
    const sums: KeptSums = { batches: 0, logEvents: 0, bytes: 0 };
    let after = '0';
    do {
      const args = [placeOf(place), by, fromMs, toMs, after, upTo, page];
      const [batches, logEvents, bytes, next] = await this.scripts.lfKeptCount(this.tag, ...args);
      sums.batches += batches;
      sums.logEvents += logEvents;
      sums.bytes += bytes;
      after = next;
    } while (after !== '');
    return sums;
  }

  /** Gives up what is too old or too much, the oldest first; so many batches at most. */
  async expire(
    place: KeptPlace,
    { forMs, bytesMax, tenantBytesMax }: KeepBounds,
    most: number,
  ): Promise<{ byAge: number; bySize: number; bytes: number }> {
    const args = [placeOf(place), place.tenantId, forMs, bytesMax, tenantBytesMax, most];
    const [byAge, bySize, bytes] = await this.scripts.lfKeptExpire(this.tag, ...args);
    return { byAge, bySize, bytes };
  }

  /** Gives up what places have that keep most, until so many bytes are free; so many batches at most. */
  async relieve(bytes: number, most: number): Promise<{ batches: number; bytes: number }> {
    const [batches, freed] = await this.scripts.lfKeptRelieve(this.tag, Math.ceil(bytes), most);
    return { batches, bytes: freed };
  }

  /** Whether it is our turn: one of all who ask, and nobody again for a while. */
  async mayTend(forMs: number): Promise<boolean> {
    const { redis } = this.store;
    return (await redis.set(`${this.tag}:keptTended`, 1, 'PX', forMs, 'NX')) === 'OK';
  }
}

function parsePlace(member: string): KeptPlace {
  const colon = member.indexOf(':');
  const slash = member.indexOf('/');
  const sink = sinks.find((known) => known === member.slice(0, colon)) ?? 'cloudwatch';
  return {
    sink,
    tenantId: member.slice(colon + 1, slash),
    destinationId: member.slice(slash + 1),
  };
}

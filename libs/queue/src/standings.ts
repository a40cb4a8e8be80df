// How destinations stand, for whoever tells their owners: read in bulk, and moved by nothing here.
import {
  assert,
  destinationKey,
  isFailureCode,
  shardOf,
  type FailureCode,
  type Sink,
} from '@logferry/core';
import type { Hold } from './holds';
import { holdKey, ledgerKey, shardTag } from './keys';
import type { RedisClient } from './redis-connection';
import { prelude } from './script-prelude';

export interface StandingPlace {
  tenantId: string;
  destinationId: string;
  sink: Sink;
}

export interface Standing {
  hold: Pick<Hold, 'kind' | 'code' | 'sinceMs'> | undefined;
  delivered: number;
  waiting: number;
  /** Dead letters, those included that AWS refused, and those that were discarded since. */
  dead: number;
}

/** What has waited for longest for a destination. */
export interface LongestWait {
  /** When it was accepted, or last redriven. */
  sinceMs: number;
  /** The most attempts that one of its batches has burnt, and what stopped that last. */
  attempts: number;
  code: FailureCode | undefined;
}

/**
 * Looks at a page of a sink's unsettled batches, the oldest first.
 *
 * ARGV: sink, the time before which they were opened, how many to leave out and how many to look at. Returns how many there were, and of
 * each destination its key, since when one of them has waited, the most attempts, and what stopped that batch last.
 */
const waitsScript = `${prelude}
local ids = redis.call('ZRANGEBYSCORE', key('live', ARGV[1]), '-inf', ARGV[2], 'LIMIT', ARGV[3], ARGV[4])
local found, order = {}, {}
for _, id in ipairs(ids) do
  local batch = redis.call('HMGET', key('batch', id), 'destinationKey', 'state', 'openedAt', 'redrivenAt', 'attempts', 'lastFailure')
  if batch[2] == 'open' or batch[2] == 'sealed' then
    local since, attempts = tonumber(batch[4] or batch[3]), tonumber(batch[5] or 0)
    local one = found[batch[1]]
    if not one then
      one = { since, -1, '' }
      found[batch[1]] = one
      order[#order + 1] = batch[1]
    end
    if since < one[1] then one[1] = since end
    if attempts > one[2] then one[2], one[3] = attempts, batch[6] or '' end
  end
end
local answer = { #ids }
for _, destination in ipairs(order) do
  local one = found[destination]
  answer[#answer + 1] = destination
  answer[#answer + 1] = string.format('%.0f', one[1])
  answer[#answer + 1] = one[2]
  answer[#answer + 1] = one[3]
end
return answer`;

interface Scripts {
  lfWaits(tag: string, ...args: (string | number)[]): Promise<(string | number)[]>;
}

/** Redis serves nobody else while it looks at so many. */
const PAGE = 1_000;

export class Standings {
  private readonly scripts: Scripts;

  constructor(
    private readonly redis: RedisClient,
    readonly shards: number,
  ) {
    redis.defineCommand('lfWaits', { numberOfKeys: 1, lua: waitsScript });
    this.scripts = redis as unknown as Scripts;
  }

  /** In the order of the places. */
  async of(places: readonly StandingPlace[]): Promise<Standing[]> {
    const standings: Standing[] = [];
    const byShard = Map.groupBy(places.keys(), (i) => this.shardOf(places[i]));
    for (const [shard, indexes] of byShard) {
      const pipeline = this.redis.pipeline();
      for (const i of indexes) {
        const { tenantId, destinationId, sink } = at(places, i);
        const key = destinationKey(tenantId, destinationId);
        pipeline.hmget(holdKey(shard, sink, key), 'kind', 'code', 'sinceMs');
        const counters = ['delivered', 'waiting', 'rejected', 'deadLettered'];
        pipeline.hmget(ledgerKey(shard, key), ...counters);
      }
      const results = (await pipeline.exec()) ?? [];
      const failed = results.find(([error]) => error !== null)?.[0];
      if (failed) throw failed;
      const answers = results.map(([, answer]) => answer as (string | null)[]);
      for (const [n, i] of indexes.entries())
        standings[i] = standingOf(at(answers, 2 * n), at(answers, 2 * n + 1));
    }
    return standings;
  }

  /**
   * A page of the longest waits, by destination.
   *
   * @returns how many batches were looked at; fewer than a page is the end
   */
  async waits(
    { shard, sink }: { shard: number; sink: Sink },
    beforeMs: number,
    offset: number,
  ): Promise<{ looked: number; isEnd: boolean; waits: Map<string, LongestWait> }> {
    const [looked = 0, ...flat] = await this.scripts.lfWaits(
      shardTag(shard),
      ...[sink, beforeMs, offset, PAGE],
    );
    const waits = new Map<string, LongestWait>();
    for (let i = 0; i < flat.length; i += 4) {
      const code = String(flat[i + 3]);
      waits.set(String(flat[i]), {
        sinceMs: Number(flat[i + 1]),
        attempts: Number(flat[i + 2]),
        code: isFailureCode(code) ? code : undefined,
      });
    }
    return { looked: Number(looked), isEnd: Number(looked) < PAGE, waits };
  }

  private shardOf(place: StandingPlace | undefined): number {
    assert(place !== undefined, 'an index is one of a place');
    return shardOf(place.tenantId, place.destinationId, this.shards);
  }
}

function standingOf(hold: (string | null)[], counters: (string | null)[]): Standing {
  const [kind, code = '', sinceMs] = hold;
  const [delivered, waiting, rejected, deadLettered] = counters.map(Number);
  return {
    hold:
      kind === 'suspended' || kind === 'broken'
        ? {
            kind,
            code: isFailureCode(code ?? '') ? (code as FailureCode) : undefined,
            sinceMs: Number(sinceMs),
          }
        : undefined,
    delivered: delivered ?? 0,
    waiting: waiting ?? 0,
    dead: (rejected ?? 0) + (deadLettered ?? 0),
  };
}

function at<T>(values: readonly T[], i: number): T {
  const value = values[i];
  assert(value !== undefined, 'there is an answer to each question');
  return value;
}

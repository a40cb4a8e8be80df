import { batchKey } from './keys';
import type { RedisClient } from './redis-connection';

// Fields of the batch's own hash, so that they end with it. For each bucket their own: what a put into one bucket may have made says
// nothing about another, and while a destination's bucket changes, one worker may still put into the old one.
const fields = `
local candidate, claims, since = 'keyCandidate:' .. ARGV[1], 'keyClaims:' .. ARGV[1], 'keySince:' .. ARGV[1]
`;

/**
 * ARGV: bucket. Returns which key was claimed, and since when it has been; nothing if the batch is settled.
 *
 * While nobody else has a claim, no object may be there under any of the batch's keys but those passed, so the time may be a new one.
 */
const claimScript = `${fields}
if redis.call('EXISTS', KEYS[1]) == 0 then return nil end
if redis.call('HINCRBY', KEYS[1], claims, 1) == 1 then
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[1], since, time[1] * 1000 + math.floor(time[2] / 1000))
end
return {tonumber(redis.call('HGET', KEYS[1], candidate) or '0'), tonumber(redis.call('HGET', KEYS[1], since))}
`;

/** ARGV: bucket, n. Returns 1, or 0 if another claim is there besides that of whoever asks, or the batch is settled. */
const passScript = `${fields}
if redis.call('HGET', KEYS[1], claims) ~= '1' or (redis.call('HGET', KEYS[1], candidate) or '0') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], candidate, tonumber(ARGV[2]) + 1, claims, 0)
return 1
`;

/** ARGV: bucket, n. */
const releaseScript = `${fields}
local n = tonumber(redis.call('HGET', KEYS[1], claims) or '0')
if n > 0 and (redis.call('HGET', KEYS[1], candidate) or '0') == ARGV[2] then
  redis.call('HSET', KEYS[1], claims, n - 1)
end
return 0
`;

interface Scripts {
  lfKeyClaim(batch: string, bucket: string): Promise<[number, number] | null>;
  lfKeyPass(batch: string, bucket: string, n: number): Promise<number>;
  lfKeyRelease(batch: string, bucket: string, n: number): Promise<number>;
}

/** Which of a batch's keys an object may be put under from now on. */
export interface KeyClaim {
  candidate: number;
  /** When the first of the claims was made that still stand, by Redis's clock: every put that may have made an object knows the same. */
  since: number;
}

/**
 * Under which of a batch's keys an object may have been put: remembered before it is done, so that whoever finds a key taken knows
 * whether it may be the batch's own object from another attempt. Each method is one atomic step.
 */
export class KeyClaims {
  private readonly scripts: Scripts;

  constructor(
    redis: RedisClient,
    private readonly shard: number,
  ) {
    redis.defineCommand('lfKeyClaim', { numberOfKeys: 1, lua: claimScript });
    redis.defineCommand('lfKeyPass', { numberOfKeys: 1, lua: passScript });
    redis.defineCommand('lfKeyRelease', { numberOfKeys: 1, lua: releaseScript });
    this.scripts = redis as unknown as Scripts;
  }

  /**
   * Claims the first of the batch's keys in a bucket that is not known to be a stranger's.
   *
   * @returns nothing if the batch is settled
   */
  async claim(batchId: string, bucket: string): Promise<KeyClaim | undefined> {
    const claim = await this.scripts.lfKeyClaim(batchKey(this.shard, batchId), bucket);
    return claim === null ? undefined : { candidate: claim[0], since: claim[1] };
  }

  /**
   * Remembers that a stranger holds a key, if that is certain: whoever asks has claimed it, and found it taken.
   *
   * @returns false if another put under it may have made the object, or the batch is settled
   */
  async pass(batchId: string, bucket: string, candidate: number): Promise<boolean> {
    return (await this.scripts.lfKeyPass(batchKey(this.shard, batchId), bucket, candidate)) === 1;
  }

  /** Takes back a claim: what was put under the key certainly made no object. */
  async release(batchId: string, bucket: string, candidate: number): Promise<void> {
    await this.scripts.lfKeyRelease(batchKey(this.shard, batchId), bucket, candidate);
  }
}

import type { RedisClient } from './redis-connection';

/** How often something may be done, over all processes together. */
export interface Ration {
  perSecond: number;
  /** How many at once, after a lull. In any second there are no more than `perSecond` and these. */
  burst: number;
}

/** Who was told to wait comes back one after the other, but nobody is told more than this. */
const LINE_MS_MAX = 60_000;

// The generic cell rate algorithm: `at` is the time up to which everything that was taken is spread evenly. `line` is when the last of
// those who were told to wait is to come back; without it, all of them would come back for the next one. Redis's clock is the only one.
//
// ARGV: milliseconds from one to the next, burst, LINE_MS_MAX. Returns 0, or the milliseconds until it is worth asking again.
const takeScript = `
local step, burst, lineMax = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local kept = redis.call('HMGET', KEYS[1], 'at', 'line')
local at, line = math.max(tonumber(kept[1] or '0'), now), tonumber(kept[2] or '0')
-- Neither lies further ahead than this, unless the clock went back: nobody waits until it is where it was.
if at > now + step * burst then at = now end
if line > now + lineMax then line = 0 end
local free = at - step * (burst - 1)
if free <= now then
  redis.call('HSET', KEYS[1], 'at', string.format('%.3f', at + step))
  redis.call('PEXPIRE', KEYS[1], lineMax * 2)
  return 0
end
line = math.min(math.max(line + step, free), now + lineMax)
redis.call('HSET', KEYS[1], 'line', string.format('%.3f', line))
return math.max(math.ceil(line - now), 1)
`;

interface Scripts {
  lfTakeRation(key: string, stepMs: number, burst: number, lineMsMax: number): Promise<number>;
}

/** What all processes together may do only so often, counted in Redis. */
export class Rations {
  private readonly scripts: Scripts;

  constructor(redis: RedisClient) {
    redis.defineCommand('lfTakeRation', { numberOfKeys: 1, lua: takeScript });
    this.scripts = redis as unknown as Scripts;
  }

  /**
   * Takes one of a ration.
   *
   * @returns 0 if it may be done now; otherwise nothing is taken, and it is worth asking again after so many milliseconds
   */
  async take(name: string, { perSecond, burst }: Ration): Promise<number> {
    return this.scripts.lfTakeRation(`lf:ration:${name}`, 1_000 / perSecond, burst, LINE_MS_MAX);
  }
}

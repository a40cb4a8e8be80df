import type { RedisClient } from './redis-connection';

/** What was used of a rate, as the time that it takes at that rate. */
export interface Use {
  name: string;
  tookMs: number;
}

// `at` is the time up to which everything that was used is spread evenly. It may lie far ahead: what is used too much is paid back.
//
// KEYS: the hash tag. ARGV: pairs of a name and the milliseconds of the rate that were used. Returns how far ahead each then is.
const useScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local aheads = {}
for i = 1, #ARGV, 2 do
  local key = KEYS[1] .. ':rate:' .. ARGV[i]
  local at = math.max(tonumber(redis.call('GET', key) or now), now) + tonumber(ARGV[i + 1])
  local ahead = math.max(math.ceil(at - now), 0)
  if ahead > 0 then
    redis.call('SET', key, string.format('%.3f', at), 'PX', ahead)
  else
    redis.call('DEL', key)
  end
  aheads[#aheads + 1] = ahead
end
return aheads
`;

interface Scripts {
  lfUseRates(tag: string, args: (string | number)[]): Promise<number[]>;
}

/** The most that one script looks at: Redis serves nobody else while it runs. */
const USES_A_CALL = 1_000;

/** Rates that several processes use together, counted in Redis. */
export class SharedRates {
  private readonly scripts: Scripts;

  constructor(redis: RedisClient) {
    redis.defineCommand('lfUseRates', { numberOfKeys: 1, lua: useScript });
    this.scripts = redis as unknown as Scripts;
  }

  /** Notes what was used. Returns for each how far ahead of its rate all processes together are, in milliseconds. */
  async use(uses: readonly Use[]): Promise<number[]> {
    const aheads: number[] = [];
    for (let at = 0; at < uses.length; at += USES_A_CALL) {
      const page = uses.slice(at, at + USES_A_CALL);
      const args = page.flatMap(({ name, tookMs }) => [name, tookMs]);
      aheads.push(...(await this.scripts.lfUseRates('{lf}', args)));
    }
    return aheads;
  }
}

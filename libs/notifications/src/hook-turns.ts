import type { Cluster, Redis } from 'ioredis';
import { createHash } from 'node:crypto';
import { TAG } from './notification-queue';

/** https://docs.slack.dev/apis/web-api/rate-limits: one message a second for each incoming webhook; a little more, since clocks differ. */
const EVERY_MS = 1_100;

const prelude = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function number(n) return string.format('%.0f', n) end
`;

// KEYS: the hook's next turn, its pause. ARGV: the milliseconds between two turns, and 1 if the turn of who asks has come: then it
// needs another one only if the hook has asked to wait since. By Redis's clock, since several consoles send. Returns how long it is until
// the turn that was taken.
const takeScript = `${prelude}
if ARGV[2] == '1' and redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
local turn = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
redis.call('SET', KEYS[1], number(turn + ARGV[1]), 'PX', number(turn + ARGV[1] - now))
return turn - now`;

// KEYS: the same. ARGV: for how many milliseconds nobody has a turn.
const pauseScript = `${prelude}
local turn = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now + ARGV[1])
redis.call('SET', KEYS[1], number(turn), 'PX', number(turn - now))
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[2], 1, 'PX', ARGV[1]) end`;

interface Scripts {
  lfHookTurn(...args: (string | number)[]): Promise<number>;
  lfHookPause(...args: (string | number)[]): Promise<void>;
}

/** Whose turn it is at a hook, over all processes. */
export class HookTurns {
  private readonly scripts: Scripts;

  constructor(redis: Redis | Cluster) {
    redis.defineCommand('lfHookTurn', { numberOfKeys: 2, lua: takeScript });
    redis.defineCommand('lfHookPause', { numberOfKeys: 2, lua: pauseScript });
    this.scripts = redis as unknown as Scripts;
  }

  /** Takes the next turn. Returns after how many milliseconds it is. */
  take(url: string): Promise<number> {
    return this.scripts.lfHookTurn(...keysOf(url), EVERY_MS, 0);
  }

  /** When a turn has come: 0, unless nobody has one just now. Then it is after so many milliseconds, as another one. */
  keep(url: string): Promise<number> {
    return this.scripts.lfHookTurn(...keysOf(url), EVERY_MS, 1);
  }

  /** Nobody has a turn for so long, as whoever is behind the hook has asked for, or needs. */
  async pause(url: string, forMs: number): Promise<void> {
    if (forMs > 0) await this.scripts.lfHookPause(...keysOf(url), Math.ceil(forMs));
  }
}

/** The address is a secret, which must not be found in Redis. */
function keysOf(url: string): [turn: string, pause: string] {
  const name = createHash('sha256').update(url).digest('hex').slice(0, 32);
  return [`${TAG}:hook:${name}`, `${TAG}:hookPause:${name}`];
}

import type { Cluster, Redis } from 'ioredis';
import { createHash } from 'node:crypto';
import { TAG } from './notification-queue';

/** https://docs.slack.dev/apis/web-api/rate-limits: one message a second for each incoming webhook; a little more, since clocks differ. */
const EVERY_MS = 1_100;

// KEYS: the hook's key. ARGV: the milliseconds between two turns. By Redis's clock, since several consoles send. Returns how long it is
// until the turn that was taken.
const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local turn = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
redis.call('SET', KEYS[1], string.format('%.0f', turn + ARGV[1]), 'PX', string.format('%.0f', turn + ARGV[1] - now))
return turn - now`;

// ARGV: for how many milliseconds nobody has a turn.
const pauseScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local turn = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now + ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', turn), 'PX', string.format('%.0f', turn - now))`;

interface Scripts {
  lfHookTurn(key: string, everyMs: number): Promise<number>;
  lfHookPause(key: string, forMs: number): Promise<void>;
}

/** Whose turn it is at a hook, over all processes. */
export class HookTurns {
  private readonly scripts: Scripts;

  constructor(redis: Redis | Cluster) {
    redis.defineCommand('lfHookTurn', { numberOfKeys: 1, lua: takeScript });
    redis.defineCommand('lfHookPause', { numberOfKeys: 1, lua: pauseScript });
    this.scripts = redis as unknown as Scripts;
  }

  /** Takes the next turn. Returns after how many milliseconds it is. */
  take(url: string): Promise<number> {
    return this.scripts.lfHookTurn(keyOf(url), EVERY_MS);
  }

  /** Nobody has a turn for so long: whoever is behind the hook has asked for it. */
  async pause(url: string, forMs: number): Promise<void> {
    if (forMs > 0) await this.scripts.lfHookPause(keyOf(url), Math.ceil(forMs));
  }
}

/** The address is a secret, which must not be found in Redis. */
function keyOf(url: string): string {
  return `${TAG}:hook:${createHash('sha256').update(url).digest('hex').slice(0, 32)}`;
}

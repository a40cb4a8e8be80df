import type { Cluster, Redis } from 'ioredis';
import { CONFIG_TAG } from './config-record';

const WRITE_MS = 60_000;
/** More than that are looked up by keys that nobody uses at once. */
const NOTED_MAX = 50_000;

/** Notes only keys that are there still, and never a time before one that is noted: processes have clocks of their own. */
const noteScript = `
local keys, uses = KEYS[1] .. ':keys', KEYS[1] .. ':keyUses'
for i = 1, #ARGV, 2 do
  local noted = tonumber(redis.call('HGET', uses, ARGV[i]) or 0)
  if redis.call('HEXISTS', keys, ARGV[i]) == 1 and tonumber(ARGV[i + 1]) > noted then
    redis.call('HSET', uses, ARGV[i], ARGV[i + 1])
  end
end`;

interface Scripts {
  lfNoteKeyUses(tag: string, usesById: (string | number)[]): Promise<void>;
}

/** When each key was last used, to the minute: a request costs an entry in a map, and Redis hears of it once a minute. */
export class KeyUses {
  private readonly scripts: Scripts;
  private readonly uses = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly redis: Redis | Cluster,
    private readonly onError: (error: unknown) => void,
    private readonly writeMs = WRITE_MS,
  ) {
    redis.defineCommand('lfNoteKeyUses', { numberOfKeys: 1, lua: noteScript });
    this.scripts = redis as unknown as Scripts;
  }

  start(): void {
    this.timer = setInterval(() => void this.write(), this.writeMs);
  }

  /** Resolves when what was noted is written, or cannot be. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.write();
  }

  note(keyId: string, nowMs = Date.now()): void {
    if (this.uses.size < NOTED_MAX || this.uses.has(keyId)) this.uses.set(keyId, nowMs);
  }

  /** When each of the keys was last used, where that is known. */
  async lastUses(keyIds: readonly string[]): Promise<(number | undefined)[]> {
    if (keyIds.length === 0) return [];
    const uses = await this.redis.hmget(`${CONFIG_TAG}:keyUses`, ...keyIds);
    return uses.map((use) => (use === null ? undefined : Number(use)));
  }

  private async write(): Promise<void> {
    const uses = [...this.uses].flat();
    this.uses.clear();
    if (uses.length === 0) return;
    try {
      await this.scripts.lfNoteKeyUses(CONFIG_TAG, uses);
    } catch (error) {
      this.onError(error); // the next use is noted
    }
  }
}

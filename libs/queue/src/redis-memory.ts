import type { RedisClient } from './redis-connection';

const POLL_MS = 10_000;

/** How much memory Redis may take: what it was given, or else all that its machine has. Of several nodes the smallest one's. */
export class RedisMemory {
  private knownBytes = Infinity;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly redis: RedisClient) {}

  /** Infinite as long as nobody knows. */
  get bytes(): number {
    return this.knownBytes;
  }

  start(): void {
    void this.poll().finally(() => {
      if (!this.stopped) this.timer = setTimeout(() => this.start(), POLL_MS);
    });
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async poll(): Promise<void> {
    try {
      const nodes = 'nodes' in this.redis ? this.redis.nodes('master') : [this.redis];
      const memories = await Promise.all(
        nodes.map(async (node) => bytesOf(await node.info('memory'))),
      );
      if (memories.length > 0) this.knownBytes = Math.min(...memories);
    } catch {
      // Redis is away, or does not say: what it said last still holds.
    }
  }
}

function bytesOf(info: string): number {
  const value = (name: string): number =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  return value('maxmemory') || value('total_system_memory') || Infinity;
}

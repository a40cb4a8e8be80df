import type { RedisClient } from './redis-connection';

const POLL_MS = 10_000;

/** How much memory Redis may take: what it was given, or else all that its machine has. Of several nodes the smallest one's. */
export class RedisMemory {
  private known: Memory = { bytes: Infinity, usedBytes: 0 };
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly redis: RedisClient) {}

  /** Infinite as long as nobody knows. */
  get bytes(): number {
    return this.known.bytes;
  }

  /** How much of it is used, from 0 to 1 and beyond, of the fullest node; 0 as long as nobody knows. */
  get fill(): number {
    return this.known.usedBytes / this.known.bytes;
  }

  start(): void {
    void this.refresh().finally(() => {
      if (!this.stopped) this.timer = setTimeout(() => this.start(), POLL_MS);
    });
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Asks now. Where Redis is away, or does not say, what it said last still holds. */
  async refresh(): Promise<void> {
    try {
      const nodes = 'nodes' in this.redis ? this.redis.nodes('master') : [this.redis];
      const memories = await Promise.all(
        nodes.map(async (node) => memoryOf(await node.info('memory'))),
      );
      if (memories.length === 0) return;
      const bytes = Math.min(...memories.map((memory) => memory.bytes));
      const fill = Math.max(...memories.map((memory) => memory.usedBytes / memory.bytes));
      this.known = { bytes, usedBytes: bytes === Infinity ? 0 : fill * bytes };
    } catch {
      // What it said last still holds.
    }
  }
}

interface Memory {
  bytes: number;
  usedBytes: number;
}

function memoryOf(info: string): Memory {
  const value = (name: string): number =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  const bytes = value('maxmemory') || value('total_system_memory') || Infinity;
  return { bytes, usedBytes: value('used_memory') };
}

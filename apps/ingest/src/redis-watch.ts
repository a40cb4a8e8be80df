import type { RedisClient } from '@logferry/queue';

/** How Redis is, as far as taking more is concerned. */
export type RedisState = 'ok' | 'away' | 'full';

interface RedisWatchOptions {
  memoryPercentMax: number;
  /** What counts as all of Redis's memory where it has no maxmemory; 0 for all that its machine has. */
  memoryBytesMax: number;
}

const POLL_MS = 500;

/**
 * Watches Redis's memory, so that taking log events stops well before Redis is full: at maxmemory BullMQ's workers cannot even move
 * a job, and nothing would empty it any more (measured).
 */
export class RedisWatch {
  private isFull = false;
  private isAway = true;
  private smallestBytes = Infinity;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly redis: RedisClient,
    private readonly options: RedisWatchOptions,
  ) {}

  get state(): RedisState {
    // ioredis calls a connected cluster "ready" too.
    if (this.isAway || this.redis.status !== 'ready') return 'away';
    return this.isFull ? 'full' : 'ok';
  }

  /** All the memory that Redis may take; of several nodes the smallest one's. Infinite as long as nobody knows. */
  get memoryBytes(): number {
    return this.smallestBytes;
  }

  async start(): Promise<void> {
    await this.poll();
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.start(), POLL_MS);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async poll(): Promise<void> {
    try {
      const nodes = 'nodes' in this.redis ? this.redis.nodes('master') : [this.redis];
      const memories = await Promise.all(
        nodes.map(async (node) => this.memoryOf(await node.info('memory'))),
      );
      const shares = memories.map(({ usedBytes, allBytes }) => usedBytes / allBytes);
      this.isFull = Math.max(...shares) * 100 >= this.options.memoryPercentMax;
      this.smallestBytes = Math.min(...memories.map(({ allBytes }) => allBytes));
      this.isAway = nodes.length === 0;
    } catch {
      this.isAway = true;
    }
  }

  private memoryOf(info: string): { usedBytes: number; allBytes: number } {
    const value = (name: string): number =>
      Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
    const all = value('maxmemory') || this.options.memoryBytesMax || value('total_system_memory');
    return { usedBytes: value('used_memory'), allBytes: all === 0 ? Infinity : all };
  }
}

import { probeWrites, troubleOf, within, type RedisClient } from '@logferry/queue';
import { askRedis, type Appendfsync, type RedisFacts } from './redis-facts';
import {
  isDurable,
  refusals,
  warnings,
  warningsOf,
  type Durability,
  type Refusal,
  type Warning,
} from './redis-problem';

/** How Redis is, as far as taking more is concerned. */
export type RedisState = 'ok' | 'full' | Refusal;

interface RedisWatchOptions {
  shards: number;
  memoryPercentMax: number;
  /** What counts as all of Redis's memory where it has no maxmemory; 0 for all that its machine has. */
  memoryBytesMax: number;
  durability: Durability;
  /** How often Redis syncs, where it is not to be asked. */
  appendfsync: Appendfsync | 'ask';
  /** Told when something else keeps from taking log events than before, or makes less of the promise. */
  onChange: (problems: readonly string[]) => void;
}

/** What was found at one look. */
interface Look {
  state: RedisState;
  warnings: readonly Warning[];
}

const POLL_MS = 500;
/** While nothing is taken, everybody waits for the next look. */
const POLL_AGAIN_MS = 100;

/** How long a process that starts waits for Redis before it listens all the same, and says what is wrong. */
const FIRST_LOOK_MS = 2_000;

/** What Redis said last is believed for as long while it says nothing. */
const TROUBLE_MS = 1_000;

const nobodyLooked: Look = { state: 'away', warnings: [] };

/**
 * Watches whether Redis takes writes and keeps them, and its memory, so that taking log events stops well before Redis is full: at
 * maxmemory BullMQ's workers cannot even move a job, and nothing would empty it any more (measured).
 */
export class RedisWatch {
  private look = nobodyLooked;
  private told = '';
  private troubledAt = 0;
  private smallestBytes = Infinity;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private onAnswer: () => void = () => undefined;

  constructor(
    private readonly redis: RedisClient,
    private readonly options: RedisWatchOptions,
  ) {
    // Behind the same address there may be another Redis next time.
    redis.on('close', () => {
      if (this.isTaking) this.look = nobodyLooked;
    });
  }

  get state(): RedisState {
    // ioredis calls a connected cluster "ready" too.
    return this.isTaking && this.redis.status !== 'ready' ? 'away' : this.look.state;
  }

  private get isTaking(): boolean {
    return this.look.state === 'ok' || this.look.state === 'full';
  }

  /** Why nothing is taken, in words for whoever runs Redis; true if it is. */
  get isReady(): true | string {
    const { state } = this;
    return state === 'ok' || state === 'full' ? true : refusals[state];
  }

  get problems(): readonly (Refusal | Warning)[] {
    const { state } = this;
    return state === 'ok' || state === 'full' ? this.look.warnings : [state];
  }

  /** Whether what Redis took until now is as safe as it has to be: not, if it was lost meanwhile and may be another one now. */
  get keepsWhatItTook(): boolean {
    return this.options.durability === 'everysec' || this.isTaking;
  }

  /** All the memory that Redis may take; of several nodes the smallest one's. Infinite as long as nobody knows. */
  get memoryBytes(): number {
    return this.smallestBytes;
  }

  /**
   * Begins to look, and resolves when Redis has answered, or after `withinMs`: a process that listens before it knows refuses what it
   * could take a moment later.
   */
  async start(withinMs = FIRST_LOOK_MS): Promise<void> {
    const answered = new Promise<void>((resolve) => (this.onAnswer = resolve));
    void this.keepLooking();
    await within(answered, withinMs);
  }

  private async keepLooking(): Promise<void> {
    this.look = await this.lookNow();
    if (this.stopped) return;
    this.tell();
    if (this.look.state !== 'away') this.onAnswer();
    this.timer = setTimeout(() => void this.keepLooking(), this.isTaking ? POLL_MS : POLL_AGAIN_MS);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async lookNow(): Promise<Look> {
    const { shards, memoryPercentMax } = this.options;
    try {
      const nodes = 'nodes' in this.redis ? this.redis.nodes('master') : [this.redis];
      if (nodes.length === 0) return nobodyLooked;
      const facts = await Promise.all(nodes.map((node) => askRedis(node, this.options)));
      await probeWrites(this.redis, shards);
      this.smallestBytes = Math.min(...facts.map(({ allBytes }) => allBytes));
      const fill = Math.max(...facts.map(({ usedBytes, allBytes }) => usedBytes / allBytes));
      return this.judge(facts, fill * 100 >= memoryPercentMax);
    } catch (error) {
      return { ...nobodyLooked, state: this.refusalOf(error) };
    }
  }

  /** The connection to one that takes no writes is given up at once, which says nothing new of it. */
  private refusalOf(error: unknown): RedisState {
    const trouble = troubleOf(error);
    if (trouble !== undefined) this.troubledAt = Date.now();
    else if (!this.isTaking && Date.now() - this.troubledAt < TROUBLE_MS) return this.look.state;
    return trouble ?? 'away';
  }

  private judge(facts: readonly RedisFacts[], isFull: boolean): Look {
    const found = { warnings: [...new Set(facts.flatMap(warningsOf))] };
    if (facts.some(({ evicts }) => evicts === 'anything')) return { ...found, state: 'evicts' };
    if (!facts.every((node) => isDurable(this.options.durability, node)))
      return { ...found, state: 'not_durable' };
    return { ...found, state: isFull ? 'full' : 'ok' };
  }

  private tell(): void {
    const sentences = this.problems.map((problem) => ({ ...refusals, ...warnings })[problem]);
    const saying = sentences.join('; ');
    if (saying === this.told) return;
    this.told = saying;
    this.options.onChange(sentences);
  }
}

import type { Keep } from '@logferry/core';
import type { KeptBatches, KeptPlace } from './kept-batches';
import { Rounds } from './rounds';

const INTERVAL_MS = 10_000;
/** One of all workers does it. Should that one die, the next one's turn comes soon enough. */
const TURN_MS = 8_000;
/** One script gives up so many, and Redis serves nobody else meanwhile. */
const BATCHES_A_STEP = 100;
/** So many steps for a place, and then the others have their turn. */
const STEPS_MAX = 50;
const PLACES_A_PAGE = 200;

/** What is kept beside what a destination says for itself. */
export interface KeptBounds {
  /** What all batches of a tenant may take of one shard's Redis while anything of it is kept. */
  tenantBytesMax(): number;
  /** How much Redis holds beyond what it should while anything is kept, in all shards; 0 or less if all is well. */
  excessBytes(): Promise<number>;
}

/** Told what is given up of what was kept. */
export interface KeptObserver {
  gaveUp(batches: number, why: 'age' | 'size' | 'memory'): void;
  error(error: unknown): void;
}

/**
 * What is to be kept of a place: nothing if its destination keeps nothing, or is gone. Rejects if nobody can say, and then everything
 * stays as it is.
 */
export type KeepOf = (place: KeptPlace) => Promise<Keep | undefined>;

interface Parts {
  shards: readonly KeptBatches[];
  keepOf: KeepOf;
}

/**
 * Gives up what is kept: what is too old, what is too much, what nobody wants to be kept any more, and, when Redis is nearly full, the
 * oldest of whoever keeps most.
 */
export class KeptRetention {
  private readonly rounds: Rounds;

  constructor(
    private readonly parts: Parts,
    private readonly bounds: KeptBounds,
    private readonly observer: KeptObserver,
  ) {
    this.rounds = new Rounds({
      everyMs: INTERVAL_MS,
      round: () => this.pass(),
      onError: (error) => observer.error(error),
    });
  }

  stop(): void {
    this.rounds.stop();
  }

  private async pass(): Promise<void> {
    const [first] = this.parts.shards;
    if (first === undefined || !(await first.mayTend(TURN_MS))) return;
    await expireKept(this.parts, this.bounds, this.observer);
  }
}

const NOTHING: Keep = { forMs: 0, bytesMax: 0 };
const EVERYTHING: Keep = {
  forMs: Number.MAX_SAFE_INTEGER,
  bytesMax: Number.MAX_SAFE_INTEGER,
};

/** One pass of the retention. */
export async function expireKept(
  { shards, keepOf }: Parts,
  bounds: KeptBounds,
  observer: KeptObserver,
): Promise<void> {
  const gone = { age: 0, size: 0, memory: 0 };
  try {
    for (const shard of shards) {
      for (const place of await allPlaces(shard)) {
        const keep = await keepOf(place).catch((error: unknown) => {
          observer.error(error);
          return EVERYTHING;
        });
        const tenantBytesMax = keep === EVERYTHING ? Infinity : bounds.tenantBytesMax();
        const { byAge, bySize } = await expirePlace(shard, place, {
          ...(keep ?? NOTHING),
          tenantBytesMax: Math.floor(Math.min(tenantBytesMax, Number.MAX_SAFE_INTEGER)),
        });
        gone.age += byAge;
        gone.size += bySize;
      }
    }
    const excess = (await bounds.excessBytes()) / shards.length;
    for (const shard of excess > 0 ? shards : []) gone.memory += await relieve(shard, excess);
  } finally {
    for (const why of ['age', 'size', 'memory'] as const)
      if (gone[why] > 0) observer.gaveUp(gone[why], why);
  }
}

/** All of them before anything is given up, which moves the others. */
async function allPlaces(shard: KeptBatches): Promise<KeptPlace[]> {
  const all: KeptPlace[] = [];
  for (;;) {
    const page = await shard.places(all.length, PLACES_A_PAGE);
    all.push(...page);
    if (page.length < PLACES_A_PAGE) return all;
  }
}

async function expirePlace(
  shard: KeptBatches,
  place: KeptPlace,
  bounds: { forMs: number; bytesMax: number; tenantBytesMax: number },
): Promise<{ byAge: number; bySize: number }> {
  const all = { byAge: 0, bySize: 0 };
  for (let steps = 0; steps < STEPS_MAX; steps++) {
    const { byAge, bySize } = await shard.expire(place, bounds, BATCHES_A_STEP);
    all.byAge += byAge;
    all.bySize += bySize;
    if (byAge + bySize < BATCHES_A_STEP) break;
  }
  return all;
}

async function relieve(shard: KeptBatches, excessBytes: number): Promise<number> {
  let all = 0;
  let left = excessBytes;
  for (let steps = 0; steps < STEPS_MAX && left > 0; steps++) {
    const { batches, bytes } = await shard.relieve(left, BATCHES_A_STEP);
    all += batches;
    left -= bytes;
    if (batches < BATCHES_A_STEP) break;
  }
  return all;
}

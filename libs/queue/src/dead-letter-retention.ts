import type { DeadLetterSums } from './dead-letter-store';
import type { DeadLetters } from './dead-letters';
import { Rounds } from './rounds';

/** How long before dead letters expire it is told: a working day and a night. */
export const EXPIRING_WITHIN_MS = 24 * 60 * 60 * 1_000;
/** From which part of its bound on a tenant is told to be near it. */
const NEAR_BOUND = 0.8;

const INTERVAL_MS = 10_000;
const TELL_EVERY_MS = 60 * 60 * 1_000;
/** One script discards so many, and Redis serves nobody else meanwhile (100 take 3 ms, measured). */
const BATCHES_A_STEP = 100;
/** So many steps of a shard, and then the others have their turn. */
const STEPS_MAX = 50;

export interface RetentionRules {
  retentionMs: number;
  /** What the dead letters of a tenant may take of one shard's Redis; 0 for no bound of their own. */
  tenantBytesMax: number;
}

/** Told what expires and what is about to. Dead letters never go silently. */
export interface RetentionObserver {
  expired(sums: DeadLetterSums, why: 'age' | 'size'): void;
  expiring(state: DeadLetterState): void;
  error(error: unknown): void;
}

/**
 * Discards dead letters that are too old, and the oldest of a tenant that has too much of them.
 *
 * Every worker runs one, since there are workers wherever there are dead letters, and the console may not run for days. What several
 * do at once is what one would have done.
 */
export class DeadLetterRetention {
  private readonly rounds: Rounds;

  constructor(deadLetters: DeadLetters, rules: RetentionRules, observer: RetentionObserver) {
    this.rounds = new Rounds({
      everyMs: INTERVAL_MS,
      round: () => expireDeadLetters(deadLetters, rules, observer),
      onError: (error) => observer.error(error),
    });
  }

  stop(): void {
    this.rounds.stop();
  }
}

/** One pass of the retention. */
export async function expireDeadLetters(
  deadLetters: DeadLetters,
  { retentionMs, tenantBytesMax }: RetentionRules,
  observer: RetentionObserver,
): Promise<void> {
  for (const shard of deadLetters.shards) {
    await repeat('age', observer, () => shard.expireByAge(retentionMs, BATCHES_A_STEP));
    const above = tenantBytesMax === 0 ? [] : await shard.tenantsAbove(tenantBytesMax);
    for (const { tenantId } of above) {
      await repeat('size', observer, () =>
        shard.expireBySize(tenantId, tenantBytesMax, BATCHES_A_STEP),
      );
    }
    await shard.removeJobs();
  }
  const state = await deadLetterState(deadLetters, { retentionMs, tenantBytesMax });
  if (state.expiring === 0 && state.fullTenants.length === 0) return;
  // One of all workers tells it, once an hour: an alert that comes a hundred times is read by nobody.
  if (await deadLetters.mayTell('expiring', TELL_EVERY_MS)) observer.expiring(state);
}

/** What there is of dead letters now, and what of them is about to go. */
export async function deadLetterState(
  deadLetters: DeadLetters,
  { retentionMs, tenantBytesMax }: RetentionRules,
): Promise<DeadLetterState> {
  const nowMs = await deadLetters.nowMs();
  const [summary, fullTenants] = await Promise.all([
    deadLetters.summary(nowMs - retentionMs + EXPIRING_WITHIN_MS),
    tenantBytesMax === 0 ? [] : deadLetters.tenantsAbove(tenantBytesMax * NEAR_BOUND),
  ]);
  const { batches, bytes, before, oldestAt } = summary;
  const oldestAgeMs = oldestAt === undefined ? 0 : Math.max(nowMs - oldestAt, 0);
  return { batches, bytes, expiring: before, oldestAgeMs, fullTenants };
}

export interface DeadLetterState {
  batches: number;
  /** Of Redis. */
  bytes: number;
  /** How many are discarded within `EXPIRING_WITHIN_MS` for their age. */
  expiring: number;
  oldestAgeMs: number;
  /** Those whose dead letters take nearly as much as they may. */
  fullTenants: readonly string[];
}

/** Tells once what many steps did: one line a pass, not one for each batch. */
async function repeat(
  why: 'age' | 'size',
  observer: RetentionObserver,
  step: () => Promise<DeadLetterSums>,
): Promise<void> {
  const all: DeadLetterSums = { batches: 0, logEvents: 0, bytes: 0 };
  try {
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      const { batches, logEvents, bytes } = await step();
      all.batches += batches;
      all.logEvents += logEvents;
      all.bytes += bytes;
      if (batches < BATCHES_A_STEP) break;
    }
  } finally {
    if (all.batches > 0) observer.expired(all, why);
  }
}

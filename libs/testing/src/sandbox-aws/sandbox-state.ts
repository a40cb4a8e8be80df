// Everything one sandbox remembers, in one place: the services read and write it, the control API and the page look at it.
import { BucketStore } from './bucket-store';
import { CallQuotas } from './call-quotas';
import { Counters } from './counters';
import { Faults } from './faults';
import { Identities } from './identities';
import { LogStore } from './log-store';
import { MemoryBudget } from './memory-budget';
import type { TakenLogEvents } from './taken-log-events';

export class SandboxState {
  readonly identities = new Identities();
  readonly counters = new Counters();
  readonly faults = new Faults();
  readonly quotas: CallQuotas | undefined;
  /** ARNs of the KMS keys whose policy lets CloudWatch Logs use them. */
  readonly kmsKeys = new Set<string>();
  readonly budget: MemoryBudget;
  readonly logs: LogStore;
  readonly buckets: BucketStore;
  clockOffsetMs = 0;
  /** Told of every PutLogEvents call that took effect. */
  onTaken: ((taken: TakenLogEvents) => void) | undefined;
  private readonly watchers = new Set<() => void>();
  private isChangeAnnounced = false;

  constructor(
    private readonly clock: () => number,
    keptBytesMax: number,
    hasQuotas = true,
  ) {
    this.quotas = hasQuotas ? new CallQuotas() : undefined;
    this.budget = new MemoryBudget(keptBytesMax);
    this.logs = new LogStore(this.budget);
    this.buckets = new BucketStore(this.budget);
  }

  nowMs(): number {
    return this.clock() + this.clockOffsetMs;
  }

  /** Watchers are told once per turn of the event loop, so that a flood of calls does not become a flood of checks. */
  announceChange(): void {
    if (this.isChangeAnnounced || this.watchers.size === 0) return;
    this.isChangeAnnounced = true;
    setImmediate(() => {
      this.isChangeAnnounced = false;
      for (const watcher of this.watchers) watcher();
    });
  }

  /** Returns the function that ends the watch. */
  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  reset(): void {
    this.identities.reset();
    this.counters.reset();
    this.faults.clear();
    this.quotas?.reset();
    this.kmsKeys.clear();
    this.logs.reset();
    this.buckets.reset();
    this.clockOffsetMs = 0;
    this.announceChange();
  }
}

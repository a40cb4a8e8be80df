import type { FailureCode } from './failure';

/**
 * Where a destination's log events are. Counted by the scripts that move the data, in the same step, so that at every moment
 * `accepted = delivered + rejected + deadLettered + waiting`.
 */
export interface Ledger {
  accepted: number;
  delivered: number;
  rejected: number;
  /** The same number as `rejected`, by reason. */
  rejectedBy: Partial<Record<FailureCode, number>>;
  /** Of dead letters, only those that are not a refusal of AWS's: these are counted as `rejected`. */
  deadLettered: number;
  waiting: number;
  /** Of those that are counted as rejected or dead-lettered: what was discarded since, or expired. */
  discarded: number;
  /** The same number as `discarded`, by the reason that they had. */
  discardedBy: Partial<Record<FailureCode, number>>;
}

/** Accepted minus everything that is accounted for. Anything but 0 is a bug of ours: events were lost or invented. */
export function imbalance({
  accepted,
  delivered,
  rejected,
  deadLettered,
  waiting,
}: Omit<Ledger, 'rejectedBy' | 'discarded' | 'discardedBy'>): number {
  return accepted - delivered - rejected - deadLettered - waiting;
}

import type { Lane } from '@logferry/core';
import type { Once } from './batch-store';
import type { Fragment } from './fragment';

/** What one request adds to one shard. */
export interface Append {
  /** If given, a repetition of it within the window adds nothing. */
  once?: Once | undefined;
  /** The log events that their destination takes once, by the digests that they are known by. */
  marked?: Map<string, Marked> | undefined;
  /** How many were left out: their destination was given them before, or this append holds them already. */
  duplicates?: number | undefined;
  /** Encoded log events by lane. */
  fragmentsByLane: Map<Lane, Fragment[]>;
  /** How many log events of a tenant no destination wanted. */
  filteredByTenant: Map<string, number>;
}

/** A log event that its destination takes once, in as many parts as it has. */
export interface Marked {
  lane: Lane;
  fragments: Fragment[];
}

/** What became of an append that Redis has. */
export interface AppendOutcome {
  /** Whether an earlier one added it. */
  repeated: boolean;
  duplicates: number;
}

/**
 * The most marks of one append. To look at one and to set it takes the script 5 µs (measured), and Redis serves nobody else
 * meanwhile: as long as for the most batches.
 */
export const APPEND_MARKS_MAX = 20_000;

/**
 * The most batches that one append may need, which is never divided. The script takes 50 µs for each (measured), and must be done
 * long before whoever waits for it gives up; until then Redis serves nobody else.
 */
export const APPEND_BATCHES_MAX = 2_000;

/**
 * How many batches an append needs at least: one a lane, and more where its times lie further apart than a batch may span, or its log
 * events are more than one may hold.
 */
export function batchesOf({ fragmentsByLane }: Append): number {
  let batches = 0;
  for (const [lane, fragments] of fragmentsByLane)
    batches += Math.max(
      spansOf(fragments, lane.limits.spanMsMax),
      Math.ceil(fragments.length / lane.limits.logEventsMax),
    );
  return batches;
}

/** An append without the log events that its destinations were given before. */
export function withoutDuplicates(append: Append, indexes: readonly number[]): Append {
  const marked = [...(append.marked ?? [])];
  const known = new Set(indexes);
  const left = new Set<Fragment>();
  for (const index of known)
    for (const fragment of marked[index]?.[1].fragments ?? []) left.add(fragment);
  const fragmentsByLane = new Map<Lane, Fragment[]>();
  for (const [lane, fragments] of append.fragmentsByLane) {
    const kept = fragments.filter((fragment) => !left.has(fragment));
    if (kept.length > 0) fragmentsByLane.set(lane, kept);
  }
  return {
    ...append,
    marked: new Map(marked.filter((_, index) => !known.has(index))),
    duplicates: (append.duplicates ?? 0) + known.size,
    fragmentsByLane,
  };
}

function spansOf(fragments: readonly Fragment[], spanMsMax: number): number {
  let [firstMs, lastMs] = [Infinity, -Infinity];
  for (const { timeMs } of fragments) {
    if (timeMs < firstMs) firstMs = timeMs;
    if (timeMs > lastMs) lastMs = timeMs;
  }
  if (lastMs - firstMs <= spanMsMax) return 1;
  let spans = 0;
  let endMs = -Infinity;
  for (const timeMs of fragments.map((fragment) => fragment.timeMs).sort((a, b) => a - b)) {
    if (timeMs <= endMs) continue;
    spans++;
    endMs = timeMs + spanMsMax;
  }
  return spans;
}

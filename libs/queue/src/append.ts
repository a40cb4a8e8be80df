import type { Lane } from '@logferry/core';
import type { Once } from './batch-store';
import type { Fragment } from './fragment';

/** What one request adds to one shard. */
export interface Append {
  /** If given, a repetition of it within the window adds nothing. */
  once?: Once | undefined;
  /** Encoded log events by lane. */
  fragmentsByLane: Map<Lane, Fragment[]>;
  /** How many log events of a tenant no destination wanted. */
  filteredByTenant: Map<string, number>;
}

/**
 * The most batches that one append may need, which is never divided. The script takes 50 µs for each (measured), and must be done
 * long before whoever waits for it gives up; until then Redis serves nobody else.
 */
export const APPEND_BATCHES_MAX = 2_000;

/** How many batches an append needs at least: one a lane, and more where its times lie further apart than a batch may span. */
export function batchesOf({ fragmentsByLane }: Append): number {
  let batches = 0;
  for (const [lane, fragments] of fragmentsByLane)
    batches += spansOf(fragments, lane.limits.spanMsMax);
  return batches;
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

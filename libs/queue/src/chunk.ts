import type { BatchLimits, Lane } from '@logferry/core';
import { sinkOf } from '@logferry/core';
import { separators, type Fragment } from './fragment';

/** A run of a lane's log events in order of time, small enough that batches fill well. */
export interface Chunk {
  bytes: number;
  logEvents: number;
  firstMs: number;
  lastMs: number;
  text: string;
}

/**
 * A batch is sealed when the next chunk does not fit, so half a chunk of every batch stays empty: one part in 64 keeps the fill
 * above 98 % while a full batch is still only some sixty list entries.
 */
const CHUNKS_PER_BATCH = 64;

/** Puts what is committed together into order and cuts it into chunks. A log event larger than a chunk is one by itself. */
export function buildChunks(lane: Lane, fragments: Fragment[]): Chunk[] {
  if (!isOrdered(fragments)) fragments.sort((a, b) => a.timeMs - b.timeMs);
  const separator = separators[sinkOf(lane)];
  const limits: BatchLimits = {
    ...lane.limits,
    bytesMax: Math.floor(lane.limits.bytesMax / CHUNKS_PER_BATCH),
  };
  const chunks: Chunk[] = [];
  let chunk: Chunk | undefined;
  for (const { timeMs, text, bytes } of fragments) {
    if (chunk !== undefined && fits(chunk, timeMs, bytes, limits)) {
      chunk.bytes += bytes;
      chunk.logEvents += 1;
      chunk.lastMs = timeMs;
      chunk.text += separator + text;
    } else {
      chunk = { bytes, logEvents: 1, firstMs: timeMs, lastMs: timeMs, text };
      chunks.push(chunk);
    }
  }
  return chunks;
}

function fits(chunk: Chunk, timeMs: number, bytes: number, limits: BatchLimits): boolean {
  return (
    chunk.bytes + bytes <= limits.bytesMax &&
    chunk.logEvents < limits.logEventsMax &&
    timeMs - chunk.firstMs <= limits.spanMsMax
  );
}

function isOrdered(fragments: readonly Fragment[]): boolean {
  let lastMs = -Infinity;
  for (const { timeMs } of fragments) {
    if (timeMs < lastMs) return false;
    lastMs = timeMs;
  }
  return true;
}

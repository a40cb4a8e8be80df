import type { BatchLimits, Lane } from '@logferry/core';
import { sinkOf } from '@logferry/core';
import { packChunk, withTimes } from './chunk-codec';
import { separators, type Fragment } from './fragment';

/** A run of a lane's log events in order of time, small enough that batches fill well. */
export interface Chunk {
  bytes: number;
  logEvents: number;
  firstMs: number;
  lastMs: number;
  /** The encoded log events, as they lie in Redis. */
  payload: Buffer;
}

/**
 * A batch is sealed when the next chunk does not fit, so half a chunk of every batch stays empty: one part in twelve keeps the fill
 * at 96 %. Smaller chunks fill better and compress worse: 16 KiB costs zstd twice the CPU a byte that 64 KiB does (measured).
 */
const CHUNKS_PER_BATCH = 12;
const CHUNK_BYTES_MAX = 88 * 1024;

/** Puts what is committed together into order and cuts it into chunks. A log event larger than a chunk is one by itself. */
export function buildChunks(lane: Pick<Lane, 'target' | 'limits'>, fragments: Fragment[]): Chunk[] {
  if (!isOrdered(fragments)) fragments.sort((a, b) => a.timeMs - b.timeMs);
  const separator = separators[sinkOf(lane)];
  const limits: BatchLimits = {
    ...lane.limits,
    bytesMax: Math.min(Math.floor(lane.limits.bytesMax / CHUNKS_PER_BATCH), CHUNK_BYTES_MAX),
  };
  const drafts: Draft[] = [];
  let chunk: Draft | undefined;
  for (const { timeMs, text, bytes } of fragments) {
    if (chunk !== undefined && fits(chunk, timeMs, bytes, limits)) {
      chunk.bytes += bytes;
      chunk.logEvents += 1;
      chunk.lastMs = timeMs;
      chunk.text += separator + text;
    } else {
      chunk = { bytes, logEvents: 1, firstMs: timeMs, lastMs: timeMs, text };
      drafts.push(chunk);
    }
  }
  // An object may be larger than memory: whoever puts its chunks into order must not have to read them all for that.
  const isTimed = sinkOf(lane) === 's3';
  return drafts.map(({ text, ...chunk }) => {
    const packed = packChunk(text);
    return { ...chunk, payload: isTimed ? withTimes(packed, chunk) : packed };
  });
}

/** A chunk that may still grow. */
type Draft = Omit<Chunk, 'payload'> & { text: string };

function fits(chunk: Draft, timeMs: number, bytes: number, limits: BatchLimits): boolean {
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

import { assert, type Sink } from '@logferry/core';
import { releaseChunk, unpackChunk } from './chunk-codec';
import { fragmentTimeMs, separators } from './fragment';

const NEWLINE = 0x0a;

/**
 * The log events of a batch in order of time, still encoded, ready to be framed and sent.
 *
 * Chunks are each in order already (ingest sorts what it commits together), so most batches are in order as they stand; only chunks
 * whose times overlap are taken apart and merged.
 */
export class BatchPayload {
  private constructor(
    readonly sink: Sink,
    /** Encoded log events, one by one or in ready-ordered runs; never empty. */
    private runs: readonly Buffer[],
    /** What the runs lie in, as long as they do. */
    private unpacked: readonly Buffer[],
  ) {}

  /** @param packed chunks as they lie in Redis */
  static fromChunks(sink: Sink, packed: readonly Buffer[]): BatchPayload {
    const chunks = packed.map(unpackChunk);
    return new BatchPayload(sink, inOrder(sink, chunks), chunks);
  }

  /** All of it between a head and a tail, copied once; the chunks are given back, and the log events lie in the body from then on. */
  body(head: string, tail: string): Buffer {
    const separator = Buffer.from(separators[this.sink]);
    const parts: Buffer[] = [Buffer.from(head)];
    this.runs.forEach((run, i) => {
      if (i > 0) parts.push(separator);
      parts.push(run);
    });
    parts.push(Buffer.from(tail));
    const body = Buffer.concat(parts);
    this.runs = [body.subarray(Buffer.byteLength(head), body.length - Buffer.byteLength(tail))];
    this.unpacked.forEach(releaseChunk);
    this.unpacked = [];
    return body;
  }

  /** Cuts out log events by their place in the order of time, as AWS names them when it refuses some. */
  slice(from: number, to: number): PayloadSlice {
    return this.sliceOf((place) => place >= from && place < to);
  }

  /** What is left without some ranges; nothing if they are all of it. */
  without(
    ranges: readonly { from: number; to: number }[],
    logEvents: number,
  ): PayloadSlice | undefined {
    const isLeft = (place: number): boolean =>
      !ranges.some(({ from, to }) => place >= from && place < to);
    const places = Array.from({ length: logEvents }, (_, place) => place);
    return places.some(isLeft) ? this.sliceOf(isLeft) : undefined;
  }

  /** One by one, in order of time. */
  events(): Buffer[] {
    return this.runs.flatMap((run) => split(this.sink, run));
  }

  private sliceOf(isWanted: (place: number) => boolean): PayloadSlice {
    const events = this.events().filter((_, place) => isWanted(place));
    const [first, last] = [events.at(0), events.at(-1)];
    assert(first !== undefined && last !== undefined, 'a slice holds a log event');
    return {
      text: join(this.sink, events),
      logEvents: events.length,
      bytes: events.reduce((sum, event) => sum + event.length, 0),
      firstMs: fragmentTimeMs(this.sink, first, 0),
      lastMs: fragmentTimeMs(this.sink, last, 0),
    };
  }
}

/** A part of a batch that leaves it, in the form that a chunk has. */
export interface PayloadSlice {
  text: Buffer;
  logEvents: number;
  bytes: number;
  firstMs: number;
  lastMs: number;
}

interface Run {
  chunk: Buffer;
  firstMs: number;
  lastMs: number;
}

function inOrder(sink: Sink, chunks: readonly Buffer[]): Buffer[] {
  const runs = chunks.map((chunk): Run => {
    const lastAt = chunk.lastIndexOf(NEWLINE) + 1;
    return {
      chunk,
      firstMs: fragmentTimeMs(sink, chunk, 0),
      lastMs: fragmentTimeMs(sink, chunk, lastAt),
    };
  });
  runs.sort((a, b) => a.firstMs - b.firstMs); // stable: equal times keep the order of arrival
  const ordered: Buffer[] = [];
  let overlapping: Run[] = [];
  let reachMs = -Infinity;
  for (const run of runs) {
    if (run.firstMs >= reachMs) {
      ordered.push(...merge(sink, overlapping));
      overlapping = [];
    }
    overlapping.push(run);
    reachMs = Math.max(reachMs, run.lastMs);
  }
  ordered.push(...merge(sink, overlapping));
  return ordered;
}

function merge(sink: Sink, runs: readonly Run[]): Buffer[] {
  if (runs.length <= 1) return runs.map((run) => run.chunk);
  return runs
    .flatMap((run) => split(sink, run.chunk))
    .map((event) => ({ event, timeMs: fragmentTimeMs(sink, event, 0) }))
    .sort((a, b) => a.timeMs - b.timeMs)
    .map(({ event }) => event);
}

function split(sink: Sink, run: Buffer): Buffer[] {
  const separatorBytes = separators[sink].length;
  const events: Buffer[] = [];
  let start = 0;
  for (let end = run.indexOf(NEWLINE); end !== -1; end = run.indexOf(NEWLINE, start)) {
    events.push(run.subarray(start, end - (separatorBytes - 1)));
    start = end + 1;
  }
  events.push(run.subarray(start));
  return events;
}

function join(sink: Sink, events: readonly Buffer[]): Buffer {
  const separator = Buffer.from(separators[sink]);
  return Buffer.concat(events.flatMap((event, i) => (i === 0 ? [event] : [separator, event])));
}

/** The log events of a chunk as text, for a person to look at. */
export function fragmentTexts(sink: Sink, chunk: Buffer): string[] {
  return split(sink, chunk).map((event) => event.toString());
}

// The log events of a batch that is too large for memory, in order of time. Chunks are each in order, so only those whose times
// overlap are merged; which those are is known from their heads, before any of them is read.
import { assert, type Sink } from '@logferry/core';
import { releaseChunk, unpackChunk } from './chunk-codec';
import type { ChunkReader } from './chunk-reader';
import { fragmentTimeMs } from './fragment';

/** What is read at once, packed. */
const PAGE_BYTES = 512 * 1024;
/** What overlaps is held until it can be told apart, unpacked. Beyond this, order is by chunk and no longer by log event. */
const LOOK_AHEAD_BYTES = 8 * 1024 * 1024;
/** The pieces that come out: large enough that handing them on costs little. */
const PIECE_BYTES = 256 * 1024;

const NEWLINE = 0x0a;

/**
 * Each log event with a newline behind it, in pieces of any kind.
 *
 * @throws MissingChunks, DamagedChunk
 */
export async function* streamPayload(
  sink: Sink,
  chunks: ChunkReader,
  lookAheadBytes = LOOK_AHEAD_BYTES,
): AsyncGenerator<Buffer, void, void> {
  const index = await ChunkIndex.read(chunks);
  const pieces = new Pieces();
  const merge = new Merge(sink, pieces);
  for (const places of index.pages()) {
    const packed = await chunks.read(places);
    for (const [i, place] of places.entries()) {
      const chunk = packed[i];
      if (chunk === undefined) throw new MissingChunks();
      const text = unpack(chunk);
      merge.writeUntil(index.firstMs(place));
      if (merge.heldBytes + text.length > lookAheadBytes) merge.writeUntil(Infinity);
      merge.add(text);
      yield* pieces.full();
    }
  }
  merge.writeUntil(Infinity);
  yield* pieces.full();
  yield pieces.rest();
}

/** Thrown when chunks are gone: deleted by hand, or with their batch, which somebody else has settled. */
export class MissingChunks extends Error {
  override readonly name = 'MissingChunks';
}

/** Thrown when a chunk is not what was put there. */
export class DamagedChunk extends Error {
  override readonly name = 'DamagedChunk';
}

function unpack(chunk: Buffer): Buffer {
  try {
    return unpackChunk(chunk);
  } catch (cause) {
    throw new DamagedChunk('a chunk cannot be unpacked', { cause });
  }
}

/** When each chunk begins and what it takes. A batch may have a million, so not an object each. */
class ChunkIndex {
  private constructor(
    private readonly firsts: Float64Array,
    private readonly packedBytes: Float64Array,
    private readonly order: Uint32Array,
  ) {}

  static async read(chunks: ChunkReader): Promise<ChunkIndex> {
    let firsts = new Float64Array(256);
    let packedBytes = new Float64Array(256);
    let count = 0;
    for await (const head of chunks.heads()) {
      if (count === firsts.length) {
        firsts = grow(firsts);
        packedBytes = grow(packedBytes);
      }
      // What says nothing of its time comes first, as it came.
      firsts[count] = head.times?.firstMs ?? -Infinity;
      packedBytes[count] = head.packedBytes;
      count++;
    }
    if (count === 0) throw new MissingChunks();
    const order = Uint32Array.from({ length: count }, (_, place) => place);
    order.sort((a, b) => compare(firsts[a] ?? 0, firsts[b] ?? 0) || a - b);
    return new ChunkIndex(firsts, packedBytes, order);
  }

  firstMs(place: number): number {
    return this.firsts[place] ?? 0;
  }

  /** Places of chunks in order of their first times, a page at a time. */
  *pages(): Generator<number[], void, void> {
    let page: number[] = [];
    let bytes = 0;
    for (const place of this.order) {
      const more = this.packedBytes[place] ?? 0;
      if (page.length > 0 && bytes + more > PAGE_BYTES) {
        yield page;
        page = [];
        bytes = 0;
      }
      page.push(place);
      bytes += more;
    }
    yield page;
  }
}

function grow(from: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * from.length);
  larger.set(from);
  return larger;
}

function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A chunk of which a part is written. */
interface Cursor {
  text: Buffer;
  at: number;
  /** Of the log event that is next; of the last one, when nothing is left. */
  timeMs: number;
  /** Among all that were added. */
  place: number;
}

interface Line {
  timeMs: number;
  bytes: Buffer;
}

/** Writes out what is next of several chunks. They are added in order of their first times. */
class Merge {
  heldBytes = 0;
  private added = 0;
  private readonly open = new SoonestFirst();

  constructor(
    private readonly sink: Sink,
    private readonly pieces: Pieces,
  ) {}

  /** @throws DamagedChunk */
  add(text: Buffer): void {
    const timeMs = timeAt(this.sink, text, 0);
    this.open.push({ text, at: 0, timeMs, place: this.added++ });
    this.heldBytes += text.length;
  }

  /** Everything up to a time, that time included: of equal times, what was added first goes first. */
  writeUntil(limitMs: number): void {
    const due = this.open.takeUntil(limitMs);
    const [only] = due;
    if (only === undefined) return;
    if (due.length === 1) this.writeRun(only, limitMs);
    else this.writeMerged(due, limitMs);
    for (const cursor of due) {
      if (cursor.at < cursor.text.length) this.open.push(cursor);
      else this.close(cursor.text);
    }
  }

  private close(text: Buffer): void {
    this.heldBytes -= text.length;
    releaseChunk(text);
  }

  private writeRun(cursor: Cursor, limitMs: number): void {
    const { text, at } = cursor;
    const lastAt = text.lastIndexOf(NEWLINE) + 1;
    if (timeAt(this.sink, text, lastAt) <= limitMs) cursor.at = text.length;
    else while (cursor.timeMs <= limitMs) this.step(cursor);
    const isWhole = cursor.at === text.length;
    this.pieces.write(text.subarray(at, isWhole ? undefined : cursor.at - 1));
  }

  private writeMerged(due: readonly Cursor[], limitMs: number): void {
    const lines: Line[] = [];
    for (const cursor of due) {
      while (cursor.at < cursor.text.length && cursor.timeMs <= limitMs) {
        const { timeMs, at, text } = cursor;
        this.step(cursor);
        const end = cursor.at === text.length ? text.length : cursor.at - 1;
        lines.push({ timeMs, bytes: text.subarray(at, end) });
      }
    }
    lines.sort((a, b) => a.timeMs - b.timeMs); // stable: equal times keep the order of their chunks
    for (const { bytes } of lines) this.pieces.write(bytes);
  }

  /** To the next log event, or behind the last. */
  private step(cursor: Cursor): void {
    const end = cursor.text.indexOf(NEWLINE, cursor.at);
    if (end === -1) {
      cursor.at = cursor.text.length;
    } else {
      cursor.at = end + 1;
      cursor.timeMs = timeAt(this.sink, cursor.text, cursor.at);
    }
  }
}

/** What says no time is due at none, and would be left out without a word. */
function timeAt(sink: Sink, text: Buffer, at: number): number {
  const timeMs = fragmentTimeMs(sink, text, at);
  if (Number.isNaN(timeMs)) throw new DamagedChunk('a log event does not begin with its time');
  return timeMs;
}

/**
 * Chunks by the time of what is next of them: a heap. A few tens of thousands may be open, of one log event each that comes later, and
 * looking at all of them for each that is added kept a worker's event loop for 18 s on 5 MiB (measured).
 */
class SoonestFirst {
  private readonly heap: Cursor[] = [];

  push(cursor: Cursor): void {
    const { heap } = this;
    let at = heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.timeMs <= cursor.timeMs) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = cursor;
  }

  /** Takes out all that are due, in the order in which they were added. */
  takeUntil(limitMs: number): Cursor[] {
    const due: Cursor[] = [];
    for (let first = this.heap[0]; first !== undefined && first.timeMs <= limitMs;) {
      due.push(first);
      this.removeFirst();
      first = this.heap[0];
    }
    return due.length < 2 ? due : due.sort((a, b) => a.place - b.place);
  }

  private removeFirst(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      if (left === undefined) break;
      const isRight = right !== undefined && right.timeMs < left.timeMs;
      const child = isRight ? right : left;
      if (child.timeMs >= last.timeMs) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
  }
}

/** Copies what is written at once, so that what it lay in can be given back. */
class Pieces {
  private piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  private filled = 0;
  private done: Buffer[] = [];

  /** One or more log events, without the last newline. */
  write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const copied = bytes.copy(this.piece, this.filled, at);
      at += copied;
      this.add(copied);
    }
    this.piece[this.filled] = NEWLINE;
    this.add(1);
  }

  full(): Buffer[] {
    const { done } = this;
    this.done = [];
    return done;
  }

  rest(): Buffer {
    assert(this.done.length === 0, 'what is full was taken before');
    return this.piece.subarray(0, this.filled);
  }

  private add(bytes: number): void {
    this.filled += bytes;
    if (this.filled < PIECE_BYTES) return;
    this.done.push(this.piece);
    this.piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
    this.filled = 0;
  }
}

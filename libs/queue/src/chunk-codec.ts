import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

// Chunks lie in Redis compressed. Log text shrinks to a fifth or a tenth, and with it what an outage costs in Redis's memory, what
// its append-only file writes, and what goes over the network twice; all of that costs more CPU than zstd's fastest level does
// (measured: a quarter of all CPU from request to AWS was saved).

/** Below this, zstd's own set-up costs more than it saves. */
const COMPRESS_BYTES_MIN = 1_024;

/** The first byte of every zstd frame. A chunk that is not compressed begins with a brace, since it is JSON. */
const ZSTD_FIRST_BYTE = 0x28;

const compressOptions = {
  params: { [constants.ZSTD_c_compressionLevel]: 1 },
  chunkSize: 16 * 1024, // what a chunk of log text takes at most, mostly; with more, unused memory is what the collector works for
};
/** Room for a whole chunk, yet below the 128 KiB from which malloc asks the system for each piece (a third less CPU, measured). */
const decompressOptions = { chunkSize: 120 * 1024 };

/** Holds a chunk as bytes while it is compressed, so that not every chunk leaves its size to the collector. */
const scratch = Buffer.allocUnsafeSlow(512 * 1024);
const UTF8_BYTES_A_CHAR_MAX = 3;

/** The first byte of a chunk that begins with its times: then two doubles and what the chunk is without them. */
const TIMES_FIRST_BYTE = 0x01;
export const TIMES_BYTES = 1 + 8 + 8;

/** Of the log events of a chunk. */
export interface ChunkTimes {
  firstMs: number;
  lastMs: number;
}

/** Lets the times of a packed chunk be read without unpacking it, and without the rest of it. */
export function withTimes(packed: Buffer, { firstMs, lastMs }: ChunkTimes): Buffer {
  const timed = Buffer.allocUnsafe(TIMES_BYTES + packed.length);
  timed[0] = TIMES_FIRST_BYTE;
  timed.writeDoubleLE(firstMs, 1);
  timed.writeDoubleLE(lastMs, 9);
  packed.copy(timed, TIMES_BYTES);
  return timed;
}

/** @param head the chunk's first `TIMES_BYTES`, or all of it */
export function chunkTimes(head: Buffer): ChunkTimes | undefined {
  if (head[0] !== TIMES_FIRST_BYTE || head.length < TIMES_BYTES) return undefined;
  return { firstMs: head.readDoubleLE(1), lastMs: head.readDoubleLE(9) };
}

/** The form that a chunk has in Redis. */
export function packChunk(chunk: string | Buffer): Buffer {
  if (chunk.length < COMPRESS_BYTES_MIN) return Buffer.from(chunk);
  if (typeof chunk !== 'string' || chunk.length * UTF8_BYTES_A_CHAR_MAX > scratch.length)
    return zstdCompressSync(chunk, compressOptions);
  return zstdCompressSync(scratch.subarray(0, scratch.write(chunk)), compressOptions);
}

export function unpackChunk(chunk: Buffer): Buffer {
  const packed = chunk[0] === TIMES_FIRST_BYTE ? chunk.subarray(TIMES_BYTES) : chunk;
  return packed[0] === ZSTD_FIRST_BYTE ? zstdDecompressSync(packed, decompressOptions) : packed;
}

/**
 * Gives the memory of an unpacked chunk back at once. Left to the collector, a worker's chunks are most of what it works for.
 *
 * For nobody but the one who unpacked it and has nothing in it any more: it is empty afterwards. A chunk that was not compressed lies
 * in memory that others share, and is left alone.
 */
export function releaseChunk({ buffer, byteOffset }: Buffer): void {
  if (byteOffset === 0 && buffer.byteLength === decompressOptions.chunkSize)
    (buffer as ArrayBuffer).transfer(0);
}

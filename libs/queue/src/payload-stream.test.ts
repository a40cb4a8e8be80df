import { aLogEvent, anS3Lane } from '@logferry/testing';
import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { buildChunks } from './chunk';
import { chunkTimes, unpackChunk } from './chunk-codec';
import type { ChunkHead, ChunkReader } from './chunk-reader';
import { encodeFragment } from './fragment';
import { BatchPayload } from './payload';
import { DamagedChunk, MissingChunks, streamPayload } from './payload-stream';

const BASE_MS = Date.UTC(2026, 10, 21);
const lane = anS3Lane();
/** About two log events of these tests. */
const small = anS3Lane({ limits: { ...lane.limits, bytesMax: 12 * 170 } });

/** Chunks in this process's memory, and what was read of them. */
class KeptChunks implements ChunkReader {
  pages: number[][] = [];

  constructor(readonly chunks: readonly Buffer[]) {}

  async *heads(): AsyncGenerator<ChunkHead, void, void> {
    for (const chunk of this.chunks) {
      yield await Promise.resolve({ times: chunkTimes(chunk), packedBytes: chunk.length });
    }
  }

  read(places: readonly number[]): Promise<Buffer[]> {
    this.pages.push([...places]);
    return Promise.resolve(places.flatMap((place) => this.chunks[place] ?? []));
  }
}

/** A commit's chunks, as ingest makes them. */
function commit(offsetsMs: readonly number[], tag: string, into = small): Buffer[] {
  const fragments = offsetsMs.map((offsetMs, i) =>
    encodeFragment(into, aLogEvent({ timeMs: BASE_MS + offsetMs, message: `${tag}-${i}` })),
  );
  return buildChunks(into, fragments).map(({ payload }) => payload);
}

async function textOf(reader: ChunkReader, lookAheadBytes?: number): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of streamPayload('s3', reader, lookAheadBytes)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

const messagesOf = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { message: string }).message);

const commits = fc.array(fc.array(fc.nat(60), { minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 12,
});

const chunksOf = (groups: number[][]): Buffer[] =>
  groups.flatMap((offsets, g) => commit(offsets, `g${g}`));

test('what is streamed is byte for byte what would have been read at once', async () => {
  await fc.assert(
    fc.asyncProperty(commits, async (groups) => {
      const chunks = chunksOf(groups);
      const whole = BatchPayload.fromChunks('s3', chunks).body('', '\n').toString();
      expect(await textOf(new KeptChunks(chunks))).toBe(whole);
    }),
  );
});

test('whatever the look-ahead is, nothing is missing and nothing twice, and each chunk stays in order', async () => {
  await fc.assert(
    fc.asyncProperty(commits, fc.nat(3_000), async (groups, lookAheadBytes) => {
      const chunks = chunksOf(groups);
      const messages = messagesOf(await textOf(new KeptChunks(chunks), lookAheadBytes));
      const place = new Map(messages.map((message, i) => [message, i]));
      const all = chunks.map((chunk) => messagesOf(unpackChunk(chunk).toString()));
      expect([...messages].sort()).toEqual(all.flat().sort());
      for (const ofChunk of all) {
        const places = ofChunk.map((message) => place.get(message) ?? -1);
        expect(places).toEqual([...places].sort((a, b) => a - b));
      }
    }),
  );
});

test('two senders whose chunks overlap without end are merged with a look-ahead of a few chunks', async () => {
  const groups = Array.from({ length: 200 }, (_, g) =>
    Array.from({ length: 10 }, (_, i) => g * 10 + 3 * i),
  );
  const chunks = chunksOf(groups);
  const bytes = Math.max(...chunks.map((chunk) => unpackChunk(chunk).length));
  const lines = (await textOf(new KeptChunks(chunks), 20 * bytes)).trimEnd().split('\n');
  expect(lines).toHaveLength(2_000);
  expect(lines).toEqual(
    [...lines].sort((a, b) =>
      a.slice(0, 32) < b.slice(0, 32) ? -1 : Number(a.slice(0, 32) > b.slice(0, 32)),
    ),
  );
});

test('each chunk is read once, a page at a time', async () => {
  const message = (i: number) => randomBytes(30_000).toString('base64') + i;
  const chunks = Array.from({ length: 60 }, (_, i) => {
    const event = aLogEvent({ timeMs: BASE_MS + i, message: message(i) });
    return buildChunks(lane, [encodeFragment(lane, event)])[0]?.payload ?? Buffer.alloc(0);
  });
  const reader = new KeptChunks(chunks);
  await textOf(reader);
  expect(reader.pages.flat()).toEqual(chunks.map((_, i) => i));
  const pageBytes = reader.pages.map((places) =>
    places.reduce((sum, place) => sum + (chunks[place]?.length ?? 0), 0),
  );
  expect(reader.pages.length).toBeGreaterThan(2);
  expect(Math.max(...pageBytes)).toBeLessThanOrEqual(512 * 1024);
});

test('chunks that stay open by the thousand cost about what as many others do', async () => {
  const reader = (lateMs: number) =>
    new KeptChunks(Array.from({ length: 20_000 }, (_, i) => commit([i, i + lateMs], 'a')).flat());
  const timeOf = async (chunks: KeptChunks): Promise<number> => {
    const before = process.cpuUsage();
    await textOf(chunks);
    return process.cpuUsage(before).user;
  };
  const [neat, late] = [reader(0), reader(3_600_000)];
  await timeOf(neat);
  expect(await timeOf(late)).toBeLessThan(10 * (await timeOf(neat)));
});

test('a log event larger than all that is looked ahead arrives whole', async () => {
  const message = 'é'.repeat(700_000);
  const fragment = encodeFragment(lane, aLogEvent({ timeMs: BASE_MS + 5, message }));
  const [big] = buildChunks(lane, [fragment]);
  const chunks = [...commit([1, 9], 'a'), big?.payload ?? Buffer.alloc(0), ...commit([2], 'b')];
  expect(messagesOf(await textOf(new KeptChunks(chunks), 1_000)).sort()).toEqual(
    ['a-0', 'a-1', 'b-0', message].sort(),
  );
});

test('chunks that are gone or damaged are not taken for an end', async () => {
  await expect(textOf(new KeptChunks([]))).rejects.toThrow(MissingChunks);
  const chunks = commit([1, 2, 3, 4, 5], 'a');
  const reader = new KeptChunks(chunks);
  reader.read = () => Promise.resolve([]);
  await expect(textOf(reader)).rejects.toThrow(MissingChunks);
  const damaged = Buffer.from([0x28, 0xb5, 1, 2, 3]);
  await expect(textOf(new KeptChunks([...chunks, damaged]))).rejects.toThrow(DamagedChunk);
  const timeless = Buffer.from('{"message":"its time is gone"}');
  await expect(textOf(new KeptChunks([...chunks, timeless]))).rejects.toThrow(DamagedChunk);
});

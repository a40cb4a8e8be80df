import { aCloudWatchLane, aLogEvent } from '@logferry/testing';
import { buildChunks } from './chunk';
import { encodeFragment } from './fragment';

const lane = aCloudWatchLane();
const sized = (bytes: number, timeMs = 1_000_000_000_000) =>
  encodeFragment(lane, aLogEvent({ timeMs, message: 'x'.repeat(bytes - 26) }));

test('chunks are a twelfth of a batch, so that batches fill', () => {
  const chunks = buildChunks(
    lane,
    Array.from({ length: 1_000 }, () => sized(300)),
  );
  expect(Math.max(...chunks.map((chunk) => chunk.bytes))).toBeLessThanOrEqual(1_048_576 / 12);
  expect(chunks.slice(0, -1).every((chunk) => chunk.bytes > 1_048_576 / 12 - 300)).toBe(true);
  expect(chunks.reduce((sum, chunk) => sum + chunk.logEvents, 0)).toBe(1_000);
});

test('a log event larger than a chunk is a chunk by itself', () => {
  const chunks = buildChunks(lane, [sized(100), sized(500_000), sized(100)]);
  expect(chunks.map((chunk) => chunk.logEvents)).toEqual([1, 1, 1]);
});

test('a chunk spans 24 hours at most, and not a millisecond more', () => {
  const day = 86_400_000;
  const start = 1_000_000_000_000;
  const count = (gapMs: number) =>
    buildChunks(lane, [sized(100, start), sized(100, start + gapMs)]).length;
  expect([day - 1, day, day + 1].map(count)).toEqual([1, 1, 2]);
});

test('what is committed together is put in order of time', () => {
  const [chunk] = buildChunks(lane, [sized(100, 3e12), sized(100, 3e12 - 5)]);
  expect(chunk).toMatchObject({ firstMs: 3e12 - 5, lastMs: 3e12 });
});

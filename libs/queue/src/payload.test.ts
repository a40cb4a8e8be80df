import type { Lane } from '@logferry/core';
import { aCloudWatchLane, aLogEvent, anS3Lane } from '@logferry/testing';
import fc from 'fast-check';
import { buildChunks } from './chunk';
import { encodeFragment } from './fragment';
import { BatchPayload } from './payload';

const BASE_MS = Date.UTC(2026, 10, 21);

function chunksOf(lane: Lane, offsetsMs: readonly number[], tag: string): Buffer[] {
  const fragments = offsetsMs.map((offsetMs, i) =>
    encodeFragment(lane, aLogEvent({ timeMs: BASE_MS + offsetMs, message: `${tag}-${i}` })),
  );
  return buildChunks(lane, fragments).map(({ payload }) => payload);
}

const small = {
  bytesMax: 16 * 120,
  logEventsMax: 10_000,
  spanMsMax: 86_400_000,
  logEventBytesMax: 1_048_576,
};
const commits = fc.array(fc.array(fc.nat(50), { minLength: 1, maxLength: 20 }), {
  minLength: 1,
  maxLength: 8,
});

test('whatever order log events arrived in, a CloudWatch batch is valid JSON in order of time, and complete', () => {
  fc.assert(
    fc.property(commits, (groups) => {
      const lane = aCloudWatchLane({ limits: small });
      const chunks = groups.flatMap((offsets, g) => chunksOf(lane, offsets, `g${g}`));
      const body = BatchPayload.fromChunks('cloudwatch', chunks).body('{"logEvents":[', ']}');
      const { logEvents } = JSON.parse(body.toString()) as {
        logEvents: { timestamp: number; message: string }[];
      };
      const times = logEvents.map((event) => event.timestamp);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(logEvents.map((event) => event.message).sort()).toEqual(
        groups.flatMap((offsets, g) => offsets.map((_, i) => `g${g}-${i}`)).sort(),
      );
    }),
  );
});

test('log events of the same millisecond keep the order in which they were accepted', () => {
  const lane = aCloudWatchLane({ limits: small });
  const chunks = [chunksOf(lane, [5, 5, 5], 'a'), chunksOf(lane, [5, 5], 'b')].flat();
  const body = BatchPayload.fromChunks('cloudwatch', chunks).body('[', ']').toString();
  const messages = (JSON.parse(body) as { message: string }[]).map((event) => event.message);
  expect(messages).toEqual(['a-0', 'a-1', 'a-2', 'b-0', 'b-1']);
});

test('an S3 object is one JSON document a line, in order of time', () => {
  const lane = anS3Lane({ limits: small });
  const chunks = [chunksOf(lane, [9, 1], 'a'), chunksOf(lane, [4], 'b')].flat();
  const lines = BatchPayload.fromChunks('s3', chunks).body('', '\n').toString().split('\n');
  expect(lines.pop()).toBe('');
  expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual([
    'a-1',
    'b-0',
    'a-0',
  ]);
});

test('a slice is the log events at those places, as a chunk of their own', () => {
  fc.assert(
    fc.property(commits, fc.nat(), fc.nat(), (groups, a, b) => {
      const lane = aCloudWatchLane({ limits: small });
      const payload = BatchPayload.fromChunks(
        'cloudwatch',
        groups.flatMap((offsets, g) => chunksOf(lane, offsets, `g${g}`)),
      );
      const all = JSON.parse(payload.body('[', ']').toString()) as { timestamp: number }[];
      const from = a % all.length;
      const to = from + 1 + (b % (all.length - from));
      const slice = payload.slice(from, to);
      const events = JSON.parse(`[${slice.text.toString()}]`) as { timestamp: number }[];
      expect(events).toEqual(all.slice(from, to));
      expect(slice).toMatchObject({
        logEvents: to - from,
        firstMs: all[from]?.timestamp,
        lastMs: all[to - 1]?.timestamp,
      });
    }),
  );
});

test('what AWS refuses can be cut out after the body was built, from chunks of any size', () => {
  const lane = aCloudWatchLane();
  const message = 'x'.repeat(1_000);
  const group = (tag: string, fromMs: number): Buffer[] =>
    buildChunks(
      lane,
      Array.from({ length: 200 }, (_, i) =>
        encodeFragment(
          lane,
          aLogEvent({ timeMs: BASE_MS + fromMs + i, message: `${tag}${i} ${message}` }),
        ),
      ),
    ).map(({ payload }) => payload);
  // Two that overlap, so that some log events are merged one by one, and one that follows; all large enough to be compressed.
  const payload = BatchPayload.fromChunks('cloudwatch', [
    ...group('a', 0),
    ...group('b', 100),
    ...group('c', 1_000),
  ]);
  const before = payload.slice(0, 600).text.toString();
  const body = payload.body('{"logEvents":[', ']}').toString();
  expect(body).toBe(`{"logEvents":[${before}]}`);
  expect(payload.slice(0, 600).text.toString()).toBe(before);
  expect(payload.slice(599, 600).text.toString()).toContain(`"c199 `);
  expect(payload.body('[', ']').toString()).toBe(`[${before}]`);
});

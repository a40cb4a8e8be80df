import fc from 'fast-check';
import { chunkTimes, packChunk, TIMES_BYTES, unpackChunk, withTimes } from './chunk-codec';

test('what is packed comes back byte for byte, small or large', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 400 }), (text, times) => {
      const chunk = `{"message":${JSON.stringify(text)}}`.repeat(times);
      expect(unpackChunk(packChunk(chunk)).equals(Buffer.from(chunk))).toBe(true);
    }),
  );
});

test('log text takes a fraction of its size in Redis', () => {
  const lines = Array.from(
    { length: 200 },
    (_, i) => `{"timestamp":${1763722080000 + i},"message":"Still creating... [${i}s elapsed]"}`,
  );
  const chunk = lines.join(',\n');
  expect(packChunk(chunk).length).toBeLessThan(chunk.length / 5);
});

test('a chunk of one small log event is left as it is', () => {
  const chunk = '{"timestamp":1763722080000,"message":"one"}';
  expect(packChunk(chunk).toString()).toBe(chunk);
});

test('a chunk with its times in front says them by its first bytes, and unpacks to what it was', () => {
  fc.assert(
    fc.property(fc.nat(3_000), fc.integer({ min: 0, max: 9e15 }), (chars, firstMs) => {
      const chunk = `{"message":"${'x'.repeat(chars)}"}`;
      const timed = withTimes(packChunk(chunk), { firstMs, lastMs: firstMs + 1 });
      expect(chunkTimes(timed.subarray(0, TIMES_BYTES))).toEqual({ firstMs, lastMs: firstMs + 1 });
      expect(unpackChunk(timed).toString()).toBe(chunk);
      expect(chunkTimes(packChunk(chunk))).toBeUndefined();
    }),
  );
});

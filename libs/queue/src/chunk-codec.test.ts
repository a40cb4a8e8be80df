import fc from 'fast-check';
import { packChunk, unpackChunk } from './chunk-codec';

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

import fc from 'fast-check';
import { utf8Bytes } from './utf8';

test('a string has as many bytes as its UTF-8 encoding, whatever is in it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(utf8Bytes(text)).toBe(Buffer.byteLength(text));
    }),
  );
});

test('a lone surrogate counts as the replacement character that goes over the wire', () => {
  for (const text of ['\ud800', 'a\ud800', '\udc00b', '\ud800\ud800\udc00', '😀\ud83d']) {
    expect(utf8Bytes(text)).toBe(Buffer.byteLength(text));
  }
});

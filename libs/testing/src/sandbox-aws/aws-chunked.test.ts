// Goal: a chunked body is put together rightly or refused. Method: bodies written by hand; signed chunks are in sigv4.test.ts. Doubles: none.
import fc from 'fast-check';
import { decodeAwsChunked } from './aws-chunked';
import type { Caller } from './authenticate';
import { AwsError } from './aws-error';

const UNSIGNED = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
// Unsigned chunks are decoded without looking at who sent them.
const ANYONE = {} as Caller;

function decode(body: string | Buffer) {
  return decodeAwsChunked(Buffer.from(body), UNSIGNED, ANYONE);
}

function codeOf(body: string, declared = UNSIGNED): string {
  try {
    decodeAwsChunked(Buffer.from(body), declared, ANYONE);
  } catch (error) {
    if (error instanceof AwsError) return error.code;
    throw error;
  }
  return 'decoded';
}

test('chunks are joined and trailers are read', () => {
  const { payload, trailers } = decode(
    '5\r\nhello\r\n6\r\n world\r\n0\r\nX-Amz-Checksum-Crc32: DUoRhQ==\r\n\r\n',
  );
  expect(payload.toString()).toBe('hello world');
  expect([...trailers]).toEqual([['x-amz-checksum-crc32', 'DUoRhQ==']]);
});

test('any payload cut in any way comes out whole', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 })), (chunks) => {
      const parts = chunks.flatMap((chunk) => [
        Buffer.from(`${chunk.length.toString(16)}\r\n`),
        Buffer.from(chunk),
        Buffer.from('\r\n'),
      ]);
      const { payload } = decode(Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]));
      expect(payload).toEqual(Buffer.concat(chunks));
    }),
  );
});

test.each([
  ['nothing', ''],
  ['no end', '5\r\nhello\r\n'],
  ['a chunk shorter than it says', '9\r\nhello\r\n0\r\n\r\n'],
  ['a chunk longer than it says', '3\r\nhello\r\n0\r\n\r\n'],
  ['a size that is no number', 'zz\r\nhello\r\n0\r\n\r\n'],
  ['a size beyond all bounds', 'fffffffff\r\nhello\r\n0\r\n\r\n'],
])('%s is refused', (_name, body) => {
  expect(codeOf(body)).toBe('IncompleteBody');
});

test('a trailer without a name is refused', () => {
  expect(codeOf('0\r\nnonsense\r\n\r\n')).toBe('MalformedTrailerError');
});

test('a kind of streaming the sandbox does not know is refused by name', () => {
  expect(codeOf('0\r\n\r\n', 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD')).toBe('NotImplemented');
});

import { RequestProblem } from '@logferry/runtime';
import * as fc from 'fast-check';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { inflateBody, INVALID, readBody, type BodyValues } from './request-body';

const JSON_TYPE = 'application/json';
const NDJSON = 'application/x-ndjson';
const BYTES_MAX = 1_000;

interface Headers {
  contentType?: string | undefined;
  contentEncoding?: string | undefined;
}

function read(body: string | Buffer, headers: Headers = {}, bytesMax = BYTES_MAX): BodyValues {
  const { contentType, contentEncoding } = { contentType: JSON_TYPE, ...headers };
  return readBody(inflateBody(Buffer.from(body), contentEncoding, bytesMax), contentType);
}

function valuesOf(body: string | Buffer, headers: Headers = {}): unknown[] {
  const values = read(body, headers);
  return Array.from({ length: values.count }, (_, index) => values.value(index));
}

const lines = (body: string) => valuesOf(body, { contentType: NDJSON });

function refusalOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

function problemOf(body: string | Buffer, headers: Headers = {}): [number, string] {
  const problem = refusalOf(() => read(body, headers));
  return problem instanceof RequestProblem ? [problem.status, problem.code] : [0, ''];
}

test('an object is one log event, and an array is as many as it has members', () => {
  expect(valuesOf('{"a":1}')).toEqual([{ a: 1 }]);
  expect(valuesOf(' [{"a":1},{"b":[2]},3,null] ')).toEqual([{ a: 1 }, { b: [2] }, 3, null]);
  expect(valuesOf('[]')).toEqual([]);
});

test.each(['1', '"text"', 'null', 'true', '', ' ', '{"a":1', '[1', '{"a":1}{"b":2}', '{a:1}'])(
  'a document that is neither object nor array, or no JSON, is refused as a whole: %j',
  (body) => {
    expect(problemOf(body)).toEqual([400, 'request.invalid_json']);
  },
);

test('no refusal quotes the body, which may hold a secret', () => {
  const refused = refusalOf(() => read('{"password": horse}'));
  expect(inspect(refused)).toContain('the body is not valid JSON');
  expect(inspect(refused)).not.toMatch(/horse|password/);
});

test('of NDJSON every line is one log event, and blank lines are none', () => {
  expect(lines('{"a":1}\n{"b":2}\n')).toEqual([{ a: 1 }, { b: 2 }]);
  expect(lines('{"a":1}\r\n{"b":2}')).toEqual([{ a: 1 }, { b: 2 }]);
  expect(lines('\n\n{"a":1}\n \t\r\n\n{"b":2}\n\n')).toEqual([{ a: 1 }, { b: 2 }]);
  expect(lines('')).toEqual([]);
  expect(lines('\n\r\n')).toEqual([]);
});

test('a line that is no JSON is invalid by itself, at its place, and spoils no other', () => {
  expect(lines('{"a":1}\n{"a":\n[1]\nnot JSON\n{"b":2}')).toEqual([
    { a: 1 },
    INVALID,
    [1],
    INVALID,
    { b: 2 },
  ]);
});

test('only a newline ends a line: the other line ends of Unicode may stand in a message', () => {
  const text = 'one\u2028two\u2029three\u0085four';
  expect(lines(`{"message":"${text}"}\n{"b":2}`)).toEqual([{ message: text }, { b: 2 }]);
});

test.each([
  ['application/json', true],
  ['application/json; charset=utf-8', true],
  ['APPLICATION/JSON', true],
  ['application/x-ndjson', true],
  ['application/ndjson;charset=UTF-8', true],
  ['application/jsonl', true],
  ['text/plain', false],
  ['application/jsonx', false],
  ['application/json,text/plain', false],
  ['', false],
  [undefined, false],
])('the type %j is taken: %s', (contentType, isTaken) => {
  expect(problemOf('{}', { contentType })).toEqual(
    isTaken ? [0, ''] : [415, 'request.unsupported_media_type'],
  );
});

test('a body may be gzip, and nothing else', () => {
  const gzip = { contentEncoding: 'gzip' };
  expect(valuesOf(gzipSync('{"a":1}'), gzip)).toEqual([{ a: 1 }]);
  expect(valuesOf('{"a":1}', { contentEncoding: 'identity' })).toEqual([{ a: 1 }]);
  for (const contentEncoding of ['deflate', 'br', 'gzip, gzip', 'zstd', ''])
    expect(problemOf('{}', { contentEncoding })).toEqual([415, 'request.unsupported_encoding']);
});

test('the name of an encoding is read in any case, as HTTP has it', () => {
  expect(valuesOf(gzipSync('{"a":1}'), { contentEncoding: 'GZIP' })).toEqual([{ a: 1 }]);
});

test.each([
  [BYTES_MAX - 1, 0],
  [BYTES_MAX, 0],
  [BYTES_MAX + 1, 413],
  [100 * BYTES_MAX, 413],
])('of at most 1000 bytes inflated, %d are answered with %d', (bytes, status) => {
  const body = gzipSync(`"${'x'.repeat(bytes - 4)}"`.padStart(bytes - 1, '[').padEnd(bytes, ']'));
  expect(problemOf(body, { contentEncoding: 'gzip' })).toEqual(
    status === 0 ? [0, ''] : [status, 'request.too_large'],
  );
});

test('what is not gzip, or not all of it, is refused', () => {
  const whole = gzipSync('{"a":1}');
  const damaged = Buffer.from(whole);
  damaged[whole.length - 5] = (damaged[whole.length - 5] ?? 0) ^ 0xff;
  for (const body of [Buffer.from('{"a":1}'), whole.subarray(0, -1), damaged, Buffer.alloc(0)]) {
    expect(problemOf(body, { contentEncoding: 'gzip' })).toEqual([400, 'request.invalid_gzip']);
  }
});

test.each<[string, number[]]>([
  ['a lone continuation byte', [0x80]],
  ['a sequence that is cut off', [0xe2, 0x82]],
  ['an overlong form', [0xc0, 0xaf]],
  ['a surrogate', [0xed, 0xa0, 0x80]],
  ['Latin-1', [0xe9]],
  ['UTF-16', [0xff, 0xfe]],
])('a body with %s is refused: decoding it would change the text', (_, bytes) => {
  const body = Buffer.concat([Buffer.from('{"m":"'), Buffer.from(bytes), Buffer.from('"}')]);
  expect(problemOf(body)).toEqual([400, 'request.not_utf8']);
  expect(problemOf(gzipSync(body), { contentEncoding: 'gzip' })).toEqual([400, 'request.not_utf8']);
});

test.each([JSON_TYPE, NDJSON])('an integer of any length keeps its digits (%s)', (contentType) => {
  const digits = '123456789012345678901234567890';
  const values = read(`{"id":${digits},"small":7,"list":[-${digits}]}`, { contentType });
  expect(JSON.stringify(values.exact(0))).toBe(`{"id":${digits},"small":7,"list":[-${digits}]}`);
  expect(JSON.stringify(values.value(0))).not.toContain(digits);
});

test('what is nested too deep to be parsed exactly is invalid by itself, and spoils nothing beside it', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const body = `[${deep},{"n":12345678901234567890}]`;
  const values = read(body, {}, body.length);
  expect(values.count).toBe(2);
  expect(values.exact(0)).toBe(INVALID);
  expect(JSON.stringify(values.exact(1))).toBe('{"n":12345678901234567890}');
});

test('whatever is sent as NDJSON comes out as it went in, line by line', () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 20 }),
      fc.constantFrom('\n', '\r\n', '\n\n'),
      (values, end) => {
        const body = values.map((value) => JSON.stringify(value) + end).join('');
        const found = read(body, { contentType: NDJSON });
        expect(found.count).toBe(values.length);
        values.forEach((value, index) =>
          expect(JSON.stringify(found.value(index))).toBe(JSON.stringify(value)),
        );
      },
    ),
    { numRuns: 50 },
  );
});

import { memberTexts, parseJsonExact } from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import { isUtf8 } from 'node:buffer';
import { gunzipSync } from 'node:zlib';

/** What could not be read as JSON; told apart from every value that can. */
export const INVALID = Symbol('invalid JSON');

/** The values of a request's body, in their order. */
export interface BodyValues {
  readonly count: number;
  /** A value, or INVALID. */
  value(index: number): unknown;
  /** The same value with every digit of its numbers. */
  exact(index: number): unknown;
  /** The text that the value was parsed from, if it has one of its own. */
  line(index: number): string | undefined;
}

/**
 * A body as it was before its sender packed it.
 *
 * One at a time: inflated side by side, 300 bodies of 10 kB each took 4.8 GB (measured), and parsing what comes out keeps the event
 * loop for longer anyway.
 *
 * @throws RequestProblem if it is not what it says, or inflates to more than `bytesMax`
 */
export function inflateBody(
  bytes: Buffer,
  contentEncoding: string | undefined,
  bytesMax: number,
): Buffer {
  const coding = contentEncoding?.toLowerCase() ?? 'identity';
  if (coding === 'identity') return bytes;
  if (coding !== 'gzip') {
    throw new RequestProblem(
      415,
      'request.unsupported_encoding',
      'the Content-Encoding must be gzip or none',
    );
  }
  try {
    return gunzipSync(bytes, { maxOutputLength: bytesMax });
  } catch (error) {
    if (error instanceof RangeError) {
      throw new RequestProblem(
        413,
        'request.too_large',
        `the body inflates to more than ${bytesMax} bytes`,
      );
    }
    throw new RequestProblem(400, 'request.invalid_gzip', 'the body is not valid gzip');
  }
}

/**
 * Takes a body apart into log events.
 *
 * @throws RequestProblem if the body as a whole is not usable
 */
export function readBody(bytes: Buffer, contentType: string | undefined): BodyValues {
  // Decoding would put U+FFFD in place of what is not UTF-8 and say nothing: the sender's text would be changed.
  if (!isUtf8(bytes)) throw new RequestProblem(400, 'request.not_utf8', 'the body is not UTF-8');
  const text = bytes.toString('utf8');
  switch (mediaType(contentType)) {
    case 'application/x-ndjson':
    case 'application/ndjson':
    case 'application/jsonl':
      return ndjsonValues(text);
    case 'application/json':
      return jsonValues(text);
    default:
      throw new RequestProblem(
        415,
        'request.unsupported_media_type',
        'the Content-Type must be application/json or application/x-ndjson',
      );
  }
}

function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function ndjsonValues(text: string): BodyValues {
  const lines: string[] = [];
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end);
    if (line !== '' && line.trim() !== '') lines.push(line);
    start = end + 1;
  }
  return {
    count: lines.length,
    value: (index) => read(lines[index], JSON.parse),
    exact: (index) => read(lines[index], parseJsonExact),
    line: (index) => lines[index],
  };
}

function jsonValues(text: string): BodyValues {
  const document = parseDocument(text);
  const values: readonly unknown[] = Array.isArray(document) ? document : [document];
  let texts: string[] | undefined;
  // One by one: all of it at once would fail on another that is nested too deep.
  const textOf = (index: number): string | undefined =>
    (texts ??= Array.isArray(document) ? memberTexts(text) : [text])[index];
  return {
    count: values.length,
    value: (index) => values[index],
    exact: (index) => read(textOf(index), parseJsonExact),
    line: () => undefined,
  };
}

function read(text: string | undefined, parse: (text: string) => unknown): unknown {
  try {
    return parse(text ?? '');
  } catch {
    return INVALID;
  }
}

function parseDocument(text: string): object {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // The parser's own words quote the body, which may hold a secret.
    throw new RequestProblem(400, 'request.invalid_json', 'the body is not valid JSON');
  }
  if (typeof document === 'object' && document !== null) return document;
  throw new RequestProblem(
    400,
    'request.invalid_json',
    'the body must be a JSON object, a JSON array or NDJSON',
  );
}

import { isUtf8 } from 'node:buffer';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export interface LogLine {
  text: string;
  /** How many bytes of the input it took, its end included. */
  bytes: number;
  /** Whether bytes had to be replaced, since they are not UTF-8. */
  isDamaged: boolean;
}

/**
 * The lines of a file, byte for byte. A line ends with a newline, or a carriage return and a newline; a carriage return anywhere else
 * is part of the line, which the line readers of Node do not respect.
 */
export async function* logLines(input: AsyncIterable<Buffer>): AsyncGenerator<LogLine> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const data of input) {
    let chunk = rest.length === 0 ? data : Buffer.concat([rest, data]);
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE)) {
      yield toLine(chunk.subarray(0, end), end + 1);
      chunk = chunk.subarray(end + 1);
    }
    rest = chunk;
  }
  if (rest.length > 0) yield toLine(rest, rest.length);
}

function toLine(line: Buffer, bytes: number): LogLine {
  const text = line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
  return { text: text.toString('utf8'), bytes, isDamaged: !isUtf8(text) };
}

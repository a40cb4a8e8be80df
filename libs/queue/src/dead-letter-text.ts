import { unpackChunk } from './chunk-codec';
import type { DeadLetter } from './dead-letter-store';
import { fragmentTimeMs } from './fragment';
import { fragmentTexts } from './payload';

/** What stands before the time in every line: nothing where all are of one dead letter, or whose it is. */
export type LineHead = (deadLetter: DeadLetter) => string;

export const noHead: LineHead = () => '';

export const ownerHead: LineHead = ({ id, tenantId, destinationId, reason }) =>
  Object.entries({ deadLetter: id, tenant: tenantId, destination: destinationId, reason })
    .map(([name, value]) => `"${name}":${JSON.stringify(value)},`)
    .join('');

/**
 * The log events of a chunk as lines of JSON, each with its time and its message. What a chunk holds is JSON already, so that nothing
 * is parsed: of a log event for CloudWatch Logs only the time is written anew, as ingest and corrections take it.
 *
 * @returns no lines if the chunk cannot be read
 */
export function chunkLines(
  deadLetter: DeadLetter,
  packed: Buffer,
  head: LineHead,
): { lines: string; count: number } {
  let texts: string[];
  const { sink } = deadLetter.target;
  try {
    texts = fragmentTexts(sink, unpackChunk(packed));
  } catch {
    return { lines: '', count: 0 };
  }
  const start = `{${head(deadLetter)}`;
  const lines = texts.map((text) => {
    if (sink === 's3') return `${start}${text.slice(1)}\n`;
    const time = new Date(fragmentTimeMs(sink, Buffer.from(text), 0)).toISOString();
    return `${start}"time":"${time}"${text.slice(text.indexOf(','))}\n`;
  });
  return { lines: lines.join(''), count: texts.length };
}

/** The line that stands for log events that are not there. It is no log event: nobody can take the file for a whole one. */
export function missingLine({ id, reason }: DeadLetter, count: number): string {
  const problem = `${count} log events cannot be read, or were redriven, corrected or discarded meanwhile`;
  return `${JSON.stringify({ deadLetter: id, reason, problem })}\n`;
}

import {
  CLOUDWATCH,
  parseJsonExact,
  parseLogEvent,
  S3,
  type BatchLimits,
  type LogEvent,
} from '@logferry/core';
import { buildChunks, type Chunk } from './chunk';
import type { DeadLetter } from './dead-letter-store';
import { encodeFragment, type Fragment } from './fragment';

/** Corrected log events in the form that a batch has, or what is wrong with them: which line, and which field of it. */
export type Correction = { kind: 'chunks'; chunks: Chunk[] } | { kind: 'problem'; message: string };

/** A log event for CloudWatch Logs has become its message; what else it had is gone, and would be lost if it were sent here. */
const CLOUDWATCH_FIELDS = new Set(['time', 'message']);

const limitsOf: Record<DeadLetter['target']['sink'], BatchLimits> = {
  cloudwatch: {
    bytesMax: CLOUDWATCH.batchBytesMax,
    logEventsMax: CLOUDWATCH.batchLogEventsMax,
    spanMsMax: CLOUDWATCH.batchSpanMsMax,
    logEventBytesMax: CLOUDWATCH.batchBytesMax,
  },
  s3: {
    bytesMax: S3.objectBytesMax,
    logEventsMax: Number.MAX_SAFE_INTEGER,
    spanMsMax: Number.MAX_SAFE_INTEGER,
    logEventBytesMax: S3.logEventBytesMax,
  },
};

/**
 * Reads corrected log events, one a line, as they were downloaded. As many as the dead letter has, since each of them is counted; and
 * all of them such that their sink takes them in one batch.
 */
export function readCorrection(deadLetter: DeadLetter, text: string, nowMs: number): Correction {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length !== deadLetter.logEvents) {
    return problem(
      `the dead letter has ${deadLetter.logEvents} log events, and the body ${lines.length}: each must be there once`,
    );
  }
  const { sink } = deadLetter.target;
  const limits = limitsOf[sink];
  const fragments: Fragment[] = [];
  let bytes = 0;
  for (const [i, line] of lines.entries()) {
    const read = readLine(deadLetter, line, nowMs);
    if (typeof read === 'string') return problem(`line ${i + 1}: ${read}`);
    if (read.bytes > limits.logEventBytesMax) {
      return problem(
        `line ${i + 1}: message takes ${read.bytes} bytes; the most is ${limits.logEventBytesMax}`,
      );
    }
    fragments.push(read);
    bytes += read.bytes;
  }
  if (bytes > limits.bytesMax) {
    return problem(`message: all take ${bytes} bytes; the most of a batch is ${limits.bytesMax}`);
  }
  const times = fragments.map(({ timeMs }) => timeMs).sort((a, b) => a - b);
  if ((times.at(-1) ?? 0) - (times[0] ?? 0) > limits.spanMsMax) {
    return problem('time: the first and the last lie more than 24 hours apart');
  }
  return { kind: 'chunks', chunks: buildChunks(laneOf(deadLetter), fragments) };
}

function laneOf({ target }: DeadLetter): Parameters<typeof buildChunks>[0] {
  return { target, limits: limitsOf[target.sink] };
}

/** The encoded log event, or what is wrong with it. */
function readLine(deadLetter: DeadLetter, line: string, nowMs: number): Fragment | string {
  let value: unknown;
  try {
    value = parseJsonExact(line);
  } catch {
    return 'not valid JSON';
  }
  const { sink } = deadLetter.target;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    if (!('time' in value)) return 'time is missing';
    const other = Object.keys(value).find((name) => !CLOUDWATCH_FIELDS.has(name));
    if (sink === 'cloudwatch' && other !== undefined)
      return `${JSON.stringify(other.slice(0, 64))} is no field of it; it has time and message`;
  }
  const parsed = parseLogEvent(value, sink === 'cloudwatch' ? { nowMs, type: 'log' } : { nowMs });
  if (parsed.kind === 'refused') return parsed.refusal.message;
  if (parsed.kind === 'inexact') return 'a number has more digits than can be kept';
  return checkTime(sink, parsed.event, nowMs) ?? encodeFragment(formOf(deadLetter), parsed.event);
}

function formOf({ target }: DeadLetter): Parameters<typeof encodeFragment>[0] {
  return { target, format: target.sink === 's3' ? 'event' : 'message' };
}

/** What AWS would refuse again by its time alone. */
function checkTime(sink: string, { timeMs }: LogEvent, nowMs: number): string | undefined {
  if (sink === 's3') return undefined;
  if (timeMs < nowMs - CLOUDWATCH.logEventAgeMsMax)
    return 'time is more than 14 days ago, which CloudWatch Logs refuses';
  if (timeMs > nowMs + CLOUDWATCH.logEventAheadMsMax)
    return 'time is more than 2 hours in the future, which CloudWatch Logs refuses';
  return undefined;
}

function problem(message: string): Correction {
  return { kind: 'problem', message };
}

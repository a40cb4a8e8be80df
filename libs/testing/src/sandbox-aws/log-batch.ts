// The rules of PutLogEvents on a batch, pure: what makes AWS refuse the whole call, and which events it refuses one by one.
import { AwsError } from './aws-error';
import { Constraints } from './constraints';
import type { HalfAccept } from './gate';
import { LOGS } from './limits';
import type { IncomingEvent } from './log-stream';

export interface RejectedLogEventsInfo {
  /** Exclusive: events before it are too old. */
  readonly tooOldLogEventEndIndex?: number;
  /** Inclusive: it and the events after it are too new. */
  readonly tooNewLogEventStartIndex?: number;
  /** Exclusive: events before it are older than the group's retention. */
  readonly expiredLogEventEndIndex?: number;
}

export interface SortedBatch {
  readonly accepted: readonly IncomingEvent[];
  readonly acceptedMessageBytes: number;
  readonly rejected: RejectedLogEventsInfo | undefined;
  readonly counts: { readonly tooOld: number; readonly tooNew: number; readonly expired: number };
}

export interface BatchRules {
  readonly nowMs: number;
  readonly retentionDays: number | undefined;
  readonly halfAccept?: HalfAccept | undefined;
}

const DAY_MS = 24 * 60 * 60 * 1000;

function refuse(message: string): AwsError {
  return new AwsError('InvalidParameterException', message);
}

export interface ReadBatch {
  readonly events: readonly IncomingEvent[];
  /** UTF-8, without the overhead of each event. */
  readonly messageBytes: number;
}

/** Checks types, counts, sizes and order; everything about a batch that does not depend on the time of day. */
export function readBatch(raw: unknown): ReadBatch {
  if (raw === undefined || raw === null) {
    const constraints = new Constraints();
    constraints.requirePresent(false, 'logEvents');
    throw refuse(constraints.message() ?? '');
  }
  if (!Array.isArray(raw)) {
    throw new AwsError('SerializationException', 'logEvents is not a list.');
  }
  requireCount(raw.length);
  const events = raw.map(readEvent);
  const messageBytes = requireSizes(events);
  requireOrder(events);
  return { events, messageBytes };
}

function requireCount(count: number): void {
  const constraints = new Constraints();
  constraints.require(count >= 1, '[]', 'logEvents', 'have length greater than or equal to 1');
  constraints.require(
    count <= LOGS.batchEventsMax,
    `[${String(count)} events]`,
    'logEvents',
    `have length less than or equal to ${String(LOGS.batchEventsMax)}`,
  );
  const message = constraints.message();
  if (message !== undefined) throw refuse(message);
}

/** Copies the two known members, so that nothing else a client sends along is kept in memory. */
function readEvent(raw: unknown, index: number): IncomingEvent {
  const { timestamp, message } = (raw ?? {}) as Record<string, unknown>;
  const isRight =
    typeof message === 'string' &&
    message !== '' &&
    typeof timestamp === 'number' &&
    Number.isSafeInteger(timestamp) &&
    timestamp >= 0;
  if (isRight) return { timestamp, message };
  throw findEventProblem(timestamp, message, `logEvents.${String(index + 1)}.member`);
}

function findEventProblem(timestamp: unknown, message: unknown, path: string): AwsError {
  const isWrongType =
    (message !== undefined && message !== null && typeof message !== 'string') ||
    (timestamp !== undefined && timestamp !== null && !Number.isSafeInteger(timestamp));
  if (isWrongType) {
    return new AwsError('SerializationException', `${path} has a member of the wrong type.`);
  }
  const constraints = new Constraints();
  constraints.requirePresent(typeof message === 'string', `${path}.message`);
  constraints.requirePresent(typeof timestamp === 'number', `${path}.timestamp`);
  if (typeof message === 'string') {
    const rule = 'have length greater than or equal to 1';
    constraints.require(message !== '', message, `${path}.message`, rule);
  }
  if (typeof timestamp === 'number') {
    const rule = 'have value greater than or equal to 0';
    constraints.require(timestamp >= 0, String(timestamp), `${path}.timestamp`, rule);
  }
  return refuse(constraints.message() ?? '');
}

function requireSizes(events: readonly IncomingEvent[]): number {
  let batchBytes = 0;
  for (const { message } of events) {
    const eventBytes = Buffer.byteLength(message, 'utf8') + LOGS.eventOverheadBytes;
    if (eventBytes > LOGS.eventBytesMax) {
      throw refuse(
        `Log event too large: ${String(eventBytes)} bytes exceeds limit of ${String(LOGS.eventBytesMax)}`,
      );
    }
    batchBytes += eventBytes;
  }
  if (batchBytes > LOGS.batchBytesMax) {
    throw refuse(
      `Upload too large: ${String(batchBytes)} bytes exceeds limit of ${String(LOGS.batchBytesMax)}`,
    );
  }
  return batchBytes - events.length * LOGS.eventOverheadBytes;
}

function requireOrder(events: readonly IncomingEvent[]): void {
  let earlier = 0;
  for (const { timestamp } of events) {
    if (timestamp < earlier) {
      throw refuse('Log events in a single PutLogEvents request must be in chronological order.');
    }
    earlier = timestamp;
  }
}

/** Splits an ordered batch by time: the refused stand at its two ends, and what lies between is stored. */
export function sortOutBatch(batch: ReadBatch, rules: BatchRules): SortedBatch {
  const { events } = batch;
  const oldestMs = rules.nowMs - LOGS.eventAgeMsMax;
  const newestMs = rules.nowMs + LOGS.eventFutureMsMax;
  const retentionMs = (rules.retentionDays ?? Infinity) * DAY_MS;
  const tooOldEnd = countBefore(events, oldestMs);
  const expiredEnd = Math.max(tooOldEnd, countBefore(events, rules.nowMs - retentionMs));
  const tooNewStart = countBefore(events, newestMs + 1);
  const ranges = { tooOldEnd, expiredEnd, tooNewStart: Math.max(tooNewStart, expiredEnd) };
  requireSpan(events.slice(ranges.expiredEnd, ranges.tooNewStart));
  return assemble(batch, rules.halfAccept ? pretend(ranges, rules.halfAccept) : ranges);
}

interface Ranges {
  readonly tooOldEnd: number;
  /** Never less than tooOldEnd. */
  readonly expiredEnd: number;
  readonly tooNewStart: number;
}

function countBefore(events: readonly IncomingEvent[], atMs: number): number {
  const first = events.findIndex((event) => event.timestamp >= atMs);
  return first < 0 ? events.length : first;
}

function requireSpan(valid: readonly IncomingEvent[]): void {
  const spanMs = (valid.at(-1)?.timestamp ?? 0) - (valid[0]?.timestamp ?? 0);
  if (spanMs > LOGS.batchSpanMsMax) {
    throw refuse(
      'The batch of log events in a single PutLogEvents request cannot span more than 24 hours.',
    );
  }
}

/** A half-accepting fault: events AWS would have taken are refused, in the same form as if they had deserved it. */
function pretend(ranges: Ranges, fault: HalfAccept): Ranges {
  const valid = ranges.tooNewStart - ranges.expiredEnd;
  const count = Math.min(fault.rejectedCount ?? Math.ceil(valid / 2), valid);
  if (fault.rejectedAs === 'too-new') {
    return { ...ranges, tooNewStart: ranges.tooNewStart - count };
  }
  const expiredEnd = ranges.expiredEnd + count;
  const tooOldEnd = fault.rejectedAs === 'too-old' ? expiredEnd : ranges.tooOldEnd;
  return { ...ranges, tooOldEnd, expiredEnd };
}

function assemble({ events, messageBytes }: ReadBatch, ranges: Ranges): SortedBatch {
  const { tooOldEnd, expiredEnd, tooNewStart } = ranges;
  const isWhole = expiredEnd === 0 && tooNewStart === events.length;
  const accepted = isWhole ? events : events.slice(expiredEnd, tooNewStart);
  const acceptedMessageBytes = isWhole
    ? messageBytes
    : accepted.reduce((bytes, { message }) => bytes + Buffer.byteLength(message, 'utf8'), 0);
  const rejected = {
    ...(tooOldEnd > 0 ? { tooOldLogEventEndIndex: tooOldEnd } : {}),
    ...(expiredEnd > tooOldEnd ? { expiredLogEventEndIndex: expiredEnd } : {}),
    ...(tooNewStart < events.length ? { tooNewLogEventStartIndex: tooNewStart } : {}),
  };
  return {
    accepted,
    acceptedMessageBytes,
    rejected: isWhole ? undefined : rejected,
    counts: {
      tooOld: tooOldEnd,
      expired: expiredEnd - tooOldEnd,
      tooNew: events.length - tooNewStart,
    },
  };
}

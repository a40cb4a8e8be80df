import {
  Failure,
  inspectJson,
  isContainer,
  LOG_EVENT,
  LogId,
  parseJsonExact,
} from '@logferry/core';

/** What is nested deeper, ingest refuses anyway. */
const DEPTH_MAX = LOG_EVENT.messageDepthMax + 2;

/** A log event of Auth0's, as it came. */
export interface Auth0Log {
  id: string;
  /** Its code, such as `fp`; empty if it has none. */
  type: string;
  /** Its own time; nothing if it has none that can be read. */
  timeMs?: number | undefined;
  fields: Readonly<Record<string, unknown>>;
}

/**
 * Reads a page. Long numbers keep their digits: what is delivered is what Auth0 gave.
 *
 * @throws Failure `source.garbled` for what is no page, or has a log event without an id, behind which nothing could be asked for
 */
export function readLogs(text: string): Auth0Log[] {
  const values = parse(text);
  if (!Array.isArray(values)) throw garbled('no list');
  const logs = values.map(readLog);
  if (new Set(logs.map(({ id }) => id)).size !== logs.length) throw garbled('a log event twice');
  return logs;
}

/** @throws Failure `source.garbled` */
export function readOneLog(text: string): Auth0Log {
  return readLog(parse(text));
}

function readLog(value: unknown): Auth0Log {
  if (!isContainer(value) || Array.isArray(value)) throw garbled('something that is no log event');
  const fields = value as Record<string, unknown>;
  const id = LogId.safeParse(fields.log_id ?? fields._id);
  if (!id.success) throw garbled('a log event without an id');
  const timeMs = typeof fields.date === 'string' ? Date.parse(fields.date) : NaN;
  return {
    id: id.data,
    type: typeof fields.type === 'string' ? fields.type : '',
    timeMs: Number.isNaN(timeMs) ? undefined : timeMs,
    fields,
  };
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    // A page is asked for by the last id of the one before: what reading it takes, the next one waits for.
    return inspectJson(value, DEPTH_MAX) === 'fine' ? value : (exact(text) ?? value);
  } catch {
    throw garbled('no JSON');
  }
}

/** Nothing for what is nested so deep that the stack ends: ingest refuses that anyway, and the rest of its page must not wait for it. */
function exact(text: string): unknown {
  try {
    return parseJsonExact(text);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const garbled = (detail: string): Failure => new Failure('source.garbled', { detail });

/**
 * Which of two ids is of the later log event: Auth0's are numbers of many digits, which grow.
 *
 * @returns less than 0 if the first one is of the earlier
 */
export function compareLogIds(one: string, other: string): number {
  if (one.length !== other.length) return one.length - other.length;
  return one < other ? -1 : one > other ? 1 : 0;
}

import type { Auth0Log } from '@logferry/auth0';
import { auth0LevelName, LOG_EVENT } from '@logferry/core';

/** Small, and what destinations are filtered and named by; the log event itself has them all. */
const ATTRIBUTES = {
  clientId: 'client_id',
  connection: 'connection',
  organizationId: 'organization_id',
  strategy: 'strategy',
} as const;

interface LineOptions {
  /** Left out of what is sent once more on purpose: a destination that leaves out duplicates would leave it out. */
  hasId: boolean;
  /** The run of a replay whose log events are marked. */
  markedBy?: string | undefined;
}

/** Nested one level deeper than ingest takes. */
const TOO_DEEP: unknown = JSON.parse(
  '['.repeat(LOG_EVENT.messageDepthMax + 1) + ']'.repeat(LOG_EVENT.messageDepthMax + 1),
);

/** A log event of Auth0's as ingest takes it: with its own time, and as it came. */
export function logEventLine(log: Auth0Log, { hasId, markedBy }: LineOptions): string {
  const { id, type, timeMs, fields } = log;
  const attributes: Record<string, string> = {};
  if (isShort(type)) attributes.logType = type;
  for (const [name, field] of Object.entries(ATTRIBUTES)) {
    const value = fields[field];
    if (isShort(value)) attributes[name] = value;
  }
  if (markedBy !== undefined) attributes.replay = markedBy;
  const level = auth0LevelName(type);
  const line = {
    ...(hasId ? { id } : {}),
    // The time of sending would be a lie; what has no time that ingest takes has that of its arrival.
    ...(isTime(timeMs) ? { time: timeMs } : {}),
    ...(level === undefined ? {} : { level }),
    attributes,
  };
  try {
    return JSON.stringify({ ...line, message: fields });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // So deep that the stack ends in writing it: what stands for it is refused for the same reason, and the rest of its page goes on.
    return JSON.stringify({ ...line, message: TOO_DEEP });
  }
}

function isShort(value: unknown): value is string {
  return (
    typeof value === 'string' && value !== '' && value.length <= LOG_EVENT.attributeValueCharsMax
  );
}

const isTime = (timeMs: number | undefined): boolean =>
  timeMs !== undefined && timeMs >= LOG_EVENT.timeMsMin && timeMs <= LOG_EVENT.timeMsMax;

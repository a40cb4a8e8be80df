// GetLogEvents: one stream, forwards or backwards. Tokens name a place in time and not an index, so events that arrive between
// two pages neither shift the reader nor are skipped; at the end the token that was given comes back, which is how AWS says "no more".
import { requireLogsAccess } from './authorize';
import { AwsError } from './aws-error';
import type { LogsCall } from './cloudwatch-logs';
import { LOGS } from './limits';
import { streamAccess } from './log-access';
import type { StoredEvent } from './log-stream';

interface Place {
  readonly direction: 'f' | 'b';
  readonly timestamp: number;
  readonly sequence: number;
}

export async function getLogEvents(call: LogsCall): Promise<object> {
  const { input, caller, state } = call;
  const groupName = input.groupNameOrIdentifier();
  const streamName = input.streamName();
  const startMs = input.number('startTime') ?? 0;
  const endMs = input.number('endTime') ?? Infinity;
  const isFromHead = input.isTrue('startFromHead');
  const pageSize = input.pageSize(LOGS.eventsPageMax, LOGS.eventsPageMax);
  input.throwIfInvalid();
  const place = readToken(input.text('nextToken'));
  await call.gate({ logGroup: groupName, logStream: streamName });
  const access = streamAccess(caller, 'logs:GetLogEvents', groupName, streamName);
  requireLogsAccess(caller.principal, access);
  const group = state.logs.requireGroup(call.place, groupName);
  const events = state.logs
    .requireStream(group, streamName)
    .events()
    .filter(({ timestamp }) => timestamp >= startMs && timestamp < endMs);
  const page = takePage(events, place ?? firstPlace(events, isFromHead), pageSize);
  return {
    events: page.events.map(({ timestamp, message, ingestedAtMs }) => ({
      timestamp,
      message,
      ingestionTime: ingestedAtMs,
    })),
    nextForwardToken: `f/${page.last}/s`,
    nextBackwardToken: `b/${page.first}/s`,
  };
}

function readToken(token: string | undefined): Place | undefined {
  if (token === undefined) return undefined;
  const match = /^([fb])\/(-?\d{1,16}):(-?\d{1,16})\/s$/u.exec(token);
  if (!match) {
    throw new AwsError('InvalidParameterException', 'The specified nextToken is invalid.');
  }
  const direction = match[1] === 'f' ? 'f' : 'b';
  return { direction, timestamp: Number(match[2]), sequence: Number(match[3]) };
}

/** Before the first event going forward, or behind the last one going back. */
function firstPlace(events: readonly StoredEvent[], isFromHead: boolean): Place {
  if (isFromHead) return { direction: 'f', timestamp: -1, sequence: -1 };
  const last = events.at(-1);
  return {
    direction: 'b',
    timestamp: last?.timestamp ?? -1,
    sequence: last === undefined ? -1 : last.sequence + 1,
  };
}

interface EventPage {
  readonly events: readonly StoredEvent[];
  readonly first: string;
  readonly last: string;
}

function takePage(events: readonly StoredEvent[], place: Place, pageSize: number): EventPage {
  const isAfter = (event: StoredEvent): boolean =>
    event.timestamp > place.timestamp ||
    (event.timestamp === place.timestamp && event.sequence > place.sequence);
  const isAtOrAfter = (event: StoredEvent): boolean =>
    isAfter(event) || (event.timestamp === place.timestamp && event.sequence === place.sequence);
  const found =
    place.direction === 'f'
      ? events.slice(indexOrEnd(events, isAfter))
      : events.slice(0, indexOrEnd(events, isAtOrAfter)).reverse();
  const taken = withinPageBytes(found.slice(0, pageSize));
  if (place.direction === 'b') taken.reverse();
  const [first] = taken;
  const last = taken.at(-1);
  const here = `${String(place.timestamp)}:${String(place.sequence)}`;
  return {
    events: taken,
    first: first ? `${String(first.timestamp)}:${String(first.sequence)}` : here,
    last: last ? `${String(last.timestamp)}:${String(last.sequence)}` : here,
  };
}

function indexOrEnd(
  events: readonly StoredEvent[],
  matches: (event: StoredEvent) => boolean,
): number {
  const at = events.findIndex(matches);
  return at < 0 ? events.length : at;
}

/** As many events as fit into one answer, and at least one. */
export function withinPageBytes<Event extends { readonly message: string }>(
  events: readonly Event[],
): Event[] {
  let bytes = 0;
  const end = events.findIndex(({ message }, index) => {
    bytes += Buffer.byteLength(message, 'utf8');
    return index > 0 && bytes > LOGS.eventsPageBytesMax;
  });
  return end < 0 ? [...events] : events.slice(0, end);
}

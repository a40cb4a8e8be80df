// FilterLogEvents: many streams of one group, merged in order of time.
import { requireLogsAccess } from './authorize';
import { AwsError } from './aws-error';
import type { LogsCall } from './cloudwatch-logs';
import { parseFilterPattern } from './filter-pattern';
import { withinPageBytes } from './get-log-events';
import { LOGS } from './limits';
import { groupAccess } from './log-access';
import type { LogGroup } from './log-store';
import { decodeToken, encodeToken } from './page-token';

interface FoundEvent {
  readonly streamName: string;
  readonly timestamp: number;
  readonly message: string;
  readonly ingestedAtMs: number;
  readonly sequence: number;
}

type Place = Omit<FoundEvent, 'message'>;

export async function filterLogEvents(call: LogsCall): Promise<object> {
  const { input, caller, state } = call;
  const groupName = input.groupNameOrIdentifier();
  const names = input.texts('logStreamNames');
  const prefix = input.text('logStreamNamePrefix');
  const pattern = input.text('filterPattern') ?? '';
  const startMs = input.number('startTime') ?? 0;
  const endMs = input.number('endTime') ?? Infinity;
  const pageSize = input.pageSize(LOGS.eventsPageMax, LOGS.eventsPageMax);
  requireFilters(call, names, prefix, pattern);
  const after = readToken(input.text('nextToken'));
  const matches = parseFilterPattern(pattern);
  await call.gate({ logGroup: groupName });
  requireLogsAccess(caller.principal, groupAccess(caller, 'logs:FilterLogEvents', groupName));
  const group = state.logs.requireGroup(call.place, groupName);
  for (const name of names ?? []) state.logs.requireStream(group, name);
  const found = collectEvents(group, names, prefix)
    .filter(
      ({ timestamp, message }) => timestamp >= startMs && timestamp <= endMs && matches(message),
    )
    .filter((event) => after === undefined || compareEvents(event, after) > 0)
    .sort(compareEvents);
  const page = withinPageBytes(found.slice(0, pageSize));
  const last = page.at(-1);
  return {
    events: page.map(describeEvent),
    searchedLogStreams: [],
    ...(last && page.length < found.length ? { nextToken: writeToken(last) } : {}),
  };
}

function requireFilters(
  { input }: LogsCall,
  names: readonly string[] | undefined,
  prefix: string | undefined,
  pattern: string,
): void {
  const count = names?.length ?? 1;
  const isCountRight = count >= 1 && count <= LOGS.filterStreamNamesMax;
  const rule = `have length between 1 and ${String(LOGS.filterStreamNamesMax)}`;
  input.constraints.require(isCountRight, String(count), 'logStreamNames', rule);
  for (const name of names ?? []) input.requireStreamName('logStreamNames', name);
  if (prefix !== undefined) input.requireStreamName('logStreamNamePrefix', prefix);
  input.constraints.requireLength(pattern, 'filterPattern', 0, LOGS.filterPatternLengthMax);
  input.throwIfInvalid();
  if (names !== undefined && prefix !== undefined) {
    throw new AwsError(
      'InvalidParameterException',
      'logStreamNames and logStreamNamePrefix cannot be given together.',
    );
  }
}

function collectEvents(
  group: LogGroup,
  names: readonly string[] | undefined,
  prefix: string | undefined,
): FoundEvent[] {
  return [...group.streams.values()]
    .filter(({ name }) => names?.includes(name) ?? name.startsWith(prefix ?? ''))
    .flatMap((stream) => stream.events().map((event) => ({ ...event, streamName: stream.name })));
}

function compareEvents(a: Place, b: Place): number {
  return (
    a.timestamp - b.timestamp ||
    a.ingestedAtMs - b.ingestedAtMs ||
    (a.streamName < b.streamName ? -1 : a.streamName > b.streamName ? 1 : 0) ||
    a.sequence - b.sequence
  );
}

function describeEvent(event: FoundEvent): object {
  return {
    logStreamName: event.streamName,
    timestamp: event.timestamp,
    message: event.message,
    ingestionTime: event.ingestedAtMs,
    eventId: `${String(event.timestamp).padStart(16, '3')}${String(event.ingestedAtMs).padStart(16, '0')}${String(event.sequence).padStart(24, '0')}`,
  };
}

function writeToken(event: Place): string {
  const { timestamp, ingestedAtMs, sequence, streamName } = event;
  return encodeToken(JSON.stringify([timestamp, ingestedAtMs, sequence, streamName]));
}

function readToken(token: string | undefined): Place | undefined {
  if (token === undefined) return undefined;
  const match = /^\[(\d+),(\d+),(\d+),"(.*)"\]$/su.exec(decodeToken(token));
  const [, timestamp, ingestedAtMs, sequence, name] = match ?? [];
  if (name === undefined) {
    throw new AwsError('InvalidParameterException', 'The specified nextToken is invalid.');
  }
  return {
    timestamp: Number(timestamp),
    ingestedAtMs: Number(ingestedAtMs),
    sequence: Number(sequence),
    streamName: String(JSON.parse(`"${name}"`)),
  };
}

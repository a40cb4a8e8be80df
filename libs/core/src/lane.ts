import { CLOUDWATCH, S3 } from './limits';
import type { CloudWatchDestination, Destination, S3Destination, Sink } from './destination';
import { LaneMemory } from './lane-memory';
import type { LogEvent } from './log-event';
import { fnv1a, logGroupName, logStreamName } from './naming';
import { laneKeys, type Compression, type KeyTime } from './object-key';
import { presets } from './preset';
import { parseTemplate, renderTemplate, type Template } from './template';
import { assert } from './assert';

/** What a batch is written to. */
export type Target = { sink: 'cloudwatch'; logGroup: string; logStream: string } | S3Target;

/** Everything that shapes an object's key and bytes, so that a retry after a change of the destination puts the same again. */
export interface S3Target {
  sink: 's3';
  bucket: string;
  /** The key, filled in as far as all batches of the lane have it in common. */
  key: string;
  keyTime: KeyTime;
  compression: Compression;
}

/** What one batch of a lane may hold. */
export interface BatchLimits {
  /** As the sink counts: message bytes plus 26 each for CloudWatch, the text's bytes for S3. */
  bytesMax: number;
  logEventsMax: number;
  spanMsMax: number;
  /** One log event may take this much, even if that is more than a batch should hold: then it is a batch by itself. */
  logEventBytesMax: number;
}

/** One place where log events pile up: a destination's log group and stream, or the keys of its objects but for time and batch. */
export interface Lane {
  /** Unique over all tenants. */
  id: string;
  tenantId: string;
  destinationId: string;
  target: Target;
  limits: BatchLimits;
  lingerMs: number;
  /** Whether a batch is delivered only when all before it were, instead of side by side with them. */
  strictOrder: boolean;
  /** Whether the whole log event is delivered as JSON, or its message alone. */
  format: 'message' | 'event';
  /** What becomes of a log event that is larger than `logEventBytesMax`. */
  oversize: Destination['oversize'];
  /** How long the id of a log event makes another one of that id a duplicate; 0 for not at all. */
  deduplicateForMs: number;
}

const cloudWatchLimits: Omit<BatchLimits, 'logEventsMax'> = {
  bytesMax: CLOUDWATCH.batchBytesMax,
  spanMsMax: CLOUDWATCH.batchSpanMsMax,
  logEventBytesMax: CLOUDWATCH.batchBytesMax,
};

/** Bounds the work of one object where log events are tiny; bytes fill it long before in ordinary traffic. */
const S3_LOG_EVENTS_MAX = 8_000_000;

/** Which destination's ledger, lock and shard something belongs to. Destination ids are unique only within their tenant. */
export function destinationKey(tenantId: string, destinationId: string): string {
  return `${tenantId}/${destinationId}`;
}

/** All lanes of a destination lie in one shard, so that its counters move in one place. */
export function shardOf(tenantId: string, destinationId: string, shards: number): number {
  return shards === 1 ? 0 : fnv1a(destinationKey(tenantId, destinationId)) % shards;
}

/** Finds the lane of each log event of one destination. Lanes are built once and then found by name. */
export type LaneFinder = (event: LogEvent) => Lane;

/** @param memory where lanes are remembered; one for all finders of a process */
export function laneFinder(
  tenantId: string,
  destination: Destination,
  memory = new LaneMemory(),
): LaneFinder {
  const names = targetNames(tenantId, destination);
  const prefix = memory.newPrefix();
  // Log events come in runs of one lane; comparing two names is ten times cheaper than building the key of a map (measured).
  let last: { place: string; rest: string; lane: Lane } | undefined;
  return (event) => {
    const place = names.place(event);
    const rest = names.rest(event);
    if (last !== undefined && last.place === place && last.rest === rest) return last.lane;
    const key = `${prefix}${place}\n${rest}`;
    let lane = memory.find(key);
    if (lane === undefined) {
      lane = buildLane(tenantId, destination, place, rest);
      memory.keep(key, lane);
    }
    last = { place, rest, lane };
    return lane;
  };
}

/** The two halves of a target's name, as the templates render them: group and stream, or bucket and key. */
interface TargetNames {
  place(event: LogEvent): string;
  rest(event: LogEvent): string;
}

function targetNames(tenantId: string, destination: Destination): TargetNames {
  if (destination.type === 's3') {
    const logType = (type: string) => logTypeText(destination, type);
    return { place: () => destination.s3.bucket, rest: keyFinder(tenantId, destination, logType) };
  }
  const { logStream } = destination.cloudwatch;
  const preset = presetOf(destination);
  const groups = memoize((type: string) => {
    const { prefix, text } = logGroupText(destination, type);
    return compile(prefix, text);
  });
  const streams = memoize((type: string) =>
    compile('', logStream ?? preset?.logStream?.(type) ?? type),
  );
  return {
    place: (event) => renderTemplate(groups(event.type), tenantId, event),
    rest: (event) => renderTemplate(streams(event.type), tenantId, event),
  };
}

/** What the names of a destination's log groups are made from: a prefix as it is, and a template behind it. */
export function logGroupText(
  destination: CloudWatchDestination,
  type: string,
): { prefix: string; text: string } {
  const { logGroup, logGroupPrefix } = destination.cloudwatch;
  return {
    prefix: logGroupPrefix,
    text: logGroup ?? presetOf(destination)?.logGroup?.(type) ?? type,
  };
}

/** What a type of log is called where it names a key. */
export function logTypeText(destination: Destination, type: string): string {
  return presetOf(destination)?.logType(type) ?? type;
}

function presetOf({ preset }: Destination) {
  return preset === undefined ? undefined : presets[preset];
}

function keyFinder(
  tenant: string,
  { id: destination, s3 }: S3Destination,
  logTypeOf: (type: string) => string,
): (event: LogEvent) => string {
  const keys = laneKeys(s3);
  const { hasScope, periodMs } = keys;
  // Log events come in runs of one type and of about one time.
  let last: { type: string; scope: string | undefined; period: number; key: string } | undefined;
  return (event) => {
    const { type, timeMs } = event;
    const scope = hasScope ? event.scope : undefined;
    const period = periodMs === undefined ? 0 : Math.floor(timeMs / periodMs);
    if (
      last === undefined ||
      last.period !== period ||
      last.type !== type ||
      last.scope !== scope
    ) {
      const facts = { tenant, destination, type, logType: logTypeOf(type), scope };
      last = { type, scope, period, key: keys.render(facts, timeMs) };
    }
    return last.key;
  };
}

function buildLane(tenantId: string, destination: Destination, place: string, rest: string): Lane {
  const lane = (target: Target, first: string, second: string) => ({
    id: `${destinationKey(tenantId, destination.id)}/${first}\n${second}`,
    tenantId,
    destinationId: destination.id,
    target,
    oversize: destination.oversize,
    deduplicateForMs: destination.deduplicateForMs,
  });
  if (destination.type === 's3') {
    const { keyTime, compression } = destination.s3;
    return {
      ...lane({ sink: 's3', bucket: place, key: rest, keyTime, compression }, place, rest),
      limits: {
        bytesMax: destination.s3.objectBytesMax,
        logEventsMax: S3_LOG_EVENTS_MAX,
        spanMsMax: Number.MAX_SAFE_INTEGER,
        logEventBytesMax: S3.logEventBytesMax,
      },
      lingerMs: destination.s3.lingerMs,
      strictOrder: false, // an object's place is in its name
      format: 'event',
    };
  }
  const [logGroup, logStream] = [logGroupName(place), logStreamName(rest)];
  return {
    ...lane({ sink: 'cloudwatch', logGroup, logStream }, logGroup, logStream),
    limits: { ...cloudWatchLimits, logEventsMax: destination.cloudwatch.batchLogEventsMax },
    lingerMs: destination.cloudwatch.lingerMs,
    strictOrder: destination.cloudwatch.order === 'strict',
    format: destination.format,
  };
}

export function sinkOf(lane: Pick<Lane, 'target'>): Sink {
  return lane.target.sink;
}

function compile(prefix: string, text: string): Template {
  const template = parseTemplate(text);
  assert(!('problem' in template), `a stored destination's template is valid: ${text}`);
  return prefix === '' ? template : [prefix, ...template];
}

/** Types are few in honest traffic; the bound is against a sender that invents a new one for every log event. */
function memoize<V>(build: (key: string) => V, most = 1_000): (key: string) => V {
  const known = new Map<string, V>();
  return (key) => {
    let value = known.get(key);
    if (value === undefined) {
      if (known.size >= most) known.clear();
      value = build(key);
      known.set(key, value);
    }
    return value;
  };
}

import { CLOUDWATCH, S3 } from './limits';
import type { Destination, Sink } from './destination';
import type { LogEvent } from './log-event';
import { fnv1a, logGroupName, logStreamName, s3Prefix } from './naming';
import { presets } from './preset';
import { parseTemplate, renderTemplate, type Template } from './template';
import { assert } from './assert';

/** What a batch is written to. */
export type Target =
  | { sink: 'cloudwatch'; logGroup: string; logStream: string }
  | { sink: 's3'; bucket: string; prefix: string };

/** What one batch of a lane may hold. */
export interface BatchLimits {
  /** As the sink counts: message bytes plus 26 each for CloudWatch, the text's bytes for S3. */
  bytesMax: number;
  logEventsMax: number;
  spanMsMax: number;
  /** One log event may take this much, even if that is more than a batch should hold: then it is a batch by itself. */
  logEventBytesMax: number;
}

/** One place where log events pile up: a destination's log group and stream, or its S3 prefix. */
export interface Lane {
  /** Unique over all tenants. */
  id: string;
  tenantId: string;
  destinationId: string;
  target: Target;
  limits: BatchLimits;
  lingerMs: number;
  /** Whether the whole log event is delivered as JSON, or its message alone. */
  format: 'message' | 'event';
}

const cloudWatchLimits: BatchLimits = {
  bytesMax: CLOUDWATCH.batchBytesMax,
  logEventsMax: CLOUDWATCH.batchLogEventsMax,
  spanMsMax: CLOUDWATCH.batchSpanMsMax,
  logEventBytesMax: CLOUDWATCH.batchBytesMax,
};

/** Bounds the work of one object where log events are tiny; bytes fill it long before in ordinary traffic. */
const S3_LOG_EVENTS_MAX = 1_000_000;

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

/**
 * @param lanesMax how many lanes to remember; a platform with a stream per deployment has many, most of them quiet
 */
export function laneFinder(
  tenantId: string,
  destination: Destination,
  lanesMax = 10_000,
): LaneFinder {
  const name = targetNamer(tenantId, destination);
  const lanes = new Map<string, Lane>();
  return (event) => {
    const [place, rest] = name(event);
    const id = `${destinationKey(tenantId, destination.id)}/${place}\n${rest}`;
    let lane = lanes.get(id);
    if (lane === undefined) {
      if (lanes.size >= lanesMax) lanes.clear();
      lane = buildLane(id, tenantId, destination, [place, rest]);
      lanes.set(id, lane);
    }
    return lane;
  };
}

/** The two halves of a target's name: group and stream, or bucket and prefix. */
type TargetName = [place: string, rest: string];

function targetNamer(tenantId: string, destination: Destination): (event: LogEvent) => TargetName {
  const preset = destination.preset === undefined ? undefined : presets[destination.preset];
  if (destination.type === 's3') {
    const { bucket, path } = destination.s3;
    const prefixes = memoize((type: string) => s3Prefix(path, preset?.logType(type) ?? type));
    return (event) => [bucket, prefixes(event.type)];
  }
  const { logGroup, logGroupPrefix, logStream } = destination.cloudwatch;
  const groups = memoize((type: string) => compile(logGroup ?? preset?.logType(type) ?? type));
  const streams = memoize((type: string) => compile(logStream ?? preset?.logStream(type) ?? type));
  return (event) => [
    logGroupName(logGroupPrefix + renderTemplate(groups(event.type), tenantId, event)),
    logStreamName(renderTemplate(streams(event.type), tenantId, event)),
  ];
}

function buildLane(
  id: string,
  tenantId: string,
  destination: Destination,
  [place, rest]: TargetName,
): Lane {
  const shared = { id, tenantId, destinationId: destination.id };
  if (destination.type === 's3') {
    return {
      ...shared,
      target: { sink: 's3', bucket: place, prefix: rest },
      limits: {
        bytesMax: destination.s3.objectBytesMax,
        logEventsMax: S3_LOG_EVENTS_MAX,
        spanMsMax: Number.MAX_SAFE_INTEGER,
        logEventBytesMax: S3.logEventBytesMax,
      },
      lingerMs: destination.s3.lingerMs,
      format: 'event',
    };
  }
  return {
    ...shared,
    target: { sink: 'cloudwatch', logGroup: place, logStream: rest },
    limits: cloudWatchLimits,
    lingerMs: destination.cloudwatch.lingerMs,
    format: destination.format,
  };
}

export function sinkOf(lane: Lane): Sink {
  return lane.target.sink;
}

function compile(text: string): Template {
  const template = parseTemplate(text);
  assert(!('problem' in template), `a stored destination's template is valid: ${text}`);
  return template;
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

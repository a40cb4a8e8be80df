// Valid by default; a test varies the one thing that it is about.
import type { Lane, LogEvent } from '@logferry/core';

export function aLogEvent(over: Partial<LogEvent> = {}): LogEvent {
  const message = over.message ?? 'Apply complete!';
  return {
    type: 'deployment',
    timeMs: Date.UTC(2026, 10, 21, 10, 48),
    message,
    isJson: false,
    json: over.isJson === true ? message : JSON.stringify(message),
    id: undefined,
    level: undefined,
    scope: undefined,
    attributes: undefined,
    ...over,
  };
}

export function aCloudWatchLane(over: Partial<Lane> = {}): Lane {
  return {
    id: 'acme/cw/group\nstream',
    tenantId: 'acme',
    destinationId: 'cw',
    target: { sink: 'cloudwatch', logGroup: 'group', logStream: 'stream' },
    limits: {
      bytesMax: 1_048_576,
      logEventsMax: 10_000,
      spanMsMax: 86_400_000,
      logEventBytesMax: 1_048_576,
    },
    lingerMs: 1_000,
    strictOrder: false,
    format: 'message',
    oversize: 'split',
    deduplicateForMs: 0,
    ...over,
  };
}

export function anS3Lane(over: Partial<Lane> = {}): Lane {
  return {
    id: 'acme/s3/bucket\nkey',
    tenantId: 'acme',
    destinationId: 's3',
    target: {
      sink: 's3',
      bucket: 'acme-logs',
      key: 'env0-deployments/2026/11/21/{HH}:{mm}:{ss}_{chars}.log',
      keyTime: 'event',
      compression: 'none',
    },
    limits: {
      bytesMax: 8_388_608,
      logEventsMax: 1_000_000,
      spanMsMax: Number.MAX_SAFE_INTEGER,
      logEventBytesMax: 8_388_608,
    },
    lingerMs: 1_000,
    strictOrder: false,
    format: 'event',
    oversize: 'split',
    deduplicateForMs: 0,
    ...over,
  };
}

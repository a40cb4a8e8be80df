import { Destination } from './destination';
import { LaneMemory } from './lane-memory';
import { laneFinder, shardOf } from './lane';
import type { LogEvent } from './log-event';

const credentials = { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' };
const base = { id: 'd1', region: 'eu-central-1', credentials };

function aLogEvent(over: Partial<LogEvent> = {}): LogEvent {
  return {
    type: 'deployment',
    timeMs: 1,
    message: 'm',
    isJson: false,
    json: '"m"',
    id: undefined,
    level: undefined,
    scope: undefined,
    attributes: { deploymentId: 'dep-1', organizationId: 'org-1' },
    ...over,
  };
}

const target = (destination: unknown, event: LogEvent) =>
  laneFinder('acme', Destination.parse(destination))(event).target;

test.each([
  ['deployment', 'prod/env0-deployments', 'dep-1'],
  ['audit', 'prod/env0-audits', 'org-1'],
])(
  'the env0 preset names the group and stream of a %s log as documented',
  (type, logGroup, logStream) => {
    const destination = {
      ...base,
      type: 'cloudwatch',
      preset: 'env0',
      cloudwatch: { logGroupPrefix: 'prod/' },
    };
    expect(target(destination, aLogEvent({ type }))).toEqual({
      sink: 'cloudwatch',
      logGroup,
      logStream,
    });
  },
);

test.each([
  ['deployment', 'exports/env0-deployments'],
  ['audit', 'exports/env0-audits'],
])('the env0 preset puts %s logs under the documented prefix', (type, prefix) => {
  const destination = {
    ...base,
    type: 's3',
    preset: 'env0',
    s3: { bucket: 'acme-logs', path: '/exports/' },
  };
  expect(target(destination, aLogEvent({ type, timeMs: Date.UTC(2026, 10, 21) }))).toEqual({
    sink: 's3',
    bucket: 'acme-logs',
    key: `${prefix}/2026/11/21/{HH}:{mm}:{ss}_{chars}.log`,
    keyTime: 'event',
    compression: 'none',
  });
});

test('names are templates over the facts of the log event, and a missing fact is named unknown', () => {
  const destination = {
    ...base,
    type: 'cloudwatch',
    cloudwatch: { logGroup: '/{tenant}/{type}', logStream: '{attributes.workspaceId}-{level}' },
  };
  expect(target(destination, aLogEvent({ level: 'warn' }))).toEqual({
    sink: 'cloudwatch',
    logGroup: '/acme/deployment',
    logStream: 'unknown-warn',
  });
});

test('an attribute named like a part of every object is just missing', () => {
  const destination = {
    ...base,
    type: 'cloudwatch',
    cloudwatch: { logGroup: 'g', logStream: '{attributes.constructor}' },
  };
  expect(target(destination, aLogEvent())).toMatchObject({ logStream: 'unknown' });
});

test('the same place is the same lane, another place another, and forgetting lanes changes nothing', () => {
  const find = laneFinder(
    'acme',
    Destination.parse({ ...base, type: 'cloudwatch', preset: 'env0' }),
    new LaneMemory(1),
  );
  const one = find(aLogEvent());
  const two = find(aLogEvent({ attributes: { deploymentId: 'dep-2' } }));
  expect(two.id).not.toBe(one.id);
  expect(find(aLogEvent())).toEqual(one);
});

test('however many tenants have however many streams, what is remembered of them is bounded', () => {
  const memory = new LaneMemory(100_000);
  const destination = Destination.parse({ ...base, type: 'cloudwatch', preset: 'env0' });
  const sizes: number[] = [];
  for (let tenant = 0; tenant < 100; tenant++) {
    const find = laneFinder(`tenant-${tenant}`, destination, memory);
    for (const deploymentId of ['a', 'b', 'a', 'x'.repeat(1_000)])
      expect(find(aLogEvent({ attributes: { deploymentId } })).tenantId).toBe(`tenant-${tenant}`);
    sizes.push(memory.size);
  }
  expect(Math.max(...sizes)).toBeLessThan(100);
  expect(sizes.slice(0, 3)).toEqual([3, 6, 9]);
});

test('shards spread destinations, and one shard takes all', () => {
  const shards = new Set(Array.from({ length: 100 }, (_, i) => shardOf('t', `d${i}`, 4)));
  expect([...shards].sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  expect(shardOf('t', 'd', 1)).toBe(0);
});

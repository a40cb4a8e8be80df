import fc from 'fast-check';
import { CloudWatchDestination, Destination, S3Destination } from './destination';
import { laneFinder } from './lane';
import type { LogEvent } from './log-event';
import { keyPrefixes, logGroupPatterns } from './name-pattern';
import { logGroupProblem } from './naming';
import { objectKey } from './object-key';

const base = {
  id: 'logs',
  region: 'eu-central-1',
  credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
};

const aGroup = (cloudwatch: object, over: object = {}) =>
  CloudWatchDestination.parse({
    ...base,
    type: 'cloudwatch',
    cloudwatch: { logStream: 's', ...cloudwatch },
    ...over,
  });

const aBucket = (s3: object = {}, over: object = {}) =>
  S3Destination.parse({ ...base, type: 's3', s3: { bucket: 'acme-logs', ...s3 }, ...over });

test.each<[object, object, readonly string[] | undefined, string[]]>([
  [{ logGroup: 'app' }, {}, undefined, ['app']],
  [{ logGroup: 'app', logGroupPrefix: 'prod/' }, {}, undefined, ['prod/app']],
  [{ logGroup: '{tenant}/{type}' }, {}, undefined, ['acme/*']],
  [{ logGroup: '{tenant}/{type}' }, {}, ['audit', 'task'], ['acme/audit', 'acme/task']],
  [{ logGroup: '{attributes.cluster}-{level}/x' }, {}, ['audit'], ['*-*/x']],
  [{ logGroupPrefix: 'prod/' }, { preset: 'env0' }, undefined, ['prod/env0-*']],
  [{}, { preset: 'env0' }, ['audit', 'deployment'], ['env0-audits', 'env0-deployments']],
  [{ logGroup: 'x', logGroupPrefix: 'AWS/' }, {}, undefined, ['_AWS/x']],
  [{ logGroupPrefix: 'p/' }, { preset: 'astro' }, ['task'], ['p/astro-task-logs/*/*']],
  [{ logGroup: 'aw{type}' }, {}, undefined, ['aw*', '_aw*']],
])('the groups of %j %j are all that %j can make of it', (cloudwatch, over, types, patterns) => {
  expect(logGroupPatterns('acme', aGroup(cloudwatch, over), types)).toEqual(patterns);
});

test.each<[object, object, readonly string[] | undefined, string[]]>([
  [{}, {}, undefined, ['']],
  [{}, {}, ['audit', 'task'], ['audit/', 'task/']],
  [{ path: '/logs//' }, {}, undefined, ['logs/']],
  [{ path: 'logs' }, { preset: 'env0' }, undefined, ['logs/env0-']],
  [{}, { preset: 'env0' }, ['audit'], ['env0-audits/']],
  [{ path: 'env0-audits' }, { preset: 'env0' }, undefined, ['env0-audits/']],
  [{ path: 'env0-audits' }, { preset: 'env0' }, ['audit'], ['env0-audits/']],
  [{ key: '{tenant}/{destination}/{yyyy}/{batch}' }, {}, undefined, ['acme/logs/']],
  [{ key: 'a*b/{type}/{batch}', path: 'p' }, {}, ['audit'], ['p/a*b/audit/']],
  [{ key: '{scope}/{batch}', path: 'p' }, {}, ['audit'], ['p/']],
])('the keys of %j %j begin as %j can make them', (s3, over, types, prefixes) => {
  expect(keyPrefixes('acme', aBucket(s3, over), types)).toEqual(prefixes);
});

const slug = fc.stringMatching(/^[a-z][a-z0-9_-]{0,10}$/);
const fact = fc.option(fc.string({ maxLength: 12, unit: 'grapheme' }), { nil: undefined });
const anEvent: fc.Arbitrary<LogEvent> = fc.record({
  type: fc.oneof(slug, fc.constantFrom('audit', 'deployment')),
  timeMs: fc.integer({ min: 1e12, max: 2e12 }),
  message: fc.constant('x'),
  isJson: fc.constant(false),
  json: fc.constant('"x"'),
  id: fc.constant(undefined),
  level: fact,
  scope: fact,
  attributes: fc.oneof(fc.constant(undefined), fc.record({ a: fc.string({ maxLength: 12 }) })),
});

const isCovered = (name: string, patterns: readonly string[]): boolean =>
  patterns.some((pattern) => {
    const text = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${text.join('[^]*')}$`).test(name);
  });

const pieces = (holes: readonly string[]) =>
  fc
    .array(fc.oneof(fc.constantFrom(...holes), fc.stringMatching(/^[a-zA-Z/_-]{1,6}$/)), {
      minLength: 1,
      maxLength: 6,
    })
    .map((all) => all.join(''));

test('whatever a log event says, its group is one of those that the patterns cover', () => {
  const holes = ['{tenant}', '{type}', '{scope}', '{level}', '{attributes.a}'];
  const savedGroup = pieces(holes).filter((text) => logGroupProblem(text) === undefined);
  const preset = fc.constantFrom(undefined, 'env0');
  const prefix = fc.constantFrom('', 'prod/', 'a', 'aws', 'AWS/');
  fc.assert(
    fc.property(
      fc.oneof(savedGroup, fc.constant(undefined)),
      prefix,
      preset,
      anEvent,
      (logGroup, logGroupPrefix, withPreset, event) => {
        const destination = aGroup(
          { ...(logGroup === undefined ? {} : { logGroup }), logGroupPrefix },
          { preset: logGroup === undefined ? 'env0' : withPreset },
        );
        const { target } = laneFinder('acme', destination)(event);
        const name = target.sink === 'cloudwatch' ? target.logGroup : '';
        for (const types of [undefined, [event.type, 'other']])
          expect(isCovered(name, logGroupPatterns('acme', destination, types))).toBe(true);
      },
    ),
  );
});

test('whatever a log event says, its key begins as one of the prefixes', () => {
  const holes = ['{tenant}', '{destination}', '{type}', '{logType}', '{scope}', '{yyyy}', '{HH}'];
  const key = pieces(holes).map((text) => `${text}/{batch}`);
  fc.assert(
    fc.property(
      fc.oneof(key, fc.constant(undefined)),
      fc.constantFrom('', 'logs', 'env0-audits', '/a//b/'),
      fc.constantFrom('event', 'delivery'),
      anEvent,
      (template, path, keyTime, event) => {
        const destination = Destination.safeParse({
          ...base,
          type: 's3',
          preset: 'env0',
          s3: { bucket: 'acme-logs', path, keyTime, key: template },
        });
        fc.pre(destination.success && destination.data.type === 's3');
        const { target } = laneFinder('acme', destination.data)(event);
        const made = objectKey(target.sink === 's3' ? target.key : '', event.timeMs, 'b-1', 0);
        for (const types of [undefined, [event.type, 'other']]) {
          const prefixes = keyPrefixes('acme', destination.data, types);
          expect(prefixes.some((prefix) => made.startsWith(prefix))).toBe(true);
        }
      },
    ),
  );
});

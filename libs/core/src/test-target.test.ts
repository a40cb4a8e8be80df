import { Destination } from './destination';
import { keyPrefixes, logGroupPatterns } from './name-pattern';
import { testTarget } from './test-target';

const base = {
  id: 'logs',
  region: 'eu-central-1',
  credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
};
const timeMs = Date.UTC(2026, 10, 21, 10, 48);
const target = (over: object) =>
  testTarget('acme', Destination.parse({ ...base, ...over }), timeMs);

test.each<[object, object]>([
  [
    { type: 'cloudwatch', preset: 'env0' },
    { logGroup: 'env0-deployments', logStream: 'logferry-test' },
  ],
  [
    { type: 'cloudwatch', preset: 'env0', filter: { types: ['audit'] } },
    { logGroup: 'env0-audits', logStream: 'logferry-test' },
  ],
  [
    { type: 'cloudwatch', cloudwatch: { logGroup: 'app', logStream: 'all' } },
    { logGroup: 'app', logStream: 'all' },
  ],
  [
    {
      type: 'cloudwatch',
      cloudwatch: { logGroup: '{attributes.a}/{scope}', logStream: '{level}' },
    },
    { logGroup: 'logferry-test/logferry-test', logStream: 'logferry-test' },
  ],
  [
    { type: 's3', preset: 'env0', s3: { bucket: 'acme-logs', path: 'logs' } },
    { key: 'logs/env0-deployments/2026/11/21/{HH}:{mm}:{ss}_{chars}-logferry-test.log' },
  ],
  [
    { type: 's3', s3: { bucket: 'acme-logs', key: 'a-{batch}.{chars}' } },
    { key: 'a-{batch}-logferry-test.{chars}' },
  ],
])('%j is tested at %j', (over, expected) => {
  expect(target(over)).toMatchObject(expected);
});

test('what is tested lies within what the policy allows', () => {
  const logs = Destination.parse({ ...base, type: 'cloudwatch', preset: 'astro' });
  const objects = Destination.parse({
    ...base,
    type: 's3',
    s3: { bucket: 'acme-logs', key: '{tenant}/x{batch}' },
  });
  const [inLogs, inObjects] = [logs, objects].map((one) => testTarget('acme', one, timeMs));
  const [pattern = ''] =
    logs.type === 'cloudwatch' ? logGroupPatterns('acme', logs, undefined) : [];
  expect(inLogs?.sink === 'cloudwatch' && inLogs.logGroup).toMatch(
    new RegExp(`^${pattern.replaceAll('*', '.*')}$`),
  );
  const [prefix = '?'] = objects.type === 's3' ? keyPrefixes('acme', objects, undefined) : [];
  expect(inObjects?.sink === 's3' && inObjects.key.startsWith(prefix)).toBe(true);
});

// One row for each name that a platform documents, and each slip in its pages that a name depends on.
import { Destination } from './destination';
import { laneFinder } from './lane';
import type { LogEvent } from './log-event';
import { objectKey } from './object-key';

const credentials = { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' };
const base = { id: 'd1', region: 'eu-central-1', credentials };
const timeMs = Date.UTC(2026, 10, 21, 10, 48, 7);

const attributes = {
  deploymentId: 'dep-1',
  organizationId: 'org-1',
  workspaceId: 'ws-1',
  clusterId: 'cluster-1',
};

const anEvent = (type: string): LogEvent => ({
  type,
  timeMs,
  message: 'm',
  isJson: false,
  json: '"m"',
  id: undefined,
  level: undefined,
  scope: undefined,
  attributes,
});

const named = { logGroup: 'auth0', logStream: 'tenant-logs' };

test.each<[preset: string, cloudwatch: object, type: string, logGroup: string, logStream: string]>([
  ['env0', {}, 'deployment', 'env0-deployments', 'dep-1'],
  ['env0', {}, 'audit', 'env0-audits', 'org-1'],
  ['env0', {}, 'other', 'env0-other', 'dep-1'],
  // The prefix is joined as it is given: nothing is put between.
  ['env0', { logGroupPrefix: 'prod/' }, 'deployment', 'prod/env0-deployments', 'dep-1'],
  ['env0', { logGroupPrefix: 'prod' }, 'audit', 'prodenv0-audits', 'org-1'],
  ['env0', { logGroup: 'mine', logStream: '{type}' }, 'audit', 'mine', 'audit'],
  // A group for each Workspace and cluster, a stream for each Deployment; both can be named.
  ['astro', {}, 'task', 'astro-task-logs/ws-1/cluster-1', 'dep-1'],
  ['astro', { logGroup: 'mine' }, 'task', 'mine', 'dep-1'],
  ['astro', { logStream: 'mine' }, 'task', 'astro-task-logs/ws-1/cluster-1', 'mine'],
  ['auth0', named, 'tenant', 'auth0', 'tenant-logs'],
])('the preset %s with %j writes %s logs to %s, %s', (preset, cloudwatch, type, ...names) => {
  const destination = Destination.parse({ ...base, type: 'cloudwatch', preset, cloudwatch });
  const { target } = laneFinder('acme', destination)(anEvent(type));
  expect(target).toEqual({ sink: 'cloudwatch', logGroup: names[0], logStream: names[1] });
});

test.each<[preset: string, path: string, type: string, key: RegExp]>([
  // Never doubled: the path that env zero names as its default is the log type itself.
  ['env0', '', 'deployment', /^env0-deployments\/2026\/11\/21\/10:48:07_[a-z0-9]{5}\.log$/],
  ['env0', '', 'audit', /^env0-audits\/2026\/11\/21\/10:48:07_[a-z0-9]{5}\.log$/],
  ['env0', 'env0-audits', 'audit', /^env0-audits\/2026\/11\/21\/10:48:07_[a-z0-9]{5}\.log$/],
  ['env0', '/logs/', 'audit', /^logs\/env0-audits\/2026\/11\/21\/10:48:07_[a-z0-9]{5}\.log$/],
  [
    'env0',
    'a/b',
    'deployment',
    /^a\/b\/env0-deployments\/2026\/11\/21\/10:48:07_[a-z0-9]{5}\.log$/,
  ],
  ['astro', '', 'task', /^task\/2026\/11\/21\/10:48:07_[a-z0-9]{5}\.log$/],
  ['auth0', 'auth0', 'tenant', /^auth0\/tenant\/2026\/11\/21\/10:48:07_[a-z0-9]{5}\.log$/],
])('the preset %s with the path %j puts %s logs at %s', (preset, path, type, key) => {
  const s3 = { bucket: 'acme-logs', path };
  const destination = Destination.parse({ ...base, type: 's3', preset, s3 });
  const { target } = laneFinder('acme', destination)(anEvent(type));
  expect(target.sink === 's3' && objectKey(target.key, timeMs, 'batch-1', 0)).toMatch(key);
});

test('Auth0 writes to a group and a stream that have to be named', () => {
  const { error } = Destination.safeParse({ ...base, type: 'cloudwatch', preset: 'auth0' });
  expect(error?.issues.map(({ path }) => path.join('.'))).toEqual([
    'cloudwatch.logGroup',
    'cloudwatch.logStream',
  ]);
});

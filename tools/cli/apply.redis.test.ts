// A file and what is there: what apply writes, what it refuses to write, and that export is the way back.
import { useConsoleTestbed } from '../../apps/console/src/console.testbed';
import { ConfigStore } from '@logferry/store';
import { CliTestbed } from './cli.testbed';

jest.setTimeout(60_000); // each command is a process of its own

const bed = useConsoleTestbed();
const cli = new CliTestbed(bed);
beforeEach(() => cli.letIn());
afterAll(() => cli.remove());

const FILE = `tenants:
  - id: acme
    name: Acme
    destinations:
      - id: logs
        type: cloudwatch
        preset: env0
        region: eu-central-1
        credentials:
          kind: web_identity
          roleArn: arn:aws:iam::123456789012:role/logferry
      - id: archive
        type: s3
        region: eu-central-1
        credentials:
          kind: web_identity
          roleArn: arn:aws:iam::123456789012:role/logferry
        s3:
          bucket: acme-logs
    keys:
      - name: acme-ci
keys:
  - name: platform
    scopes: [ send, read ]
`;

const apply = (text: string, ...args: string[]) =>
  cli.run(['apply', '-f', '-', ...args], { input: text });
const without = (text: string, part: string): string => {
  expect(text).toContain(part);
  return text.replace(part, '');
};
const get = async (path: string) =>
  (await bed.json<Record<string, unknown> & { version: number }>(path)).body;
const LOGS = '/v1/tenants/acme/destinations/logs';
const KEY = /lf_[0-9a-f]{12}_[\w-]{43}/g;

test('a file is shown as what it changes, applied, and then there is nothing to change', async () => {
  const dry = await apply(FILE, '--dry-run');
  expect(dry).toMatchObject({ code: 2, told: '' });
  expect(dry.out).toContain('+ destination acme/logs\n    type: cloudwatch\n');
  expect(dry.out).toContain('\n5 to make, 0 to change, 0 to delete.\n');
  expect((await bed.call('/v1/tenants/acme')).status).toBe(404);

  const first = await apply(FILE, '--yes');
  expect(first).toMatchObject({ code: 0, told: '' });
  expect(first.out).toContain('5 of 5 written.\n');
  expect(first.out.match(KEY)).toHaveLength(2);
  expect(await get(LOGS)).toMatchObject({ preset: 'env0', enabled: true });

  const trail = (await get('/v1/audit')).after;
  expect(await apply(FILE, '--yes')).toEqual({ code: 0, out: 'Nothing to change.\n', told: '' });
  expect(await apply(FILE, '--dry-run')).toMatchObject({ code: 0 });
  expect((await get('/v1/audit')).after).toBe(trail);
});

test('what was exported is what was applied, and applying it changes nothing', async () => {
  await apply(FILE, '--yes');
  const { code, out } = await cli.run(['export']);
  expect(code).toBe(0);
  expect(out).toContain('      - id: logs\n        type: cloudwatch\n');
  expect(out).not.toMatch(/lingerMs|enabled|version|lf_/);
  expect(await apply(out, '--dry-run', '--prune', '--prune-tenants')).toMatchObject({ code: 0 });
});

test('what a list does not name any more is deleted when that is said, and not before', async () => {
  await apply(FILE, '--yes');
  const less = without(
    without(FILE, FILE.slice(FILE.indexOf('      - id: archive'), FILE.indexOf('    keys:'))),
    '      - name: acme-ci\n',
  ).replace('    keys:\n', '    keys: []\n');
  expect(await apply(less, '--dry-run')).toMatchObject({ code: 0 });
  const { code, out } = await apply(less, '--yes', '--prune');
  expect(code).toBe(0);
  expect(out).toContain('- destination acme/archive\n');
  expect(out).toMatch(/- key acme\/acme-ci\n {4}id: [0-9a-f]{12} → \(none\)\n/);
  expect(out).toContain('\n0 to make, 0 to change, 2 to delete.\n');
  expect((await bed.call('/v1/tenants/acme/destinations/archive')).status).toBe(404);
  // The key that asked is not in the file either, and a list that the file does not have says nothing.
  const nothing = without(less, less.slice(less.indexOf('\nkeys:')));
  expect(await apply(`${nothing}\n`, '--dry-run', '--prune')).toMatchObject({ code: 0 });
  expect(await apply('keys: []\n', '--dry-run', '--prune')).toMatchObject({ code: 2 });
  const all = await apply('tenants: []\n', '--yes', '--prune-tenants');
  expect(all.out).toContain('tenant acme, with its destinations and keys: deleted\n');
  expect((await bed.call('/v1/tenants/acme')).status).toBe(404);
  const unasked = await apply(FILE, '--yes');
  expect(unasked.code).toBe(1);
  expect(unasked.told).toMatch(/tenant acme: a tenant of this id was deleted.*--again/);
  expect(await apply(FILE, '--yes', '--again')).toMatchObject({ code: 0 });
});

test('of what is wrong with a file, all is told at once with its line, and nothing is written', async () => {
  const wrong = FILE.replace('region: eu-central-1', 'region: frankfurt')
    .replace('name: Acme', 'nmae: Acme')
    .replace('bucket: acme-logs', 'bucket: 12345')
    .replace('- name: acme-ci', '- name: acme-ci\n        scopes: [root]\n      - name: acme-ci');
  const { code, out, told } = await apply(wrong, '--yes');
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(told.split('\n')).toEqual([
    'standard input:3: $.tenants[0].nmae: is not a field that there is',
    'standard input:8: $.tenants[0].destinations[0].region: must be the name of an AWS Region, such as eu-central-1',
    'standard input:19: $.tenants[0].destinations[1].s3.bucket: must be a string: put it in quotes',
    expect.stringMatching(/^standard input:22: \$\.tenants\[0\]\.keys\[0\]\.scopes\[0\]: /),
    'Nothing was written: 4 problems.',
    '',
  ]);
  expect((await bed.call('/v1/tenants/acme')).status).toBe(404);
});

test.each<[string, string, string]>([
  ['no YAML', 'tenants: [', 'standard input:1: $: Flow sequence in block collection'],
  ['a field twice', 'tenants: []\ntenants: []', 'standard input:2: $: Map keys must be unique'],
  [
    'a tenant twice',
    'tenants:\n  - id: a\n  - id: a',
    'standard input:3: $.tenants[1]: a stands there twice',
  ],
  ['another document', '- a', 'standard input:1: $: must be an object'],
])('a file that is %s says where', async (_, text, problem) => {
  const { code, told } = await apply(text, '--yes');
  expect(code).toBe(1);
  expect(told).toContain(problem);
});

test('a change that somebody else made since is not written over, and the others are', async () => {
  await apply(FILE, '--yes');
  const changed = FILE.replace('region: eu-central-1', 'region: eu-west-1').replace(
    'name: Acme',
    'name: ACME',
  );
  const answers = await cli.overtaken(['apply', '-f', '-', '--yes'], changed, async () =>
    bed.call(LOGS, { method: 'PUT', body: { ...(await get(LOGS)), enabled: false } }),
  );
  expect(answers.code).toBe(1);
  expect(answers.told).toContain(
    'destination acme/logs: somebody else has changed it since it was read',
  );
  expect(answers.out).toContain('tenant acme: changed\n');
  expect(answers.out).toContain('1 of 2 written.\n');
  expect(await get(LOGS)).toMatchObject({ region: 'eu-central-1', enabled: false });
});

test('where nobody can be asked, nothing is done without --yes', async () => {
  const { code, told } = await apply(FILE);
  expect(code).toBe(64);
  expect(told).toContain('nobody can be asked here: say --yes');
  expect((await bed.call('/v1/tenants/acme')).status).toBe(404);
});

test('a key keeps its text when its scopes and rate change, and two of one name are told', async () => {
  await apply(FILE, '--yes');
  const changed = FILE.replace(
    '- name: acme-ci',
    '- name: acme-ci\n        scopes: [send, read]\n        logEventsPerSecond: 5',
  );
  const { out } = await apply(changed, '--yes');
  expect(out).toContain(
    '~ key acme/acme-ci\n    scopes: ["send"] → ["read","send"]\n    logEventsPerSecond: 5\n',
  );
  expect(out).not.toMatch(KEY);
  expect(await apply(changed, '--dry-run')).toMatchObject({ code: 0 });
  await cli.mint({ name: 'acme-ci', tenant: 'acme' });
  const two = await apply(changed, '--dry-run');
  expect(two.code).toBe(1);
  expect(two.told).toMatch(/:21: \$\.tenants\[0\]\.keys\[0\]: 2 keys have this name: /);
});

test('for programs, the same is JSON', async () => {
  const dry = await apply(FILE, '--dry-run', '--json');
  expect(JSON.parse(dry.out)).toMatchObject({
    applied: false,
    changes: [
      {
        action: 'create',
        kind: 'tenant',
        name: 'acme',
        fields: [{ field: 'name', after: 'Acme' }],
      },
      { kind: 'destination', tenant: 'acme', name: 'logs' },
      {},
      {},
      {},
    ],
  });
  const done = await apply(FILE, '--yes', '--json');
  const { applied, changes } = JSON.parse(done.out) as {
    applied: boolean;
    changes: { key?: string }[];
  };
  expect(applied).toBe(true);
  expect(changes.filter(({ key }) => key !== undefined)).toHaveLength(2);
  const refused = await apply('tenant: []', '--yes', '--json');
  expect(JSON.parse(refused.out)).toEqual({
    applied: false,
    problems: [{ line: 1, path: '$.tenant', message: 'is not a field that there is' }],
  });
});

test('whether the audit trail is forwarded is exported and applied like any other field of a tenant', async () => {
  await new ConfigStore(bed.redis).putTenant({ id: 'acme', name: 'Acme', forwardAuditTrail: true });
  const { out } = await cli.run(['export']);
  expect(out).toContain('    forwardAuditTrail: true\n');
  expect(await apply(out, '--dry-run')).toMatchObject({ code: 0 });
  const renamed = out.replace('name: Acme', 'name: Acme AG');
  expect((await apply(renamed, '--yes')).out).toContain('1 of 1 written.');
  expect(await get('/v1/tenants/acme')).toMatchObject({ name: 'Acme AG', forwardAuditTrail: true });
  await apply(without(renamed, '    forwardAuditTrail: true\n'), '--yes');
  expect(await get('/v1/tenants/acme')).not.toHaveProperty('forwardAuditTrail');
});

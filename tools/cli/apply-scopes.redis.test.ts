// Variables of a file and those that are there: what apply writes of them, scope by scope, and what it refuses to.
import { aCloudWatchLane } from '@logferry/testing';
import { useConsoleTestbed } from '../../apps/console/src/console.testbed';
import { CliTestbed } from './cli.testbed';

jest.setTimeout(60_000); // each command is a process of its own

const bed = useConsoleTestbed();
const cli = new CliTestbed(bed);
beforeEach(() => cli.letIn());
afterAll(() => cli.remove());

const FILE = `tenants:
  - id: acme
    scopes:
      - scope: ''
        region: eu-central-1
        variables:
          ENV0_CLOUDWATCH_ROLE_ARN: arn:aws:iam::123456789012:role/logferry
          ENV0_CLOUDWATCH_AWS_REGION: eu-central-1
      - scope: project/web
        variables:
          ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: web/
`;
const WEB = FILE.slice(FILE.indexOf('      - scope: project/web'));
const without = (part: string): string => FILE.replace(part, '');

const apply = (text: string, ...args: string[]) =>
  cli.run(['apply', '-f', '-', ...args], { input: text });

interface Variables {
  variables: Record<string, string>;
  region: string | null;
  destinations: { id: string; scope: string }[];
}
const get = async (path: string) => (await bed.json<Variables>(`/v1/tenants/acme/${path}`)).body;
const atWeb = () => get('scopes/project%2Fweb/variables');

test('variables are shown as what they change, applied scope by scope, and then there is nothing to change', async () => {
  const dry = await apply(FILE, '--dry-run');
  expect(dry).toMatchObject({ code: 2, told: '' });
  expect(dry.out).toContain(
    '+ variables acme\n    region: eu-central-1\n    variables.ENV0_CLOUDWATCH_ROLE_ARN: arn:',
  );
  expect(dry.out).toContain(
    '+ variables acme/project/web\n    variables.ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: web/\n',
  );
  const first = await apply(FILE, '--yes');
  expect(first).toMatchObject({ code: 0, told: '' });
  expect(first.out).toContain('3 of 3 written.\n');
  const id = 'vars.env0-cloudwatch.tenant';
  expect(first.out).toContain(
    `variables acme: made\n  they make ${id}: what it needs in AWS says npx logferry policy acme ${id}\n`,
  );
  expect(await atWeb()).toMatchObject({ destinations: [{ scope: 'project/web' }] });
  expect(await apply(FILE, '--yes')).toEqual({ code: 0, out: 'Nothing to change.\n', told: '' });

  const changed = FILE.replace('web/\n', 'www/\n');
  const second = await apply(changed, '--yes');
  expect(second.out).toContain(
    '~ variables acme/project/web\n    variables.ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: web/ → www/\n',
  );
  expect(second.out).toContain('1 of 1 written.\n');
});

test('what was exported is what was applied, and applying it changes nothing', async () => {
  await apply(FILE, '--yes');
  const { code, out } = await cli.run(['export']);
  expect(code).toBe(0);
  for (const line of FILE.split('\n').filter((line) => !line.includes("''")))
    expect(out).toContain(line);
  expect(await apply(out, '--dry-run', '--prune', '--prune-tenants')).toMatchObject({ code: 0 });
});

test('a scope that the list does not name any more is deleted when that is said, and not before', async () => {
  await apply(FILE, '--yes');
  expect(await apply(without(WEB), '--dry-run')).toMatchObject({ code: 0 });
  const noList = 'tenants: [{id: acme}]';
  expect(await apply(noList, '--dry-run', '--prune')).toMatchObject({ code: 0 });
  const { code, out } = await apply('tenants: [{id: acme, scopes: []}]', '--yes', '--prune');
  expect({ code, out }).toMatchObject({
    code: 0,
    out: expect.stringContaining('\n0 to make, 0 to change, 2 to delete.\n') as string,
  });
  expect(out).toContain('variables acme/project/web: deleted\n');
  expect(await get('scopes')).toMatchObject({ scopes: [] });
});

test('variables whose destination something waits for are deleted only if that is said', async () => {
  await apply(FILE, '--yes');
  const [{ id: destinationId = '' } = {}] = (await atWeb()).destinations;
  await bed.send(aCloudWatchLane({ tenantId: 'acme', destinationId }), ['it waits']);
  const kept = await apply(without(WEB), '--yes', '--prune');
  expect(kept.code).toBe(1);
  expect(kept.told).toContain('config.log_events_waiting');
  expect((await apply(without(WEB), '--yes', '--prune', '--force')).code).toBe(0);
  expect(await get('scopes')).toMatchObject({ scopes: [{ scope: '' }] });
});

test('of what is wrong with variables, all is told at once with its line, and nothing is written', async () => {
  const wrong = FILE.replace('role/logferry', 'roll/logferry').replace(
    'LOG_GROUP_NAME_PREFIX',
    'LOG_GROUP_PREFIX',
  );
  const { code, out, told } = await apply(wrong, '--yes');
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(told.split('\n')).toEqual([
    expect.stringMatching(
      /^standard input:7: \$\.tenants\[0\]\.scopes\[0\]\.variables\.ENV0_C\w+: /,
    ),
    expect.stringMatching(
      /^standard input:11: \$\.tenants\[0\]\.scopes\[1\]\.variables\.ENV0_CLOUDWATCH_LOG_GROUP_PREFIX: is no variable that is known; there are .*ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX/,
    ),
    'Nothing was written: 2 problems.',
    '',
  ]);
  expect((await bed.call('/v1/tenants/acme')).status).toBe(404);
});

test('what a scope lacks is no fault, and told when it is written', async () => {
  const { code, out } = await apply(
    without('          ENV0_CLOUDWATCH_AWS_REGION: eu-central-1\n'),
    '--yes',
  );
  expect(code).toBe(0);
  expect(out).toContain(
    'variables acme: made\n  ENV0_CLOUDWATCH_AWS_REGION is missing: it is set neither here nor at a scope above\n',
  );
});

test('variables that somebody else has changed since are not written over', async () => {
  await apply(FILE, '--yes');
  const isOvertaken = await cli.overtaken(
    ['apply', '-f', '-', '--yes'],
    FILE.replace('web/\n', 'www/\n'),
    () =>
      bed.call('/v1/tenants/acme/variables', {
        method: 'PUT',
        body: { variables: { ENV0_S3_LOG_BUCKET_PATH: 'x' } },
      }),
  );
  expect(isOvertaken.code).toBe(1);
  expect(isOvertaken.told).toContain(
    'variables acme/project/web: somebody else has changed it since it was read',
  );
  expect((await atWeb()).variables).toEqual({ ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: 'web/' });
});

// The guide to moving over from Auth0's extension, followed as it stands there.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChannelsTestbed } from '../apps/console/src/channels.testbed';
import { useConsoleTestbed } from '../apps/console/src/console.testbed';
import { CliTestbed, type End } from './cli/cli.testbed';

jest.setTimeout(60_000); // each command is a process of its own

const bed = useConsoleTestbed();
const channels = new ChannelsTestbed(bed);
const cli = new CliTestbed(bed);
const guide = readFileSync(join(__dirname, '..', 'docs', 'guides', 'auth0.md'), 'utf8');

beforeAll(() => channels.start());
beforeEach(async () => {
  await cli.letIn();
  await cli.run(['tenants', 'create', 'acme']);
});
afterAll(async () => {
  await channels.stop();
  cli.remove();
});

const [, settings = ''] = /```json\n([^]*?)```/.exec(guide) ?? [];
const SECRETS = /as-auth0-shows-it|as-slack-shows-it|wJalrXUtnFEMIK7MDENG/;

/** The commands of the guide's blocks, in their order. */
const commands = [...guide.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block = '']) =>
  block
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('npx logferry ')),
);

function file(text = settings): string {
  const at = join(cli.folder, 'settings.json');
  writeFileSync(at, text);
  return at;
}

function follow(command: string, at: string): Promise<End> {
  const [, , ...args] = command.split(' ');
  return cli.run(args.map((arg) => (arg === 'settings.json' ? at : arg)));
}

const stored = async (kind: string, id: string) =>
  JSON.parse((await bed.redis.hget(`{lf}:${kind}:acme`, id)) ?? '{}') as Record<string, unknown>;

test('each of its commands does what it says, and none shows a secret', async () => {
  const at = file();
  expect(commands).toHaveLength(6);
  const ends: End[] = [];
  for (const [i, command] of commands.entries()) {
    if (i === 1) expect(await bed.redis.exists('{lf}:sources:acme')).toBe(0);
    const end = await follow(command, at);
    expect([command, end.code, end.told.includes('fault')]).toEqual([command, 0, false]);
    ends.push(end);
    if (i === 1) expect(await stored('sources', 'auth0')).toMatchObject({ enabled: false });
  }
  expect(await stored('sources', 'auth0')).toMatchObject({
    enabled: true,
    domain: 'acme.eu.auth0.com',
    batchSize: 100,
  });
  expect(await bed.redis.hgetall('{lf}:source:acme:auth0:live:position')).toMatchObject({
    checkpoint: '90020211201185132572079310688835925971249535794074878050',
  });
  expect(await stored('destinations', 'auth0-cloudwatch')).toMatchObject({
    region: 'eu-central-1',
    cloudwatch: { logGroup: '/auth0/acme', logStream: 'logs' },
  });
  expect(await stored('channels', 'auth0-slack')).toMatchObject({ sources: ['auth0'] });
  for (const { out, told } of ends) expect(out + told).not.toMatch(SECRETS);
  const everything = await Promise.all(
    (await bed.redis.keys('{lf}:*')).map((key) => bed.redis.dump(key)),
  );
  expect(everything.join()).not.toMatch(SECRETS);
});

test('what is there is not written over, and a fault in the settings makes nothing', async () => {
  const at = file();
  const make = ['import', 'auth0-extension', at, '--yes'];
  expect((await cli.run(make)).code).toBe(0);
  const again = await cli.run(make);
  expect(again.code).not.toBe(0);
  expect(again.told).toContain('destination auth0-cloudwatch is there already');
  const faulty = file(JSON.stringify({ ...(JSON.parse(settings) as object), LOG_LEVEL: 'loud' }));
  const end = await cli.run(['import', 'auth0-extension', faulty, '--id', 'second', '--yes']);
  expect(end.code).toBe(1);
  expect(end.told).toContain('LOG_LEVEL must be 0 to 4');
  expect(await bed.redis.hkeys('{lf}:destinations:acme')).toEqual(['auth0-cloudwatch']);
  const broken = await cli.run([
    'import',
    'auth0-extension',
    file('{"AWS_SECRET_KEY": "s3cr'),
    '--yes',
  ]);
  expect(broken.code).toBe(64);
  expect(broken.told).not.toContain('s3cr');
});

test('a source is listed, asked to run, and deleted', async () => {
  await cli.run(['import', 'auth0-extension', file(), '--yes']);
  expect((await cli.run(['sources', 'list', 'acme'])).out).toContain('acme.eu.auth0.com');
  expect((await cli.run(['sources', 'run', 'acme', 'auth0'])).out).toMatch(/run \S+ is asked for/);
  const set = await cli.run(['sources', 'checkpoint', 'acme', 'auth0', '--at', '900']);
  expect(set).toMatchObject({ code: 0 });
  const replay = [
    'sources',
    'replay',
    'acme',
    'auth0',
    '--from',
    '2026-11-20T00:00:00Z',
    '--to',
    '900',
  ];
  expect((await cli.run(replay)).out).toMatch(/is asked for/);
  expect((await cli.run(['sources', 'replay', 'acme', 'auth0'])).code).toBe(64);
  expect((await cli.run(['sources', 'log', 'acme', 'auth0', 'nope'])).told).toContain(
    'no such run',
  );
  expect((await cli.run(['sources', 'pause', 'acme', 'auth0'])).code).toBe(0);
  expect((await cli.run(['sources', 'delete', 'acme', 'auth0', '--yes'])).code).toBe(0);
});

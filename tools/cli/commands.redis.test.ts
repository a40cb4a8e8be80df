// The commands that show, make and delete one thing, and what whoever types them wrongly reads.
import { steadyPort, until } from '@logferry/testing';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { useConsoleTestbed } from '../../apps/console/src/console.testbed';
import { CliTestbed, runCli } from './cli.testbed';
import { commands } from './commands';
import { COMMON_HELP } from './command';

jest.setTimeout(60_000); // each command is a process of its own

const bed = useConsoleTestbed();
const cli = new CliTestbed(bed);
beforeEach(() => cli.letIn());
afterAll(() => cli.remove());

// Jest types them as any.
const containing = (text: string): unknown => expect.stringContaining(text);
const matching = (text: RegExp): unknown => expect.stringMatching(text);

const roleArn = 'arn:aws:iam::123456789012:role/logferry';
const destination = {
  type: 's3',
  region: 'eu-central-1',
  credentials: { kind: 'web_identity', roleArn },
  s3: { bucket: 'acme-logs' },
};
const LOGS = '/v1/tenants/acme/destinations/logs';
const aDestination = async (): Promise<void> => {
  await cli.run(['tenants', 'create', 'acme', '--name', 'Acme']);
  await bed.call(LOGS, { method: 'PUT', body: destination });
};

test('a tenant is made once, listed, shown and deleted', async () => {
  expect(await cli.run(['tenants', 'create', 'acme', '--name', 'Acme'])).toEqual({
    code: 0,
    out: 'tenant acme: made\n',
    told: '',
  });
  const again = await cli.run(['tenants', 'create', 'acme']);
  expect(again).toMatchObject({
    code: 1,
    told: containing('config.version_conflict'),
  });
  expect((await cli.run(['tenants', 'list'])).out).toBe('TENANT  NAME\nacme    Acme\n');
  const shown = await cli.run(['tenants', 'get', 'acme']);
  expect(JSON.parse(shown.out)).toMatchObject({ id: 'acme', name: 'Acme' });
  expect((await cli.run(['tenants', 'delete', 'acme'])).code).toBe(64);
  expect((await cli.run(['tenants', 'delete', 'acme', '--yes'])).code).toBe(0);
  expect((await cli.run(['tenants', 'list', '--json'])).out).toBe('[]\n');
  expect((await cli.run(['tenants', 'create', 'acme'])).code).toBe(1);
  expect((await cli.run(['tenants', 'create', 'acme', '--again'])).code).toBe(0);
});

test('a destination is listed, switched off and on, and deleted', async () => {
  await aDestination();
  const enabled = async () => (await bed.json<{ enabled: boolean }>(LOGS)).body.enabled;
  expect((await cli.run(['destinations', 'list', 'acme'])).out).toMatch(
    /^DESTINATION .*\nlogs +s3 +eu-central-1 +web_identity +yes\n$/,
  );
  expect((await cli.run(['destinations', 'disable', 'acme', 'logs'])).code).toBe(0);
  expect(await enabled()).toBe(false);
  expect((await cli.run(['destinations', 'enable', 'acme', 'logs'])).code).toBe(0);
  expect(await enabled()).toBe(true);
  expect((await cli.run(['destinations', 'delete', 'acme', 'logs', '--yes'])).code).toBe(0);
  const gone = await cli.run(['destinations', 'get', 'acme', 'logs']);
  expect(gone).toMatchObject({
    code: 1,
    told: containing('config.unknown_destination'),
  });
});

test('a key is told alone on standard output, once, and opens what its scopes say until it is revoked', async () => {
  const made = await cli.run(['keys', 'create', 'ops', '--scope', 'read', '--bytes', '5000']);
  const key = made.out.trim();
  expect(key).toMatch(/^lf_[0-9a-f]{12}_[\w-]{43}$/);
  const list = ['tenants', 'list', '--key', key];
  expect((await cli.run(list)).code).toBe(0);
  const id = key.split('_')[1] ?? '';
  const shown = await cli.run(['keys', 'get', id]);
  expect(JSON.parse(shown.out)).toMatchObject({
    name: 'ops',
    scopes: ['read'],
    bytesPerSecond: 5000,
  });
  const listed = await cli.run(['keys', 'list']);
  expect(listed.out).toContain(`${id}  ops   (platform)  read`);
  expect(listed.out).not.toContain(key);
  expect((await cli.run(['tenants', 'create', 'acme', '--key', key])).told).toContain(
    'auth.scope_missing',
  );
  expect((await cli.run(['keys', 'delete', id, '--yes'])).out).toBe(`key ops (${id}): revoked\n`);
  const refused = await until(async () => {
    const end = await cli.run(list);
    return end.code === 1 ? end : undefined;
  });
  expect(refused.out).toBe('');
  expect(refused.told).toContain('auth.unknown_key');
  expect(refused.told).not.toContain(key);
});

test("the first key is made with the console's password", async () => {
  const { code, out } = await runCli(
    ['keys', 'create', 'first', '--scope', 'admin', '--url', cli.url],
    {
      environment: { LOGFERRY_CONSOLE_PASSWORD: 'correct horse battery staple' },
    },
  );
  expect({ code, out }).toEqual({ code: 0, out: matching(/^lf_/) });
  const { code: listed } = await runCli(['keys', 'list', '--url', cli.url], {
    environment: { LOGFERRY_CONSOLE_KEY_FILE: cli.file('key', out) },
  });
  expect(listed).toBe(0);
});

test('it says of which version it is', async () => {
  const file = join(__dirname, '..', '..', 'package.json');
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  expect(await runCli(['--version'])).toEqual({ code: 0, out: `${version}\n`, told: '' });
});

test.each<[string[], string]>([
  [['sail'], 'there is no command sail; see npx logferry --help\n'],
  [['tenants'], 'say list, get, create or delete; see npx logferry tenants --help\n'],
  [['tenants', 'get'], 'TENANT is missing; see npx logferry tenants --help\n'],
  [['tenants', 'list', 'all'], 'all is one argument too many; see npx logferry tenants --help\n'],
  [
    ['tenants', 'list', '--nonsense'],
    "Unknown option '--nonsense'; see npx logferry tenants --help\n",
  ],
  [
    ['tenants', 'list', '--url', 'console'],
    'console is not the URL of anything, such as http://127.0.0.1:8081; see npx logferry tenants --help\n',
  ],
  [
    ['keys', 'create', 'a', '--scope', 'all'],
    '--scope is send or read or admin, not all; see npx logferry keys --help\n',
  ],
  [
    ['keys', 'list', '--key', 'lf_\nx'],
    'the key holds characters that no key of Logferry has; see npx logferry keys --help\n',
  ],
  [['apply'], '--file is missing; see npx logferry apply --help\n'],
  [
    ['apply', '-f', 'missing.yaml'],
    'there is no file missing.yaml that can be read; see npx logferry apply --help\n',
  ],
])('%j is told in one line what is wrong with it', async (args, told) => {
  expect(await cli.run(args)).toEqual({ code: 64, out: '', told });
});

test('a console that is not there, or is another thing, is told in one line', async () => {
  const port = await steadyPort();
  const away = await cli.run(['tenants', 'list', '--url', `http://127.0.0.1:${port}`]);
  expect(away).toEqual({
    code: 1,
    out: '',
    told: matching(
      /^no console answers at http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.* \(no_answer\)\n$/,
    ),
  });
  const other = await cli.run(['tenants', 'list', '--url', `${cli.url}/elsewhere`]);
  expect(other).toMatchObject({ code: 1, told: containing('there is nothing here') });
});

test('the documents name only commands that there are', () => {
  const ROOT = join(__dirname, '..', '..');
  const documents = execFileSync('git', ['ls-files', '*.md', '*.yaml'], { cwd: ROOT })
    .toString()
    .trim()
    .split('\n');
  const named = documents.flatMap((document) => [
    ...readFileSync(join(ROOT, document), 'utf8').matchAll(/npx logferry ([a-z][\w-]*)/g),
  ]);
  const names = new Set(named.map(([, name = '']) => name));
  expect(names.size).toBeGreaterThan(5);
  expect([...names].filter((name) => commands.every((one) => one.name !== name))).toEqual([]);
});

test('the guide has the help of every command, word for word', async () => {
  const guide = readFileSync(join(__dirname, '..', '..', 'docs', 'guides', 'cli.md'), 'utf8');
  const reference = guide.slice(guide.indexOf('## Reference'));
  const blocks = [...reference.matchAll(/^```\n([^]*?)^```/gm)].map(([, text = '']) => text);
  const shown = await Promise.all(commands.map(({ name }) => runCli([name, '--help'])));
  expect(shown.every(({ code }) => code === 0)).toBe(true);
  const own = shown.map(({ out }) => out.replace(`\n${COMMON_HELP}`, ''));
  const { out: overview } = await runCli(['--help']);
  expect(blocks).toEqual([overview, ...own]);
});

// README.md, "Run it": what a new user types there does what it says.
import { builtFile } from '@logferry/testing';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { useConsoleTestbed } from '../../apps/console/src/console.testbed';
import { runCli } from './cli.testbed';

jest.setTimeout(60_000); // each command is a process of its own

const bed = useConsoleTestbed();
const read = (file: string): string => readFileSync(join(__dirname, '..', '..', file), 'utf8');

const readme = read('README.md');
const [, service = '', main = '', args = ''] =
  /^docker compose exec -T (\S+) node dist\/(\S+)\.js (.*) < logferry\.yaml$/m.exec(readme) ?? [];
const [, sample = ''] = /^cp (tools\/samples\/\S+) \. /m.exec(readme) ?? [];

test('in the container that README.md names, the command has a password, and the console at its usual port', () => {
  const { services } = parse(read('docker-compose.yml'), { merge: true }) as {
    services: Record<string, { environment: object }>;
  };
  expect(services[service]?.environment).toHaveProperty('LOGFERRY_CONSOLE_PASSWORD');
  expect(services[service]?.environment).toMatchObject({ LOGFERRY_CONSOLE_PORT: 8081 });
  expect(builtFile(`${main}.ts`)).toBe(builtFile('tools/cli/main.ts'));
});

test('with that password alone, the sample makes a tenant with its destinations and keys, once', async () => {
  const url = `http://127.0.0.1:${bed.app.ports.http}`;
  const environment = { LOGFERRY_CONSOLE_PASSWORD: 'correct horse battery staple' };
  const apply = () =>
    runCli([...args.split(' '), '--url', url], { environment, input: read(sample) });
  const { code, out, told } = await apply();
  expect({ code, told }).toEqual({ code: 0, told: '' });
  expect(out.match(/lf_[0-9a-f]{12}_[\w-]{43}/g)).toHaveLength(2);
  const { body } = await bed.json<{ destinations: { id: string; type: string }[] }>(
    '/v1/tenants/acme/destinations',
  );
  expect(body.destinations.map(({ id, type }) => `${id} ${type}`).sort()).toEqual([
    'archive s3',
    'logs cloudwatch',
  ]);
  expect((await apply()).out).toBe('Nothing to change.\n');
});

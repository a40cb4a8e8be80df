// The commands that look after deliveries: policies to paste, dead letters, what happens, and whether all is well.
import { Failure } from '@logferry/core';
import { aCloudWatchLane, until } from '@logferry/testing';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { someVariables } from '../../apps/console/src/api-examples';
import { useConsoleTestbed } from '../../apps/console/src/console.testbed';
import { CliTestbed } from './cli.testbed';

jest.setTimeout(60_000); // each command is a process of its own

const bed = useConsoleTestbed();
const cli = new CliTestbed(bed);
beforeEach(async () => {
  await cli.letIn();
  await bed.call('/v1/tenants/acme', { method: 'PUT', body: {} });
  await bed.call(CW, { method: 'PUT', body: destination });
});
afterAll(() => cli.remove());

interface Told {
  where: string;
  what: string;
  ledger?: object;
}
const happeningsOf = (out: string): Told[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told);

const CW = '/v1/tenants/acme/destinations/cw';
const destination = {
  type: 'cloudwatch',
  region: 'eu-central-1',
  preset: 'env0',
  credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
};

test.each([
  [[], /^aws iam put-role-policy /m],
  [['--format', 'terraform'], /^resource "aws_iam_role" "logferry" \{$/m],
  [['--format', 'cloudformation'], /^ {2}"Resources": \{$/m],
  [['--json'], /"tenant:acme"/],
])('the policies of a destination are printed, with %j', async (args, text) => {
  const { code, out } = await cli.run(['policy', 'acme', 'cw', ...args]);
  expect(code).toBe(0);
  expect(out).toMatch(text);
});

test('a destination is suspended by a word and resumed by another', async () => {
  const say = (action: string) => cli.run(['destinations', action, 'acme', 'cw']);
  expect(await say('suspend')).toMatchObject({ code: 0, out: 'destination acme/cw: suspended\n' });
  expect((await bed.call('/v1/held-destinations')).text).toContain('suspended_by_hand');
  expect(await say('resume')).toMatchObject({
    code: 0,
    out: 'destination acme/cw: it is tried now\n',
  });
  expect((await bed.call('/v1/held-destinations')).text).toBe('{"heldDestinations":[]}');
  expect((await say('resume')).code).toBe(1);
});

test('dead letters that match are counted, redriven when that is said, and no others', async () => {
  await bed.deadLetters(2);
  await bed.deadLetters(1, { tenantId: 'globex' });
  const redrive = (...args: string[]) => cli.run(['redrive', ...args]);
  expect((await redrive()).code).toBe(64);
  expect((await redrive('--all', '--tenant', 'acme')).code).toBe(64);
  expect((await redrive('--tenant', 'acme', '--dry-run')).out).toBe(
    '2 dead letters with 4 log events match.\n',
  );
  expect((await redrive('--tenant', 'acme')).code).toBe(64);
  expect(await redrive('--tenant', 'acme', '--yes')).toEqual({
    code: 0,
    out: "2 redriven, 0 were on their way, 0 in a worker's hands.\n",
    told: '',
  });
  expect((await redrive('--reason', 'cloudwatch.nonsense', '--yes')).told).toContain(
    'must be the code of a failure',
  );
  expect((await redrive('--all', '--yes', '--json')).out).toContain('"redriven":1');
});

test('what happens to a tenant is followed as it comes, and what was before is not told', async () => {
  await bed.deadLetters(1);
  const tail = cli.start(['tail', 'acme', '--every', '1', '--json']);
  await until(() => tail.told().includes('Following acme …'), { timeoutMs: 20_000 });
  expect(happeningsOf(tail.out()).map(({ ledger }) => ledger)).toEqual([
    { accepted: 2, delivered: 0, rejected: 0, deadLettered: 2, waiting: 0 },
  ]);
  await bed.deadLetters(1);
  await bed.deadLetters(1, { tenantId: 'globex' });
  await bed.call(CW, { method: 'PUT', body: { ...destination, enabled: false } });
  const told = await until(
    () => {
      const others = happeningsOf(tail.out()).filter(({ ledger }) => ledger === undefined);
      return others.length === 2 ? others : undefined;
    },
    { timeoutMs: 20_000 },
  );
  expect(told.map(({ what }) => what.replace(/letter \S+/, 'letter …')).sort()).toEqual([
    expect.stringMatching(/^dead letter … of 2 log events: cloudwatch\.unavailable: /),
    'destination cw changed by login',
  ]);
  expect(told.map(({ where }) => where)).toEqual(['acme/cw', 'acme/cw']);
  expect(tail.out()).not.toContain('globex');
  tail.signal('SIGINT');
  await tail.ended;
});

test('where the log events are is told at first and whenever it changes, and each time it balances', async () => {
  const lane = aCloudWatchLane({ id: 'acme/cw/lane', lingerMs: 0 });
  const tail = cli.start(['tail', 'acme', 'cw', '--every', '1']);
  await until(() => tail.told().includes('Following acme/cw …'), { timeoutMs: 20_000 });
  expect(tail.out()).toBe('');
  const says = (text: string) =>
    until(() => tail.out().includes(`  acme/cw  ${text}\n`), { timeoutMs: 20_000 });
  await bed.send(lane, ['one', 'two', 'three']);
  await says('accepted 3: delivered 0, rejected 0, dead-lettered 0, waiting 3');
  bed.consume(() => Promise.resolve({ rejected: [] }));
  await says('accepted 3: delivered 3, rejected 0, dead-lettered 0, waiting 0');
  tail.signal('SIGINT');
  await tail.ended;
  const begun = cli.start(['tail', 'acme', '--every', '1']);
  await until(() => begun.told().includes('Following acme …'), { timeoutMs: 20_000 });
  expect(begun.out()).toMatch(/^\S+ {2}acme\/cw {2}accepted 3: delivered 3, .*\n$/);
  begun.signal('SIGINT');
  await begun.ended;
});

test("a tenant's own key is told what it is not told of, and follows the rest", async () => {
  const { key } = await cli.mint({ name: 'own', tenant: 'acme', scopes: ['read'] });
  cli.environment.LOGFERRY_CONSOLE_KEY = key;
  const tail = cli.start(['tail', 'acme', 'cw', '--every', '1']);
  await until(() => tail.told().includes('Following acme/cw …'), { timeoutMs: 20_000 });
  expect(tail.told()).toContain('is told to keys of the platform only');
  await bed.send(aCloudWatchLane({ id: 'acme/cw/lane', lingerMs: 60_000 }), ['waits']);
  await until(() => tail.out().includes('acme/cw  accepted 1: delivered 0, '), {
    timeoutMs: 20_000,
  });
  await bed.call(`${CW}?force=true`, { method: 'DELETE' });
  await until(() => tail.out().includes('acme/cw  destination cw deleted by login'), {
    timeoutMs: 20_000,
  });
  tail.signal('SIGINT');
  await tail.ended;
  const missing = await cli.run(['tail', 'acme', 'nowhere']);
  expect(missing).toMatchObject({ code: 1, out: '' });
});

describe('doctor', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** A process that answers as it is told to, address by address. */
  async function standIn(
    answers: (url: string) => Record<string, [status: number, body: object]>,
    headers: Record<string, string> = {},
    /** What is asked with. */
    asked: (string | undefined)[] = [],
  ): Promise<string> {
    let url = '';
    const server = createServer((request, response) => {
      asked.push(request.headers.authorization);
      const [status, body] = answers(url)[request.url ?? ''] ?? [404, {}];
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return url;
  }

  const { version } = JSON.parse(
    readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8'),
  ) as { version: string };
  const told = { version, node: '24.0.0' };
  const READY = { '/health/ready': [200, { status: 'ready', ...told }] } as const;
  const issuer = (url: string, keys: object[], named = url) =>
    ({
      '/health/ready': [200, { status: 'ready', ...told }],
      '/.well-known/openid-configuration': [
        200,
        { issuer: named, jwks_uri: `${named}/.well-known/jwks.json` },
      ],
      '/.well-known/jwks.json': [200, { keys }],
    }) as Record<string, [number, object]>;
  const doctor = async (
    where: { ingest?: string; broker?: string; worker?: string; poller?: string },
    environment: Record<string, string> = {},
  ) => {
    const good = await standIn((url) => issuer(url, [{ kid: 'k1' }]));
    const { ingest = good, broker = good, worker = good, poller = good } = where;
    const addresses = { ingest, broker, worker, poller };
    const args = Object.entries(addresses).flatMap(([name, url]) => [`--${name}`, url]);
    return cli.run(['doctor', ...args], { environment });
  };

  test('where all is well says so', async () => {
    const { code, out } = await doctor({});
    expect(code).toBe(0);
    expect(out).toMatch(
      new RegExp(
        [
          `^✓ this command: version ${version}, on Node \\S+`,
          '✓ console at http:\\S+: ready',
          '✓ key: may read the configuration',
          `✓ console: version ${version}, on Node \\S+`,
          '✓ Redis: version \\d\\S+',
          `✓ ingest at http:\\S+: ready, version ${version}, on Node 24\\.0\\.0`,
        ].join('\n'),
      ),
    );
    expect(out).toContain('\n0 wrong, 1 to look at.\n'); // an issuer without TLS
  });

  test('where deliveries are in trouble points at it, and nothing is wrong with the installation', async () => {
    await bed.deadLetters(1);
    const { code, out } = await doctor({});
    expect(code).toBe(0);
    expect(out).toContain('! dead letters: 1, of 2 log events\n');
  });

  test('what is held says since when and why, whose variables made it, and what to do', async () => {
    await bed.call('/v1/tenants/acme/scopes/project%2Fweb/variables', {
      method: 'PUT',
      body: someVariables,
    });
    const { body } = await bed.json<{ destinations: { id: string }[] }>(
      '/v1/tenants/acme/scopes/project%2Fweb/variables',
    );
    const destinationId = body.destinations[0]?.id ?? '';
    expect((await cli.run(['destinations', 'list', 'acme'])).out).toMatch(
      new RegExp(`^${destinationId} .* yes +project/web$`, 'm'),
    );
    bed.consume(() => Promise.reject(new Failure('cloudwatch.access_denied')));
    await bed.send(aCloudWatchLane({ destinationId, lingerMs: 0 }), ['waits']);
    await until(async () => !(await bed.call('/v1/held-destinations')).text.includes('[]'));
    const { code, out } = await doctor({});
    expect(code).toBe(0);
    expect(out).toMatch(
      new RegExp(
        `! acme/${destinationId} \\(variables of project/web\\): held since \\S+: cloudwatch.access_denied: .*\n` +
          ` {4}npx logferry test acme ${destinationId} says what to change`,
      ),
    );
  });

  test('where a process is of another version, or does not tell it, says so', async () => {
    const asked: (string | undefined)[] = [];
    const old = { status: 'ready', version: '0.0.1', node: '24.0.0' };
    const ingest = await standIn(() => ({ '/health/ready': [200, old] }));
    const worker = await standIn(
      () => ({ '/health/ready': [200, { status: 'ready' }] }),
      {},
      asked,
    );
    const { code, out } = await doctor({ ingest, worker }, { LOGFERRY_METRICS_TOKEN: 'a-token' });
    expect(code).toBe(0);
    expect(out).toContain(`✓ ingest at ${ingest}: ready\n! ingest at ${ingest}: version 0.0.1, on`);
    expect(out).toContain(`? worker at ${worker}: its version is told to its own machine only\n`);
    expect(asked).toEqual(['Bearer a-token']);
  });

  test('everything that is not good says what to do', async () => {
    await bed.deadLetters(1);
    const { key } = await cli.mint({ name: 'own', tenant: 'acme', scopes: ['read'] });
    for (const as of [cli.environment.LOGFERRY_CONSOLE_KEY ?? '', key]) {
      const { out } = await cli.run(
        ['doctor', '--json', '--ingest', 'http://127.0.0.1:1', '--worker', 'http://127.0.0.1:1'],
        { environment: { LOGFERRY_CONSOLE_KEY: as } },
      );
      const { findings } = JSON.parse(out) as { findings: { state: string; remedy?: string }[] };
      const bad = findings.filter(({ state }) => state !== 'good');
      expect(bad.length).toBeGreaterThan(2);
      expect(bad.filter(({ remedy = '' }) => remedy === '')).toEqual([]);
    }
  });

  test('where a process is away, or is another, says which', async () => {
    const worker = await standIn(() => ({ '/health/ready': [200, { hello: 'world' }] }));
    const { code, out } = await doctor({ ingest: 'http://127.0.0.1:1', worker });
    expect(code).toBe(1);
    expect(out).toContain('✗ ingest at http://127.0.0.1:1: does not answer: ');
    expect(out).toContain(`✗ worker at ${worker}: answers 200 at /health/ready, as no process`);
    expect(out).toContain('\n2 wrong, ');
  });

  test('where Redis is set wrongly passes on what ingest says of it, with what to do', async () => {
    const need =
      'redis: Redis would delete what waits when its memory is full: set maxmemory-policy to noeviction';
    const ingest = await standIn(() => ({
      '/health/ready': [503, { status: 'not_ready', waitingFor: [need] }],
    }));
    const { code, out } = await doctor({ ingest });
    expect(code).toBe(1);
    expect(out).toContain(`✗ ingest at ${ingest}: lives, and waits for ${need}\n`);
  });

  test('where a clock is wrong says by how much', async () => {
    const late = new Date(Date.now() - 600_000).toUTCString();
    const worker = await standIn(() => READY as never, { date: late });
    const { code, out } = await doctor({ worker });
    expect(code).toBe(1);
    expect(out).toMatch(
      /its clock and that of this machine are (599|6[0-5]\d) s apart\n {4}Let NTP set/,
    );
  });

  test.each<[string, (url: string) => Record<string, [number, object]>, string]>([
    ['has no keys', (url) => issuer(url, []), 'holds no keys'],
    [
      'is found elsewhere than it says',
      (url) => issuer(url, [{ kid: 'k1' }], 'http://127.0.0.1:1'),
      'cannot be read: ',
    ],
    ['has no documents', () => READY as never, 'answers 404'],
  ])('where the issuer %s says so', async (_, answers, message) => {
    const { code, out } = await doctor({ broker: await standIn(answers) });
    expect(code).toBe(1);
    expect(out).toContain(message);
  });

  test('with a key that is good for nothing says how to make one', async () => {
    cli.environment.LOGFERRY_CONSOLE_KEY = 'lf_000000000000_' + 'x'.repeat(43);
    const { code, out } = await doctor({});
    expect(code).toBe(1);
    expect(out).toContain('✗ key: the key is not known, or was revoked (auth.unknown_key)\n');
    expect(out).not.toContain('x'.repeat(43));
  });
});

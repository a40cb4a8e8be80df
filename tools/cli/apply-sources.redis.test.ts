// A tenant's channels and sources in a file: shown, written once, their secrets never told, and nothing pulled without a place for it.
import { startSessionBroker, type SessionBroker } from '@logferry/testing';
import { useConsoleTestbed } from '../../apps/console/src/console.testbed';
import { CliTestbed, type End } from './cli.testbed';

jest.setTimeout(60_000); // each command is a process of its own

const bed = useConsoleTestbed();
const cli = new CliTestbed(bed);
const SECRET = 'the-secret-of-the-client';
const HOOK = 'https://hooks.slack.com/services/T/B/hidden';
const SIGNING = `whsec_${'a'.repeat(32)}`;
const ENVIRONMENT = { CLIENT: SECRET, HOOK, SIGNING, AUDIT: 'https://ops.acme.com/hidden' };
const AT = '/v1/tenants/acme';
let broker: SessionBroker;
let sealed: string[] = [];

beforeAll(async () => {
  broker = await startSessionBroker((request) => {
    const { plainSecret } = request as unknown as { plainSecret?: string };
    if (plainSecret !== undefined) sealed.push(plainSecret);
    const answer = { sealedSecret: `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}${sealed.length}` };
    return answer as unknown as ReturnType<Parameters<typeof startSessionBroker>[0]>;
  });
  const app = await bed.startApp({ LOGFERRY_BROKER_TCP_PORT: String(broker.port) });
  await bed.app.close();
  bed.app = app;
});
beforeEach(async () => {
  await cli.letIn();
  sealed = [];
});
afterAll(async () => {
  await broker.stop();
  cli.remove();
});

const CHANNELS = `    channels:
      - id: ops
        kind: slack
        url: \${ENV:HOOK}
      - id: audit
        kind: webhook
        events: [ run.failed ]
        url: \${ENV:AUDIT}
        signingSecret: \${ENV:SIGNING}
`;
const SOURCES = `    sources:
      - id: auth0
        type: auth0
        domain: acme.eu.auth0.com
        clientId: a-client
        clientSecret: \${ENV:CLIENT}
`;
const FILE = `tenants:\n  - id: acme\n${CHANNELS}${SOURCES}`;
const hidden = [SECRET, 'hidden', SIGNING];

const apply = (text: string, args: string[] = [], environment = {}): Promise<End> =>
  cli.run(['apply', '-f', cli.file('logferry.yaml', text), ...args], { environment });
const get = async (path: string) => (await bed.json<Record<string, unknown>>(`${AT}/${path}`)).body;
const statusOf = async (path: string) => (await bed.call(`${AT}/${path}`)).status;

test('channels and sources are shown as what is changed, written once, and nothing secret of them is told', async () => {
  const dry = await apply(FILE, ['--dry-run'], ENVIRONMENT);
  expect(dry).toMatchObject({ code: 2, told: '' });
  expect(dry.out).toContain('+ channel acme/ops\n    kind: slack\n    url: ${ENV:HOOK}\n');
  expect(dry.out).toContain('    clientId: a-client\n    clientSecret: ${ENV:CLIENT}\n');
  const done = await apply(FILE, ['--yes', '--json'], ENVIRONMENT);
  expect(done).toMatchObject({ code: 0, told: '' });
  expect(sealed).toEqual([
    JSON.stringify({ url: HOOK }),
    JSON.stringify({ url: ENVIRONMENT.AUDIT, signingSecret: SIGNING }),
    SECRET,
  ]);
  for (const part of hidden) expect(JSON.stringify([dry, done])).not.toContain(part);

  expect(await apply(FILE, ['--yes'])).toEqual({ code: 0, out: 'Nothing to change.\n', told: '' });
  const changed = FILE.replace('run.failed', 'run.succeeded').replace(
    'a-client\n',
    'a-client\n        enabled: false\n',
  );
  const { out } = await apply(changed, ['--yes']);
  expect(out).toContain('~ channel acme/audit\n    events: ["run.failed"] → ["run.succeeded"]\n');
  expect(out).toContain('~ source acme/auth0\n    enabled: true → false\n');
  expect(sealed).toHaveLength(3);
  expect(await get('sources/auth0')).toMatchObject({ enabled: false });
  expect((await apply(changed, ['--yes', '--resend-secrets'], ENVIRONMENT)).code).toBe(0);
  expect(sealed).toHaveLength(6);
});

test('a secret is asked for when what it is of changes, and told with its line where it is not to be had', async () => {
  await apply(FILE, ['--yes'], ENVIRONMENT);
  const other = FILE.replace('a-client', 'another').replace(
    'kind: webhook',
    'kind: webhook\n        host: audit.acme.com',
  );
  const { code, told } = await apply(other, ['--yes']);
  expect(code).toBe(1);
  expect(told.split('\n')).toEqual(
    [
      'logferry.yaml:11: $.tenants[0].channels[1].url: the variable AUDIT is not set',
      'logferry.yaml:18: $.tenants[0].sources[0].clientSecret: the variable CLIENT is not set',
      'Nothing was written: 2 problems.',
      '',
    ].map((line) => line.replace('logferry.yaml', `${cli.folder}/logferry.yaml`)),
  );
  const elsewhere = await apply(other, ['--yes'], ENVIRONMENT);
  expect(elsewhere.told).toContain(
    ':9: $.tenants[0].channels[1].host: is not the host of the address that url stands for\n',
  );
  const right = { ...ENVIRONMENT, AUDIT: 'https://audit.acme.com/hidden' };
  expect(await apply(other, ['--yes'], right)).toMatchObject({ code: 0 });
  expect(sealed.slice(3)).toEqual([expect.stringContaining('audit.acme.com'), SECRET]);
  expect(await apply(other, ['--dry-run'])).toMatchObject({ code: 0 });
  const without = SOURCES.replace(/.*clientSecret.*\n/, '').replace('a-client', 'a-third');
  expect((await apply(`tenants:\n  - id: acme\n${without}`, ['--yes'])).told).toContain(
    'clientSecret: is missing: no secret of this client is stored',
  );
});

test.each([
  ['url', '${ENV:HOOK}', 'https://hooks.slack.com/hidden', 'a secret is not written here'],
  ['signingSecret', '${ENV:SIGNING}', SIGNING, 'a secret is not written here'],
  ['clientSecret', '${ENV:CLIENT}', SECRET, 'a secret is not written here'],
])('%s is a secret that is not written out', async (field, reference, secret, message) => {
  const { code, out, told } = await apply(FILE.replace(reference, secret), ['--yes'], ENVIRONMENT);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(told).toContain(`.${field}: ${message}`);
  for (const part of hidden) expect(told).not.toContain(part);
});

test('a signing secret that the file does not name is made and told that once, and none is for Slack', async () => {
  const text = FILE.replace(/ *signingSecret.*\n/, '');
  const made = await apply(text, ['--yes'], ENVIRONMENT);
  expect(made.out).toMatch(
    /channel acme\/audit: made\n {2}its signing secret, shown this once: whsec_[\w+/=]{32,}\n/,
  );
  expect(await apply(text, ['--yes'])).toMatchObject({ code: 0, out: 'Nothing to change.\n' });
  const slack = text.replace('kind: slack', 'kind: slack\n        signingSecret: ${ENV:SIGNING}');
  expect((await apply(slack, ['--yes'], ENVIRONMENT)).told).toContain(
    ':6: $.tenants[0].channels[0].signingSecret: is for webhooks only\n',
  );
});

test('what was exported changes nothing, and names each secret only to ask for it elsewhere', async () => {
  await apply(FILE, ['--yes'], ENVIRONMENT);
  const { code, out } = await cli.run(['export']);
  expect(code).toBe(0);
  expect(out).toContain(`    channels:
      - id: audit
        kind: webhook
        events:
          - run.failed
        host: ops.acme.com
        url: \${ENV:ACME__AUDIT__URL}
        signingSecret: \${ENV:ACME__AUDIT__SIGNING_SECRET}
      - id: ops
        kind: slack
        host: hooks.slack.com
        url: \${ENV:ACME__OPS__URL}
    sources:
      - id: auth0
        type: auth0
        domain: acme.eu.auth0.com
        clientId: a-client
        clientSecret: \${ENV:ACME__AUTH0__CLIENT_SECRET}
`);
  for (const part of [...hidden, 'sealed', 'v1.k1']) expect(out).not.toContain(part);
  expect(await apply(out, ['--dry-run', '--prune'])).toMatchObject({ code: 0 });
});

test('what a list does not name is deleted when that is said, a source first and with its title', async () => {
  await apply(FILE, ['--yes'], ENVIRONMENT);
  const none = 'tenants:\n  - id: acme\n    channels: []\n    sources: []\n';
  expect(await apply(none, ['--dry-run'])).toMatchObject({ code: 0 });
  // A list that the file does not have says nothing.
  expect(await apply('tenants:\n  - id: acme\n', ['--dry-run', '--prune'])).toMatchObject({
    code: 0,
  });
  const { out } = await apply(none, ['--yes', '--prune']);
  expect(out).toMatch(
    /^- source acme\/auth0, with its checkpoint and runs\n- channel acme\/audit\n- channel acme\/ops\n/,
  );
  expect(out).toContain('3 of 3 written.\n');
  expect(await statusOf('sources/auth0')).toBe(404);
  expect(await statusOf('channels/ops')).toBe(404);
});

test('a source is not written while a destination of its tenant is refused, and the next time it is', async () => {
  const destination = (bucket: string): string => `    destinations:
      - id: logs
        type: s3
        region: eu-central-1
        s3: { bucket: ${bucket} }
        credentials: { kind: web_identity, roleArn: 'arn:aws:iam::123456789012:role/logferry' }
`;
  const with1 = (bucket: string): string => `${FILE}${destination(bucket)}`;
  expect((await apply(`tenants:\n  - id: acme\n${destination('acme-1')}`, ['--yes'])).code).toBe(0);
  Object.assign(cli.environment, ENVIRONMENT);
  const answers = await cli.overtaken(
    ['apply', '-f', cli.file('logferry.yaml', with1('acme-2')), '--yes'],
    '',
    async () => {
      const body = { ...(await get('destinations/logs')), enabled: false };
      return bed.call(`${AT}/destinations/logs`, { method: 'PUT', body });
    },
  );
  expect(answers.told).toContain('destination acme/logs: somebody else has changed it');
  expect(answers.told).toContain('source acme/auth0: not tried');
  expect(await statusOf('sources/auth0')).toBe(404);
  expect(await apply(with1('acme-2'), ['--yes'], ENVIRONMENT)).toMatchObject({ code: 0 });
  expect(await statusOf('sources/auth0')).toBe(200);
});

test('what somebody else changed of a source meanwhile is not written over', async () => {
  await apply(FILE, ['--yes'], ENVIRONMENT);
  const path = `${AT}/sources/auth0`;
  const answers = await cli.overtaken(
    ['apply', '-f', '-', '--yes'],
    FILE.replace('a-client\n', 'a-client\n        batchSize: 50\n'),
    () => bed.call(`${path}/pause`, { method: 'POST' }),
  );
  expect(answers.code).toBe(1);
  expect(answers.told).toContain('source acme/auth0: somebody else has changed it');
  expect(await get('sources/auth0')).toMatchObject({ enabled: false, batchSize: 100 });
});

// Secrets of a file: named, never shown, and written only when they have to be. The broker's part is played by one that counts.
import type { RunningApp } from '@logferry/runtime';
import { startSessionBroker, type SessionBroker } from '@logferry/testing';
import { useConsoleTestbed } from '../../apps/console/src/console.testbed';
import { CliTestbed, type End } from './cli.testbed';

jest.setTimeout(60_000); // each command is a process of its own

const bed = useConsoleTestbed();
const cli = new CliTestbed(bed);
const SECRET = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY';
let broker: SessionBroker;
let app: RunningApp;
let sealed: string[] = [];

beforeAll(async () => {
  broker = await startSessionBroker((request) => {
    const { plainSecret } = request as unknown as { plainSecret?: string };
    if (plainSecret !== undefined) sealed.push(plainSecret);
    const answer = { sealedSecret: `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}${sealed.length}` };
    return answer as unknown as ReturnType<Parameters<typeof startSessionBroker>[0]>;
  });
  app = await bed.startApp({ LOGFERRY_BROKER_TCP_PORT: String(broker.port) });
});
beforeEach(async () => {
  await cli.letIn();
  cli.environment.LOGFERRY_CONSOLE_URL = `http://127.0.0.1:${app.ports.http}`;
  sealed = [];
});
afterAll(async () => {
  await app.close();
  await broker.stop();
  cli.remove();
});

const fileWith = (secret: string, over = ''): string =>
  `tenants:
  - id: acme
    destinations:
      - id: logs
        type: s3
        region: eu-central-1
        s3: { bucket: acme-logs }
        credentials:
          kind: access_key
          accessKeyId: AKIAIOSFODNN7EXAMPLE
          secretAccessKey: ${secret}
${over}`;
const ENVIRONMENT = { ACME_SECRET: SECRET };
const apply = (text: string, args: string[] = [], environment = {}): Promise<End> =>
  cli.run(['apply', '-f', cli.file('logferry.yaml', text), ...args], { environment });

test('a secret is written when its key is new, and neither shown nor written again', async () => {
  const file = fileWith('${ENV:ACME_SECRET}');
  const dry = await apply(file, ['--dry-run'], ENVIRONMENT);
  expect(dry.out).toContain('    credentials.secretAccessKey: ${ENV:ACME_SECRET}\n');
  const done = await apply(file, ['--yes', '--json'], ENVIRONMENT);
  expect(done.code).toBe(0);
  expect(sealed).toEqual([SECRET]);
  expect(JSON.stringify([dry, done])).not.toContain(SECRET);

  expect(await apply(file, ['--yes'])).toMatchObject({ code: 0, out: 'Nothing to change.\n' });
  const changed = await apply(`${file}        enabled: false\n`, ['--yes']);
  expect(changed.out).toContain('1 of 1 written.\n');
  expect(sealed).toEqual([SECRET]);

  const other = file.replace('EXAMPLE', 'ANOTHER');
  expect((await apply(other, ['--yes'], ENVIRONMENT)).code).toBe(0);
  expect((await apply(other, ['--yes', '--resend-secrets'], ENVIRONMENT)).code).toBe(0);
  expect(sealed).toEqual([SECRET, SECRET, SECRET]);
});

test('the secret among variables is written when its key is new, and neither shown nor written again', async () => {
  const file = `tenants:
  - id: acme
    scopes:
      - scope: ''
        variables:
          CLOUDWATCH_LOG_GROUP_NAME: auth0
          CLOUDWATCH_LOG_STREAM_NAME: logs
          AWS_ACCESS_KEY_ID: AKIAIOSFODNN7EXAMPLE
          AWS_REGION: eu-central-1
          AWS_SECRET_KEY: \${ENV:ACME_SECRET}
`;
  const first = await apply(file, ['--yes', '--json'], ENVIRONMENT);
  expect(first).toMatchObject({ code: 0, told: '' });
  expect(first.out).toContain('${ENV:ACME_SECRET}');
  expect(first.out).not.toContain(SECRET);
  expect(sealed).toEqual([SECRET]);
  expect(await apply(file, ['--yes'])).toMatchObject({ code: 0, out: 'Nothing to change.\n' });
  expect((await apply(file.replace('auth0', 'auth'), ['--yes'])).out).toContain('1 of 1 written.');
  expect(sealed).toEqual([SECRET]);

  const { out } = await cli.run(['export']);
  expect(out).toContain('          AWS_SECRET_KEY: ${ENV:ACME__AWS_SECRET_KEY}\n');
  expect(await apply(out, ['--dry-run', '--prune'])).toMatchObject({ code: 0 });

  const other = file.replace('EXAMPLE', 'ANOTHER');
  const at = 'logferry.yaml:10: $.tenants[0].scopes[0].variables.AWS_SECRET_KEY: ';
  expect((await apply(other, ['--yes'])).told).toContain(
    `${at}the variable ACME_SECRET is not set`,
  );
  const plain = file.replace('${ENV:ACME_SECRET}', SECRET);
  const refused = await apply(plain, ['--yes']);
  expect(refused.told).toContain(`${at}a secret is not written here`);
  expect(refused.told).not.toContain(SECRET);
  const [head = ''] = other.split('          AWS_SECRET_KEY');
  expect((await apply(head, ['--yes'])).told).toContain(
    'AWS_SECRET_KEY: is missing: no secret of this key',
  );
  expect((await apply(other, ['--yes'], ENVIRONMENT)).code).toBe(0);
  expect((await apply(other, ['--yes', '--resend-secrets'], ENVIRONMENT)).code).toBe(0);
  expect(sealed).toEqual([SECRET, SECRET, SECRET]);
});

test('a secret comes from a file beside the one that names it, without the newline at its end', async () => {
  cli.file('acme.secret', `${SECRET}\n`);
  expect((await apply(fileWith('${FILE:acme.secret}'), ['--yes'])).code).toBe(0);
  expect(sealed).toEqual([SECRET]);
});

test('what was exported changes nothing, and names a secret only to ask for it elsewhere', async () => {
  await apply(fileWith('${ENV:ACME_SECRET}'), ['--yes'], ENVIRONMENT);
  const { out } = await cli.run(['export']);
  expect(out).toContain('secretAccessKey: ${ENV:ACME__LOGS__SECRET}\n');
  expect(await apply(out, ['--dry-run', '--prune'])).toMatchObject({ code: 0 });
  await cli.run(['tenants', 'delete', 'acme', '--yes']);
  const elsewhere = await apply(out, ['--dry-run']);
  expect(elsewhere.code).toBe(1);
  expect(elsewhere.told).toContain('the variable ACME__LOGS__SECRET is not set\n');
});

test.each([
  [SECRET, 'a secret is not written here: say ${ENV:NAME} or ${FILE:path}'],
  ['${ENV:ACME_SECRET}', 'the variable ACME_SECRET is not set'],
  ['${FILE:no.secret}', 'the file no.secret cannot be read'],
])('a secret that is %s is refused with its line, and not shown', async (written, message) => {
  const { code, out, told } = await apply(fileWith(written), ['--yes']);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(told).toContain(
    `logferry.yaml:11: $.tenants[0].destinations[0].credentials.secretAccessKey: ${message}\n`,
  );
  expect(told).not.toContain(SECRET);
  expect(sealed).toEqual([]);
});

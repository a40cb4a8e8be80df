// What somebody reads who asks by the command line: with a secret in what is applied, with the password, and with wrong ones.
import { runCli } from '../tools/cli/cli.testbed';
import { CONSOLE_PASSWORD } from './app-environment';
import type { Place } from './secret-search';
import { REGION, TENANT, type Stack } from './stack';

interface Shown {
  key: { accessKeyId: string; secretAccessKey: string };
  wrongKey: string;
  wrongPassword: string;
}

type Environment = Record<string, string>;
type Call = [args: string[], environment: Environment, input?: string];

/** The destination that a command makes. */
export const BY_FILE = 'from-a-file';

/** A file with an access key, whose secret stands elsewhere. */
const fileWith = (accessKeyId: string): string =>
  JSON.stringify({
    tenants: [
      {
        id: TENANT,
        destinations: [
          {
            id: BY_FILE,
            type: 'cloudwatch',
            region: REGION,
            credentials: {
              kind: 'access_key',
              accessKeyId,
              secretAccessKey: '${ENV:CUSTOMER_SECRET}',
            },
            filter: { types: [BY_FILE] },
            cloudwatch: { logGroup: 'env0-no-secret', logStream: BY_FILE },
          },
        ],
      },
    ],
  });

/** Everything that commands say, of what there is and of what is wrong. */
export async function keptCommands(
  stack: Stack,
  { key, wrongKey, wrongPassword }: Shown,
): Promise<Place[]> {
  const console = { LOGFERRY_CONSOLE_URL: stack.consoleUrl };
  const entered = { ...console, LOGFERRY_CONSOLE_PASSWORD: CONSOLE_PASSWORD };
  const withSecret = { ...entered, CUSTOMER_SECRET: key.secretAccessKey };
  const file = fileWith(key.accessKeyId);
  const ofDestination = (id: string): Call[] => [
    [['destinations', 'get', TENANT, id], entered],
    [['policy', TENANT, id, '--format', 'commands'], entered],
    [['test', TENANT, id], entered],
  ];
  const calls: Call[] = [
    [['apply', '-f', '-', '--dry-run'], withSecret, file],
    [['apply', '-f', '-', '--yes'], withSecret, file.replaceAll(REGION, key.secretAccessKey)],
    [['apply', '-f', '-', '--yes'], withSecret, file],
    [['apply', '-f', '-', '--yes'], entered, file],
    [['export'], entered],
    [['tenants', 'list'], entered],
    [['destinations', 'list', TENANT], entered],
    ...['by-key', 'by-id', 'wrong-secret'].flatMap(ofDestination),
    [['channels', 'get', TENANT, 'webhook'], entered],
    [['sources', 'get', TENANT, 'pulled-source'], entered],
    [['keys', 'list'], entered],
    [['reseal'], entered],
    [['doctor', '--broker', stack.url('credential-broker')], entered],
    [['tenants', 'list'], { ...console, LOGFERRY_CONSOLE_PASSWORD: wrongPassword }],
    [['tenants', 'list'], { ...console, LOGFERRY_CONSOLE_KEY: wrongKey }],
    [['tenants', 'list', '--key', `${wrongKey}ü`], console],
  ];
  const places: Place[] = [];
  for (const [args, environment, input = ''] of calls) {
    const { code, out, told } = await runCli(args, { environment, input });
    const name = `what npx logferry ${args.join(' ').replace(wrongKey, 'KEY')} says`;
    places.push({ name, content: `${code}\n${out}\n${told}` });
  }
  return places;
}

import { Misuse } from '../misuse';
import { named, openSession, readArgs, type Command } from './command';
import { path } from './console-client';
import {
  deleteRecord,
  listRecords,
  showRecord,
  switchRecord,
  type OnRecord,
} from './record-actions';
import { resolveSecret, secretReference } from './secret-reference';

interface ShownChannel {
  id: string;
  version: number;
  unreadable?: true;
  kind?: string;
  host?: string;
  events?: string[];
  enabled?: boolean;
  signingSecret?: string;
}

interface Tested {
  outcome: 'sent' | 'failed';
  code?: string;
  message?: string;
}

const options = {
  kind: { type: 'string' },
  address: { type: 'string' },
  events: { type: 'string' },
  sources: { type: 'string' },
  destinations: { type: 'string' },
  'report-hour': { type: 'string' },
  'time-zone': { type: 'string' },
  yes: { type: 'boolean', default: false },
} as const;

type Given = ReturnType<typeof readArgs<typeof options>>['values'];

export const channelsCommand: Command = {
  name: 'channels',
  summary: 'makes, lists, tests and deletes the channels by which a tenant is told of what happens',
  help: `  npx logferry channels list TENANT
  npx logferry channels get TENANT CHANNEL
  npx logferry channels put TENANT CHANNEL --kind slack|webhook --address '\${ENV:NAME}' [--events LIST]
                            [--sources LIST] [--destinations LIST] [--report-hour N] [--time-zone ZONE]
  npx logferry channels test TENANT CHANNEL
  npx logferry channels state TENANT CHANNEL
  npx logferry channels enable TENANT CHANNEL
  npx logferry channels disable TENANT CHANNEL
  npx logferry channels delete TENANT CHANNEL [--yes]

put replaces a channel; without --address, the one that is stored stays. Lists are separated by commas. An address is a secret: it is
sealed, never shown, and not given as it is, since others on this machine see what is typed.

  --address REF  where the address is to be had: \${ENV:NAME}, a variable of the environment, or \${FILE:path}, a file
  --yes          deletes it without asking
`,
  async run(args) {
    const { values, positionals } = readArgs(args, options);
    const session = openSession(values);
    const [action, ...rest] = positionals;
    if (action === 'list') {
      const [tenant = ''] = named(rest, 'TENANT');
      return listRecords(session, {
        address: path`/v1/tenants/${tenant}/channels`,
        field: 'channels',
        head: ['CHANNEL', 'KIND', 'HOST', 'EVENTS', 'ENABLED'],
        rowOf,
      });
    }
    const [tenant = '', channel = ''] = named(rest, 'TENANT', 'CHANNEL');
    const address = path`/v1/tenants/${tenant}/channels/${channel}`;
    const on = { ...session, address, title: `channel ${tenant}/${channel}` };
    switch (action) {
      case 'get':
        return showRecord(on);
      case 'state':
        return showRecord({ ...on, address: `${address}/state` });
      case 'put':
        return put(on, values);
      case 'test':
        return test(on);
      case 'enable':
      case 'disable':
        return switchRecord(on, action);
      case 'delete':
        return deleteRecord(on, { isSaid: values.yes });
      default:
        throw new Misuse('say list, get, put, test, state, enable, disable or delete');
    }
  },
};

function rowOf(shown: ShownChannel): string[] {
  const { id, kind = '', host = '', events = [], enabled } = shown;
  return [id, kind, host, String(events.length), enabled === false ? 'no' : 'yes'];
}

async function put({ terminal, console, address, title }: OnRecord, given: Given): Promise<number> {
  const lists = ['events', 'sources', 'destinations'] as const;
  const hour = given['report-hour'];
  const body = {
    kind: given.kind,
    url: given.address === undefined ? undefined : addressOf(given.address),
    ...Object.fromEntries(lists.map((field) => [field, listOf(given[field])])),
    dailyReportHour: hour === undefined ? undefined : Number(hour),
    timeZone: given['time-zone'],
  };
  const stored = await console.put<ShownChannel>(address, { body });
  const secret =
    stored.signingSecret === undefined
      ? ''
      : `\nits signing secret, which is shown this once: ${stored.signingSecret}`;
  terminal.result(stored, `${title}: stored${secret}`);
  return 0;
}

/** @throws Misuse */
function addressOf(text: string): string {
  const reference = secretReference(text);
  if (reference === undefined) throw new Misuse('--address must be ${ENV:NAME} or ${FILE:path}');
  const resolved = resolveSecret(reference, process.cwd());
  if ('problem' in resolved) throw new Misuse(resolved.problem);
  return resolved.secret;
}

function listOf(text: string | undefined): string[] | undefined {
  return text?.split(',').map((word) => word.trim());
}

async function test({ terminal, console, address, title }: OnRecord): Promise<number> {
  const tested = await console.post<Tested>(`${address}/test`, {});
  const isSent = tested.outcome === 'sent';
  const text = isSent ? 'a message was taken' : `${tested.message ?? ''} (${tested.code ?? ''})`;
  terminal.result(tested, `${title}: ${text}`);
  return isSent ? 0 : 1;
}

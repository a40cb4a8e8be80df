import { parseArgs } from 'node:util';
import { Misuse } from '../misuse';
import { assertWanted, commonOptions, named, openSession, type Command } from './command';
import { path, type ConsoleClient } from './console-client';
import { resolveSecret, secretReference } from './secret-reference';
import type { Terminal } from './terminal';

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
  ...commonOptions,
  kind: { type: 'string' },
  address: { type: 'string' },
  events: { type: 'string' },
  sources: { type: 'string' },
  destinations: { type: 'string' },
  'report-hour': { type: 'string' },
  'time-zone': { type: 'string' },
  yes: { type: 'boolean', default: false },
} as const;

type Given = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

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
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
    const { terminal, console } = openSession(values);
    const [action, ...rest] = positionals;
    if (action === 'list') {
      const [tenant = ''] = named(rest, 'TENANT');
      return list(terminal, console, tenant);
    }
    const [tenant = '', channel = ''] = named(rest, 'TENANT', 'CHANNEL');
    const on = { terminal, console, address: path`/v1/tenants/${tenant}/channels/${channel}` };
    switch (action) {
      case 'get':
        terminal.json(await console.get(on.address));
        return 0;
      case 'state':
        terminal.json(await console.get(`${on.address}/state`));
        return 0;
      case 'put':
        return put(on, `${tenant}/${channel}`, values);
      case 'test':
        return test(on, `${tenant}/${channel}`);
      case 'enable':
      case 'disable': {
        const { version, ...shown } = await console.get<ShownChannel>(on.address);
        const body = { ...shown, enabled: action === 'enable' };
        const changed = await console.put(on.address, { body, expected: version });
        if (terminal.isJson) terminal.json(changed);
        else terminal.line(`channel ${tenant}/${channel}: ${action}d`);
        return 0;
      }
      case 'delete': {
        const question = `Delete the channel ${tenant}/${channel}?`;
        if (!(await assertWanted(terminal, values.yes, question))) return 1;
        const deleted = await console.delete(on.address);
        if (terminal.isJson) terminal.json(deleted);
        else terminal.line(`channel ${tenant}/${channel}: deleted`);
        return 0;
      }
      default:
        throw new Misuse('say list, get, put, test, state, enable, disable or delete');
    }
  },
};

interface On {
  terminal: Terminal;
  console: ConsoleClient;
  address: string;
}

async function list(terminal: Terminal, console: ConsoleClient, tenant: string): Promise<number> {
  const all = await console.list<ShownChannel>(path`/v1/tenants/${tenant}/channels`, 'channels');
  if (terminal.isJson) terminal.json(all);
  else terminal.table(['CHANNEL', 'KIND', 'HOST', 'EVENTS', 'ENABLED'], all.map(rowOf));
  return 0;
}

function rowOf(shown: ShownChannel): string[] {
  if (shown.unreadable === true) return [shown.id, '(unreadable: written by another version)'];
  const { id, kind = '', host = '', events = [], enabled } = shown;
  return [id, kind, host, String(events.length), enabled === false ? 'no' : 'yes'];
}

async function put(
  { terminal, console, address }: On,
  name: string,
  given: Given,
): Promise<number> {
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
  if (terminal.isJson) terminal.json(stored);
  else {
    terminal.line(`channel ${name}: stored`);
    if (stored.signingSecret !== undefined)
      terminal.line(`its signing secret, which is shown this once: ${stored.signingSecret}`);
  }
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

async function test({ terminal, console, address }: On, name: string): Promise<number> {
  const tested = await console.post<Tested>(`${address}/test`, {});
  if (terminal.isJson) terminal.json(tested);
  else if (tested.outcome === 'sent') terminal.line(`channel ${name}: a message was taken`);
  else terminal.line(`channel ${name}: ${tested.message ?? ''} (${tested.code ?? ''})`);
  return tested.outcome === 'sent' ? 0 : 1;
}

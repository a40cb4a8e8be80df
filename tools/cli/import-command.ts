import {
  AUTH0_SETTINGS_CHARS_MAX,
  readAuth0Settings,
  type Auth0Import,
  type Auth0SettingProblem,
} from '@logferry/core';
import { readFileSync } from 'node:fs';
import { Misuse } from '../misuse';
import { assertWanted, named, openSession, readArgs, type Command } from './command';
import { ConsoleProblem, path, type ConsoleClient } from './console-client';
import { fieldChanges } from './field-changes';
import type { Terminal } from './terminal';

const SECRET_FIELDS = new Set(['clientSecret', 'credentials.secretAccessKey', 'url']);

const options = {
  tenant: { type: 'string' },
  id: { type: 'string', default: 'auth0' },
  'role-arn': { type: 'string' },
  'start-from': { type: 'string' },
  paused: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
} as const;

/** What is made of the settings: a record of one kind each. */
interface Made {
  kind: 'destination' | 'channel' | 'source';
  address: string;
  record: { id: string };
}

export const importCommand: Command = {
  name: 'import',
  summary: "makes a source, a destination and a channel of the settings of Auth0's extension",
  help: `  npx logferry import auth0-extension FILE [--tenant TENANT] [--dry-run | --yes]

FILE has the settings of the extension "Auth0 Logs to CloudWatch" by their names, as a JSON object; - is standard input:

  { "AUTH0_DOMAIN": "acme.eu.auth0.com", "AUTH0_CLIENT_ID": "…", "AUTH0_CLIENT_SECRET": "…", "BATCH_SIZE": "100",
    "CLOUDWATCH_LOG_GROUP_NAME": "/auth0/acme", "CLOUDWATCH_LOG_STREAM_NAME": "logs", "AWS_REGION": "eu-central-1", … }

Shows what it would make and what it reads in another way than the extension did, asks, and makes it: the destination first and the
source last, so that nothing is pulled before there is a place for it. Nothing that is there already is written over. Secrets go to
the console, which has them sealed, and nowhere else. docs/guides/auth0.md goes through all of it.

  --tenant TENANT    whose; may be left out where the key is of one tenant, or there is only one
  --id ID            of the source (default: auth0); the destination is ID-cloudwatch, the channel ID-slack
  --role-arn ARN     a role by web identity, in the place of the access key
  --start-from ID    the extension's last checkpoint, in the place of START_FROM: what it has sent is not sent again
  --paused           makes the source switched off: npx logferry sources resume TENANT ID
  --dry-run          only shows what it would make
  --yes              makes it without asking
`,
  async run(args) {
    const { values, positionals } = readArgs(args, options);
    const [what = '', file = ''] = named(positionals, 'auth0-extension', 'FILE');
    if (what !== 'auth0-extension') throw new Misuse(`${what} is not known: say auth0-extension`);
    const startFrom = values['start-from'];
    const settings = {
      ...settingsIn(file),
      ...(startFrom === undefined ? {} : { START_FROM: startFrom }),
    };
    const { terminal, console } = openSession(values);
    const read = readAuth0Settings(settings, { id: values.id, roleArn: values['role-arn'] });
    tell(terminal, read.problems);
    if (read.problems.some(({ kind }) => kind === 'fault')) {
      if (terminal.isJson) terminal.json({ made: [], problems: read.problems });
      terminal.note('Nothing was made.');
      return 1;
    }
    const tenant = values.tenant ?? (await onlyTenant(console));
    const wanted = recordsOf(tenant, read, values.paused);
    if (!terminal.isJson) for (const one of wanted) show(terminal, tenant, one);
    const isWanted = !values['dry-run'] && (await assertWanted(terminal, values.yes, 'Make this?'));
    const made: Made[] = [];
    if (isWanted) for (const one of wanted) made.push(await make(console, one, made));
    if (terminal.isJson) terminal.json({ made: made.map(nameOf), problems: read.problems });
    else terminal.line(isWanted ? `${made.map(nameOf).join(', ')}: made` : 'Nothing was made.');
    return isWanted || values['dry-run'] ? 0 : 1;
  },
};

function settingsIn(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch {
    throw new Misuse(`there is no file ${file} that can be read`);
  }
  if (text.length > AUTH0_SETTINGS_CHARS_MAX) throw new Misuse(`${file} is too large for settings`);
  try {
    const settings = JSON.parse(text) as unknown;
    if (typeof settings === 'object' && settings !== null && !Array.isArray(settings))
      return settings as Record<string, unknown>;
  } catch {
    // The parser's own message would show a part of the text, and with it perhaps a secret.
  }
  throw new Misuse(`${file} is no JSON object of settings`);
}

async function onlyTenant(console: ConsoleClient): Promise<string> {
  const [first, second] = await console.list<{ id: string }>('/v1/tenants', 'tenants');
  if (first === undefined)
    throw new Misuse('there is no tenant: npx logferry tenants create TENANT');
  if (second !== undefined) throw new Misuse('there are several tenants: say --tenant');
  return first.id;
}

function recordsOf(
  tenant: string,
  { destination, channel, source }: Auth0Import,
  isPaused: boolean,
): Made[] {
  const at = path`/v1/tenants/${tenant}`;
  const records: (Made | undefined)[] = [
    destination && {
      kind: 'destination',
      address: `${at}${path`/destinations/${destination.id}`}`,
      record: destination,
    },
    channel && {
      kind: 'channel',
      address: `${at}${path`/channels/${channel.id}`}`,
      record: channel,
    },
    source && {
      kind: 'source',
      address: `${at}${path`/sources/${source.id}`}`,
      record: isPaused ? { ...source, enabled: false } : source,
    },
  ];
  return records.filter((one) => one !== undefined);
}

async function make(console: ConsoleClient, one: Made, before: readonly Made[]): Promise<Made> {
  try {
    await console.put(one.address, { body: one.record, expected: 'absent' });
    return one;
  } catch (error) {
    if (!(error instanceof ConsoleProblem)) throw error;
    const done =
      before.length === 0 ? 'nothing was made' : `${before.map(nameOf).join(', ')}: made`;
    const why =
      error.code === 'config.version_conflict'
        ? `${nameOf(one)} is there already: delete it, or say another --id`
        : `${nameOf(one)}: ${error.message}`;
    const { status, code, details } = error;
    throw new ConsoleProblem(status, code, `${why} (${done})`, details);
  }
}

const nameOf = ({ kind, record }: Made): string => `${kind} ${record.id}`;

function tell(terminal: Terminal, problems: readonly Auth0SettingProblem[]): void {
  for (const { kind, name, message } of problems)
    terminal.note(terminal.style(kind === 'fault' ? 'red' : 'yellow', `${name} ${message}`));
}

function show(terminal: Terminal, tenant: string, one: Made): void {
  terminal.line(`${nameOf(one)} of ${tenant}`);
  for (const { field, after } of fieldChanges({}, one.record)) {
    if (field === 'id') continue;
    const value = SECRET_FIELDS.has(field) ? '(secret)' : JSON.stringify(after);
    terminal.line(`  ${field}: ${value}`);
  }
}

import { keyScopes } from '@logferry/core';
import { Misuse, oneOf, whole } from '../misuse';
import { named, openSession, readArgs, type Command, type Session } from './command';
import { path } from './console-client';
import { deleteRecord, listRecords, showRecord, type OnRecord } from './record-actions';

export interface ShownKey {
  id: string;
  name: string;
  tenant: string | null;
  scopes: string[];
  logEventsPerSecond?: number;
  bytesPerSecond?: number;
  createdAt: string;
  lastUsedAt: string | null;
  version: number;
}

export const keysCommand: Command = {
  name: 'keys',
  summary: 'lists, shows, makes and revokes keys',
  help: `  npx logferry keys list [--tenant TENANT]
  npx logferry keys get KEY
  npx logferry keys create NAME [--tenant TENANT] [--scope SCOPE]… [--log-events N] [--bytes N]
  npx logferry keys delete KEY [--yes]

KEY is a key's id: the twelve digits after lf_. A key is shown once, when it is made.

  --tenant TENANT  of this tenant; without it, of all, and a key that is made is one of the platform
  --scope SCOPE    what it may do: send, read or admin (default: send); may be given again
  --log-events N   its own rate, in log events a second; 0 for none
  --bytes N        its own rate, in bytes a second; 0 for none
  --yes            revokes it without asking
`,
  async run(args) {
    const { values, positionals } = readArgs(args, {
      tenant: { type: 'string' },
      scope: { type: 'string', multiple: true, default: ['send'] },
      'log-events': { type: 'string' },
      bytes: { type: 'string' },
      yes: { type: 'boolean', default: false },
    });
    const session = openSession(values);
    const { tenant } = values;
    const [action, ...rest] = positionals;
    switch (action) {
      case 'list':
        named(rest);
        return listRecords(session, {
          address: '/v1/keys',
          field: 'keys',
          query: { tenant },
          head: ['KEY', 'NAME', 'TENANT', 'SCOPES', 'LAST USED'],
          rowOf,
        });
      case 'get': {
        const [id = ''] = named(rest, 'KEY');
        return showRecord(on(session, id, ''));
      }
      case 'create': {
        const [name = ''] = named(rest, 'NAME');
        return create(session, {
          name,
          tenant,
          scopes: [...new Set(values.scope)].map((scope) => oneOf('--scope', scope, keyScopes)),
          logEventsPerSecond: rate('--log-events', values['log-events']),
          bytesPerSecond: rate('--bytes', values.bytes),
        });
      }
      case 'delete': {
        const [id = ''] = named(rest, 'KEY');
        const { name } = await session.console.get<ShownKey>(path`/v1/keys/${id}`);
        const title = `key ${name} (${id})`;
        const question = `Revoke the ${title}?`;
        const how = { isSaid: values.yes, question, done: 'revoked' } as const;
        return deleteRecord(on(session, id, title), how);
      }
      default:
        throw new Misuse('say list, get, create or delete');
    }
  },
};

function on(session: Session, id: string, title: string): OnRecord {
  return { ...session, address: path`/v1/keys/${id}`, title };
}

/** The key alone goes to standard output, so that a script can keep it. */
async function create(
  { terminal, console }: Session,
  body: Readonly<Record<string, unknown>> & { name: string },
): Promise<number> {
  const made = await console.post<ShownKey & { key: string }>('/v1/keys', { body });
  terminal.result(made, made.key);
  terminal.note(`key ${body.name} (${made.id}): made. It is shown this once, and stored nowhere.`);
  return 0;
}

function rate(name: string, given: string | undefined): number | undefined {
  return given === undefined ? undefined : whole(name, given, 0);
}

function rowOf({ id, name, tenant, scopes, lastUsedAt }: ShownKey): string[] {
  return [id, name, tenant ?? '(platform)', scopes.join(', '), lastUsedAt ?? 'never'];
}

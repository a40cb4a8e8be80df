import { keyScopes } from '@logferry/core';
import { parseArgs } from 'node:util';
import { Misuse, oneOf, whole } from '../misuse';
import { assertWanted, commonOptions, named, openSession, type Command } from './command';
import { path } from './console-client';

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
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...commonOptions,
        tenant: { type: 'string' },
        scope: { type: 'string', multiple: true, default: ['send'] },
        'log-events': { type: 'string' },
        bytes: { type: 'string' },
        yes: { type: 'boolean', default: false },
      },
    });
    const { terminal, console } = openSession(values);
    const { tenant } = values;
    const [action, ...rest] = positionals;
    switch (action) {
      case 'list': {
        named(rest);
        const keys = await console.list<ShownKey>('/v1/keys', 'keys', { tenant });
        if (terminal.isJson) terminal.json(keys);
        else terminal.table(['KEY', 'NAME', 'TENANT', 'SCOPES', 'LAST USED'], keys.map(rowOf));
        return 0;
      }
      case 'get': {
        const [id = ''] = named(rest, 'KEY');
        terminal.json(await console.get(path`/v1/keys/${id}`));
        return 0;
      }
      case 'create': {
        const [name = ''] = named(rest, 'NAME');
        const scopes = [...new Set(values.scope)].map((scope) =>
          oneOf('--scope', scope, keyScopes),
        );
        const body = {
          name,
          tenant,
          scopes,
          logEventsPerSecond: rate('--log-events', values['log-events']),
          bytesPerSecond: rate('--bytes', values.bytes),
        };
        const made = await console.post<ShownKey & { key: string }>('/v1/keys', { body });
        if (terminal.isJson) terminal.json(made);
        else terminal.line(made.key);
        terminal.note(`key ${name} (${made.id}): made. It is shown this once, and stored nowhere.`);
        return 0;
      }
      case 'delete': {
        const [id = ''] = named(rest, 'KEY');
        const { name } = await console.get<ShownKey>(path`/v1/keys/${id}`);
        const question = `Revoke the key ${name} (${id})?`;
        if (!(await assertWanted(terminal, values.yes, question))) return 1;
        const revoked = await console.delete(path`/v1/keys/${id}`);
        if (terminal.isJson) terminal.json(revoked);
        else terminal.line(`key ${name} (${id}): revoked`);
        return 0;
      }
      default:
        throw new Misuse('say list, get, create or delete');
    }
  },
};

function rate(name: string, given: string | undefined): number | undefined {
  return given === undefined ? undefined : whole(name, given, 0);
}

function rowOf({ id, name, tenant, scopes, lastUsedAt }: ShownKey): string[] {
  return [id, name, tenant ?? '(platform)', scopes.join(', '), lastUsedAt ?? 'never'];
}

import { parseArgs } from 'node:util';
import { Misuse } from '../misuse';
import { assertWanted, commonOptions, named, openSession, type Command } from './command';
import { path } from './console-client';

export interface ShownTenant {
  id: string;
  name?: string;
  forwardAuditTrail?: boolean;
  version: number;
  unreadable?: true;
}

export const tenantsCommand: Command = {
  name: 'tenants',
  summary: 'lists, shows, makes and deletes tenants',
  help: `  npx logferry tenants list
  npx logferry tenants get TENANT
  npx logferry tenants create TENANT [--name NAME] [--again]
  npx logferry tenants delete TENANT [--force] [--yes]

A tenant is deleted with its destinations and keys. While batches wait for it, it is not.

  --name NAME  what people call it
  --again      makes one again that was deleted: for the same customer only, since its roles trust the id, and what waits for it is given
               to whoever has that
  --force      deletes it although batches wait: they are held until there is a destination with the same id again
  --yes        deletes it without asking
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...commonOptions,
        name: { type: 'string' },
        again: { type: 'boolean', default: false },
        force: { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
      },
    });
    const { terminal, console } = openSession(values);
    const [action, ...rest] = positionals;
    switch (action) {
      case 'list': {
        named(rest);
        const tenants = await console.list<ShownTenant>('/v1/tenants', 'tenants');
        if (terminal.isJson) terminal.json(tenants);
        else terminal.table(['TENANT', 'NAME'], tenants.map(rowOf));
        return 0;
      }
      case 'get': {
        const [tenant = ''] = named(rest, 'TENANT');
        terminal.json(await console.get(path`/v1/tenants/${tenant}`));
        return 0;
      }
      case 'create': {
        const [tenant = ''] = named(rest, 'TENANT');
        const body = values.name === undefined ? {} : { name: values.name };
        const query = { again: values.again ? 'true' : undefined };
        const asked = { body, expected: 'absent', query } as const;
        const made = await console.put(path`/v1/tenants/${tenant}`, asked);
        if (terminal.isJson) terminal.json(made);
        else terminal.line(`tenant ${tenant}: made`);
        return 0;
      }
      case 'delete': {
        const [tenant = ''] = named(rest, 'TENANT');
        const question = `Delete the tenant ${tenant} with its destinations and keys?`;
        if (!(await assertWanted(terminal, values.yes, question))) return 1;
        const query = { force: values.force ? 'true' : undefined };
        const deleted = await console.delete(path`/v1/tenants/${tenant}`, { query });
        if (terminal.isJson) terminal.json(deleted);
        else terminal.line(`tenant ${tenant}: deleted`);
        return 0;
      }
      default:
        throw new Misuse('say list, get, create or delete');
    }
  },
};

function rowOf({ id, name = '', unreadable }: ShownTenant): string[] {
  return [id, unreadable === true ? '(unreadable: written by another version)' : name];
}

import { Misuse } from '../misuse';
import { named, openSession, readArgs, type Command } from './command';
import { path } from './console-client';
import { deleteRecord, listRecords, showRecord, type OnRecord } from './record-actions';

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
    const { values, positionals } = readArgs(args, {
      name: { type: 'string' },
      again: { type: 'boolean', default: false },
      force: { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
    });
    const session = openSession(values);
    const [action, ...rest] = positionals;
    if (action === 'list') {
      named(rest);
      return listRecords<ShownTenant>(session, {
        address: '/v1/tenants',
        field: 'tenants',
        head: ['TENANT', 'NAME'],
        rowOf: ({ id, name = '' }) => [id, name],
      });
    }
    const on = (): OnRecord => {
      const [tenant = ''] = named(rest, 'TENANT');
      return { ...session, address: path`/v1/tenants/${tenant}`, title: `tenant ${tenant}` };
    };
    switch (action) {
      case 'get':
        return showRecord(on());
      case 'create':
        return create(on(), values);
      case 'delete': {
        const { title } = on();
        const question = `Delete the ${title} with its destinations and keys?`;
        return deleteRecord(on(), { isSaid: values.yes, isForced: values.force, question });
      }
      default:
        throw new Misuse('say list, get, create or delete');
    }
  },
};

async function create(
  { terminal, console, address, title }: OnRecord,
  { name, again }: { name?: string | undefined; again: boolean },
): Promise<number> {
  const query = { again: again ? 'true' : undefined };
  const body = name === undefined ? {} : { name };
  const made = await console.put(address, { body, expected: 'absent', query });
  terminal.result(made, `${title}: made`);
  return 0;
}

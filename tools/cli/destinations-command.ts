import { isDerivedId } from '@logferry/core';
import { Misuse } from '../misuse';
import { named, openSession, readArgs, type Command } from './command';
import { path } from './console-client';
import { deleteRecord, listRecords, showRecord, switchRecord } from './record-actions';

interface ShownDestination {
  id: string;
  version: number;
  unreadable?: true;
  type?: string;
  enabled?: boolean;
  region?: string;
  preset?: string;
  credentials?: { kind: string };
  override?: { scope: string };
}

export const destinationsCommand: Command = {
  name: 'destinations',
  summary: "lists, shows and deletes a tenant's destinations, and switches them on and off",
  help: `  npx logferry destinations list TENANT
  npx logferry destinations get TENANT DESTINATION
  npx logferry destinations enable TENANT DESTINATION
  npx logferry destinations disable TENANT DESTINATION
  npx logferry destinations suspend TENANT DESTINATION
  npx logferry destinations resume TENANT DESTINATION
  npx logferry destinations delete TENANT DESTINATION [--force] [--yes]

They are made and changed by npx logferry apply. Secrets are not shown. While a destination is disabled, nothing is taken for it,
and what waits for it is held. While one is suspended, what comes for it is kept and not delivered, until it is resumed; of one that
does not work, resume tries it at once. While log events wait for one, it is not deleted.

  --force      deletes it although log events wait: they are held until there is a destination with the same id again
  --yes        deletes it without asking
`,
  async run(args) {
    const { values, positionals } = readArgs(args, {
      force: { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
    });
    const session = openSession(values);
    const [action, ...rest] = positionals;
    if (action === 'list') {
      const [tenant = ''] = named(rest, 'TENANT');
      return listRecords(session, {
        address: path`/v1/tenants/${tenant}/destinations`,
        field: 'destinations',
        head: ['DESTINATION', 'TYPE', 'REGION', 'PRESET', 'CREDENTIALS', 'ENABLED', 'VARIABLES OF'],
        rowOf,
      });
    }
    const [tenant = '', destination = ''] = named(rest, 'TENANT', 'DESTINATION');
    const address = path`/v1/tenants/${tenant}/destinations/${destination}`;
    const on = { ...session, address, title: `destination ${tenant}/${destination}` };
    switch (action) {
      case 'get':
        return showRecord(on);
      case 'enable':
      case 'disable':
        return switchRecord(on, action);
      case 'suspend':
      case 'resume': {
        const { terminal, console } = session;
        const done = action === 'suspend' ? 'suspended' : 'it is tried now';
        terminal.result(await console.post(`${address}/${action}`, {}), `${on.title}: ${done}`);
        return 0;
      }
      case 'delete':
        return deleteRecord(on, { isSaid: values.yes, isForced: values.force });
      default:
        throw new Misuse('say list, get, enable, disable, suspend, resume or delete');
    }
  },
};

function rowOf(shown: ShownDestination): string[] {
  const { id, type = '', region = '', preset = '', credentials, enabled, override } = shown;
  const scope = isDerivedId(id) ? override?.scope || 'the tenant' : '';
  const isOn = enabled === false ? 'no' : 'yes';
  return [id, type, region, preset, credentials?.kind ?? '', isOn, scope];
}

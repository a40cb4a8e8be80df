import { isDerivedId } from '@logferry/core';
import { parseArgs } from 'node:util';
import { Misuse } from '../misuse';
import { assertWanted, commonOptions, named, openSession, type Command } from './command';
import { path } from './console-client';

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
  npx logferry destinations delete TENANT DESTINATION [--force] [--yes]

They are made and changed by npx logferry apply. Secrets are not shown. While a destination is disabled, nothing is taken for it,
and what waits for it is held. While log events wait for one, it is not deleted.

  --force      deletes it although log events wait: they are held until there is a destination with the same id again
  --yes        deletes it without asking
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...commonOptions,
        force: { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
      },
    });
    const { terminal, console } = openSession(values);
    const [action, ...rest] = positionals;
    if (action === 'list') {
      const [tenant = ''] = named(rest, 'TENANT');
      const all = await console.list<ShownDestination>(
        path`/v1/tenants/${tenant}/destinations`,
        'destinations',
      );
      if (terminal.isJson) terminal.json(all);
      else
        terminal.table(
          ['DESTINATION', 'TYPE', 'REGION', 'PRESET', 'CREDENTIALS', 'ENABLED', 'VARIABLES OF'],
          all.map(rowOf),
        );
      return 0;
    }
    const [tenant = '', destination = ''] = named(rest, 'TENANT', 'DESTINATION');
    const address = path`/v1/tenants/${tenant}/destinations/${destination}`;
    switch (action) {
      case 'get':
        terminal.json(await console.get(address));
        return 0;
      case 'enable':
      case 'disable': {
        const { version, ...shown } = await console.get<ShownDestination>(address);
        const body = { ...shown, enabled: action === 'enable' };
        const changed = await console.put(address, { body, expected: version });
        if (terminal.isJson) terminal.json(changed);
        else terminal.line(`destination ${tenant}/${destination}: ${action}d`);
        return 0;
      }
      case 'delete': {
        const question = `Delete the destination ${tenant}/${destination}?`;
        if (!(await assertWanted(terminal, values.yes, question))) return 1;
        const query = { force: values.force ? 'true' : undefined };
        const deleted = await console.delete(address, { query });
        if (terminal.isJson) terminal.json(deleted);
        else terminal.line(`destination ${tenant}/${destination}: deleted`);
        return 0;
      }
      default:
        throw new Misuse('say list, get, enable, disable or delete');
    }
  },
};

function rowOf(shown: ShownDestination): string[] {
  if (shown.unreadable === true) return [shown.id, '(unreadable: written by another version)'];
  const { id, type = '', region = '', preset = '', credentials, enabled, override } = shown;
  const scope = isDerivedId(id) ? override?.scope || 'the tenant' : '';
  const isOn = enabled === false ? 'no' : 'yes';
  return [id, type, region, preset, credentials?.kind ?? '', isOn, scope];
}

import { ChannelInput, DestinationInput, isDerivedId, SourceInput } from '@logferry/core';
import { stringify } from 'yaml';
import { Misuse } from '../misuse';
import { named, openSession, readArgs, type Command } from './command';
import {
  readInstallation,
  type ShownDestinationRecord,
  type ShownRecord,
  type ShownScope,
} from './installation';
import type { ShownKey } from './keys-command';
import type { KeyEntry } from './logferry-file';
import { secretName } from './secret-name';
import { referenceText } from './secret-reference';
import { withoutDefaults } from './without-defaults';

export const exportCommand: Command = {
  name: 'export',
  summary: 'writes what is there as a file that apply takes',
  help: `  npx logferry export [TENANT…] > logferry.yaml

All tenants, or those that are named, with their destinations, their variables by scope, their channels and sources, and the names
of their keys. What is as it would be without being said is left out, and so are destinations that variables make. Secrets cannot be
read: where there is one, the file says \${ENV:…} with a name for it, which apply asks for when it writes it elsewhere, or when its key
changes. What apply makes of the file at the same place is nothing.
`,
  async run(args) {
    const { values, positionals } = readArgs(args, {});
    const wanted = named(positionals, ...positionals.map(() => 'TENANT'));
    const { terminal, console } = openSession(values);
    const isWanted = (id: string): boolean => wanted.length === 0 || wanted.includes(id);
    const there = await readInstallation(console, {
      destinations: isWanted,
      scopes: isWanted,
      channels: isWanted,
      sources: isWanted,
    });
    const { tenants, destinations, scopes, keys } = there;
    const unknown = wanted.find((id) => !tenants.has(id));
    if (unknown !== undefined) throw new Misuse(`there is no tenant ${unknown}`);
    const unreadable: string[] = [];
    const readableOf = <R extends { id: string; unreadable?: unknown }>(
      kind: string,
      tenant: string,
      records: readonly R[] = [],
    ): R[] =>
      records.filter(({ id, unreadable: isUnreadable }) => {
        if (isUnreadable === true) unreadable.push(`${kind} ${tenant}/${id}`);
        return isUnreadable !== true;
      });
    const shown = [...tenants.values()]
      .filter(({ id }) => isWanted(id))
      .map(({ id, name, forwardAuditTrail, unreadable: isUnreadable }) => {
        if (isUnreadable === true) unreadable.push(`tenant ${id}`);
        const own = (destinations.get(id) ?? []).filter((record) => !isDerivedId(record.id));
        const channels = readableOf('channel', id, there.channels.get(id));
        const sources = readableOf('source', id, there.sources.get(id));
        return {
          id,
          ...(name === undefined ? {} : { name }),
          ...(forwardAuditTrail === undefined ? {} : { forwardAuditTrail }),
          destinations: readableOf('destination', id, own).map((record) =>
            destinationEntry(id, record),
          ),
          scopes: (scopes.get(id)?.scopes ?? []).map((shown) => scopeEntry(id, shown)),
          channels: channels.map((record) => channelEntry(id, record)),
          sources: sources.map((record) => sourceEntry(id, record)),
          keys: keys.filter(({ tenant }) => tenant === id).map(keyEntry),
        };
      });
    const platformKeys = keys.filter(({ tenant }) => tenant === null).map(keyEntry);
    const isWhole = wanted.length === 0 && platformKeys.length > 0;
    const file = { tenants: shown, ...(isWhole ? { keys: platformKeys } : {}) };
    if (terminal.isJson) terminal.json(file);
    else terminal.line(stringify(file, { lineWidth: 0 }).trimEnd());
    for (const what of unreadable)
      terminal.note(`${what} is left out: another version of Logferry wrote it`);
    return unreadable.length === 0 ? 0 : 1;
  },
};

function destinationEntry(tenant: string, record: ShownDestinationRecord): object {
  const fields: Record<string, unknown> = { ...record };
  delete fields.version;
  const bare = withoutDefaults(fields, (value) => DestinationInput.safeParse(value));
  const { id, type, credentials, ...others } = bare as {
    credentials: Record<string, unknown>;
  } & Record<string, unknown>;
  const rest = { id, type, ...others }; // what it is stands first
  // It is of this installation: another mints its own.
  delete credentials.externalId;
  if (credentials.kind !== 'access_key') return { ...rest, credentials };
  const secretAccessKey = secretOf([tenant, record.id], 'SECRET');
  return { ...rest, credentials: { ...credentials, secretAccessKey } };
}

function scopeEntry(tenant: string, { scope, region, variables }: ShownScope): object {
  const shown = Object.entries(variables).map(
    ([name, value]) =>
      [name, value ?? secretOf(scope === '' ? [tenant] : [tenant, scope], name)] as const,
  );
  return {
    scope,
    ...(region === null ? {} : { region }),
    ...(shown.length === 0 ? {} : { variables: Object.fromEntries(shown) }),
  };
}

/** Its host stays in the file: it is all of its address that can be compared. */
function channelEntry(tenant: string, record: ShownRecord): object {
  const secretAs = (name: string): string => secretOf([tenant, record.id], name);
  return {
    ...bareRecord(record, (value) => ChannelInput.safeParse(value)),
    url: secretAs('URL'),
    ...(record.kind === 'webhook' ? { signingSecret: secretAs('SIGNING_SECRET') } : {}),
  };
}

function sourceEntry(tenant: string, record: ShownRecord): object {
  const bare = bareRecord(record, (value) => SourceInput.safeParse(value));
  return { ...bare, clientSecret: secretOf([tenant, record.id], 'CLIENT_SECRET') };
}

function bareRecord({ version: _, ...fields }: ShownRecord, read: (value: unknown) => unknown) {
  return withoutDefaults(fields, read);
}

function secretOf(ids: readonly string[], what: string): string {
  return referenceText({ from: 'ENV', name: secretName(ids, what) });
}

function keyEntry({ name, scopes, logEventsPerSecond, bytesPerSecond }: ShownKey): KeyEntry {
  return {
    name,
    scopes: scopes as KeyEntry['scopes'],
    ...(logEventsPerSecond === undefined ? {} : { logEventsPerSecond }),
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
  };
}

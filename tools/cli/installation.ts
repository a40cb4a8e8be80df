// What is there now, as the console tells it to whoever asks.
import { TENANT_SCOPE } from '@logferry/core';
import { path, type ConsoleClient } from './console-client';
import type { ShownKey } from './keys-command';
import type { ShownTenant } from './tenants-command';

/** A destination as it is shown: all fields, but for the secrets. */
export type ShownDestinationRecord = Record<string, unknown> & { id: string; version: number };

/** A source or a channel as it is shown: all fields, but for the secrets. */
export type ShownRecord = Record<string, unknown> & {
  id: string;
  version: number;
  unreadable?: true;
};

/** What is set at a scope. */
export interface ShownScope {
  scope: string;
  /** `null` stands for a secret. */
  variables: Record<string, string | null>;
  region: string | null;
}

/** All of a tenant's variables, which are one record and have one version: 0 if there are none. */
export interface ShownScopes {
  version: number;
  scopes: ShownScope[];
}

export interface Installation {
  tenants: Map<string, ShownTenant>;
  /** By tenant. */
  destinations: Map<string, ShownDestinationRecord[]>;
  /** By tenant. */
  scopes: Map<string, ShownScopes>;
  /** By tenant. */
  channels: Map<string, ShownRecord[]>;
  /** By tenant. */
  sources: Map<string, ShownRecord[]>;
  keys: ShownKey[];
}

/** Of which tenants something is to be read; those that are not there have nothing. */
export type Wanted = Record<ListOfTenant, (tenantId: string) => boolean>;
export type ListOfTenant = 'destinations' | 'scopes' | 'channels' | 'sources';

/** Enough to be quick, and not so many that the console serves nobody else. */
const AT_ONCE = 8;

export async function readInstallation(
  console: ConsoleClient,
  wanted: Wanted,
): Promise<Installation> {
  const [tenants, keys] = await Promise.all([
    console.list<ShownTenant>('/v1/tenants', 'tenants'),
    console.list<ShownKey>('/v1/keys', 'keys'),
  ]);
  const destinations = new Map<string, ShownDestinationRecord[]>();
  const scopes = new Map<string, ShownScopes>();
  const channels = new Map<string, ShownRecord[]>();
  const sources = new Map<string, ShownRecord[]>();
  const left = tenants.map(({ id }) => id);
  const readNext = async (): Promise<void> => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      if (wanted.destinations(id))
        destinations.set(
          id,
          await console.list(path`/v1/tenants/${id}/destinations`, 'destinations'),
        );
      if (wanted.scopes(id)) scopes.set(id, await readScopes(console, id));
      if (wanted.channels(id))
        channels.set(id, await console.list(path`/v1/tenants/${id}/channels`, 'channels'));
      if (wanted.sources(id))
        sources.set(id, await console.list(path`/v1/tenants/${id}/sources`, 'sources'));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, readNext));
  const byId = new Map(tenants.map((tenant) => [tenant.id, tenant]));
  return { tenants: byId, destinations, scopes, channels, sources, keys };
}

/** The version is that of before the first scope was read, so that no change in between is written over. */
async function readScopes(console: ConsoleClient, tenant: string): Promise<ShownScopes> {
  const { scopes: names, version } = await console.get<{
    scopes: { scope: string }[];
    version: number;
  }>(path`/v1/tenants/${tenant}/scopes`);
  const scopes: ShownScope[] = [];
  for (const { scope } of names) scopes.push(await console.get(scopeAddress(tenant, scope)));
  return { version, scopes };
}

export function scopeAddress(tenant: string, scope: string): string {
  return scope === TENANT_SCOPE
    ? path`/v1/tenants/${tenant}/variables`
    : path`/v1/tenants/${tenant}/scopes/${scope}/variables`;
}

// What is there now, as the console tells it to whoever asks.
import { path, type ConsoleClient } from './console-client';
import type { ShownKey } from './keys-command';
import type { ShownTenant } from './tenants-command';

/** A destination as it is shown: all fields, but for the secrets. */
export type ShownDestinationRecord = Record<string, unknown> & { id: string; version: number };

export interface Installation {
  tenants: Map<string, ShownTenant>;
  /** By tenant. */
  destinations: Map<string, ShownDestinationRecord[]>;
  keys: ShownKey[];
}

/** Enough to be quick, and not so many that the console serves nobody else. */
const AT_ONCE = 8;

/** @param wanted the tenants whose destinations are to be read; those that are not there have none */
export async function readInstallation(
  console: ConsoleClient,
  wanted: (tenantId: string) => boolean,
): Promise<Installation> {
  const [tenants, keys] = await Promise.all([
    console.list<ShownTenant>('/v1/tenants', 'tenants'),
    console.list<ShownKey>('/v1/keys', 'keys'),
  ]);
  const destinations = new Map<string, ShownDestinationRecord[]>();
  const left = tenants.map(({ id }) => id).filter(wanted);
  const readNext = async (): Promise<void> => {
    for (let id = left.shift(); id !== undefined; id = left.shift())
      destinations.set(
        id,
        await console.list(path`/v1/tenants/${id}/destinations`, 'destinations'),
      );
  };
  await Promise.all(Array.from({ length: AT_ONCE }, readNext));
  return { tenants: new Map(tenants.map((tenant) => [tenant.id, tenant])), destinations, keys };
}

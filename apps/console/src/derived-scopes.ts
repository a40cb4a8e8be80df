import { destinationKey, isDerivedId, Scope, TENANT_SCOPE } from '@logferry/core';
import { destinationPlace, type ConfigStore } from '@logferry/store';
import { z } from 'zod';
import { jsonOf } from './config-views';
import { html, type Html } from './html';

interface Place {
  tenantId: string;
  destinationId: string;
}

/** The scope of a destination that variables make; nothing of any other, or of one that is there no more. */
export type ScopeOf = (place: Place) => string | undefined;

/** All that is wanted of what is stored: another version may have written the rest. */
const Derived = z.object({ override: z.object({ scope: Scope }) });

/** The scopes at which those variables are set that make a destination: its id is a digest, which tells nobody. */
export class DerivedScopes {
  constructor(private readonly store: ConfigStore) {}

  async of(places: readonly Place[]): Promise<ScopeOf> {
    const derived = new Map(
      places
        .filter(({ destinationId }) => isDerivedId(destinationId))
        .map((place) => [destinationKey(place.tenantId, place.destinationId), place]),
    );
    const records = await this.store.find(
      [...derived.values()].map(({ tenantId, destinationId }) =>
        destinationPlace(tenantId, destinationId),
      ),
    );
    const scopes = new Map(
      [...derived.keys()].map((key, i) => [
        key,
        Derived.safeParse(jsonOf(records[i]?.text ?? '')).data?.override.scope,
      ]),
    );
    return ({ tenantId, destinationId }) => scopes.get(destinationKey(tenantId, destinationId));
  }
}

/** Whose variables make a destination, below its id. */
export function scopeNote(scope: string | undefined): Html {
  if (scope === undefined) return html``;
  const owner = scope === TENANT_SCOPE ? 'the tenant' : scope;
  return html`<br /><span class="dim">variables of ${owner}</span>`;
}

// What `npm run apply` does with a file: reads it strictly, and makes the store say the same.
import {
  Destination,
  DESTINATIONS_MAX,
  isDerivedId,
  keyScopes,
  Tenant,
  TenantId,
} from '@logferry/core';
import { mintKey, type ConfigStore, type StoredKey } from '@logferry/store';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';

const TenantEntry = Tenant.extend({
  destinations: z.array(Destination).max(DESTINATIONS_MAX).default([]),
  remove: z.array(TenantId).default([]),
}).superRefine(({ destinations, remove }, context) => {
  // The later one would take the place of the first, and what a customer wanted delivered there would be delivered nowhere.
  for (const id of twice(destinations)) {
    context.addIssue({ code: 'custom', path: ['destinations'], message: `${id} ${TWICE}` });
  }
  for (const { id } of destinations) {
    if (isDerivedId(id)) {
      const message = `${id} is an id of a destination that variables make`;
      context.addIssue({ code: 'custom', path: ['destinations'], message });
    }
    if (!remove.includes(id)) continue;
    context.addIssue({ code: 'custom', path: ['remove'], message: `${id} is a destination too` });
  }
});

export const TenantsFile = z.strictObject({
  tenants: z
    .array(TenantEntry)
    .default([])
    .superRefine((tenants, context) => {
      for (const id of twice(tenants))
        context.addIssue({ code: 'custom', message: `${id} ${TWICE}` });
    }),
  keys: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(100),
        tenant: TenantId.optional(),
        scopes: z.array(z.enum(keyScopes)).min(1).optional(),
        logEventsPerSecond: z.int().min(0).optional(),
        bytesPerSecond: z.int().min(0).optional(),
      }),
    )
    .default([]),
  revoke: z
    .array(
      z.string().regex(/^[0-9a-f]{12}$/, 'must be the id of a key: the twelve digits after lf_'),
    )
    .default([]),
});
export type TenantsFile = z.infer<typeof TenantsFile>;

/** Applying the same file twice changes nothing the second time. Keys are revoked first, so that one file may replace one. */
export async function applyTenantsFile(
  store: ConfigStore,
  { tenants, keys, revoke }: TenantsFile,
  say: (line: string) => void,
): Promise<void> {
  for (const entry of tenants) await applyTenant(store, entry, say);
  for (const id of revoke) {
    const key = await store.key(id);
    await store.deleteKey(id);
    say(key === undefined ? `key ${id} is not there` : `key ${titleOf(key)}: revoked`);
  }
  const there = await store.keys();
  for (const { name, tenant, scopes, ...rate } of keys) {
    const known = there.find((key) => key.name === name && key.tenantId === tenant);
    if (known !== undefined) {
      const changed = { ...known, rate, ...(scopes === undefined ? {} : { scopes }) };
      const isSame = isDeepStrictEqual({ ...known, rate: known.rate ?? {} }, changed);
      if (!isSame) await store.putKey(changed);
      say(`key ${titleOf(known)}: ${isSame ? 'there already' : 'changed'}`);
      continue;
    }
    const { text, key: minted } = mintKey(name, tenant, Date.now(), scopes);
    const key = { ...minted, rate };
    await store.putKey(key);
    there.push(key);
    say(`key ${titleOf(key)}, shown this once: ${text}`);
  }
}

async function applyTenant(
  store: ConfigStore,
  { destinations, remove, ...tenant }: z.infer<typeof TenantEntry>,
  say: (line: string) => void,
): Promise<void> {
  await store.putTenant(tenant);
  for (const destination of destinations) await store.putDestination(tenant.id, destination);
  say(`tenant ${tenant.id}: ${destinations.map(({ id }) => id).join(', ') || 'no destinations'}`);
  const before = await store.tenant(tenant.id);
  for (const id of remove) {
    const isThere = before?.destinations.some((destination) => destination.id === id) ?? false;
    await store.deleteDestination(tenant.id, id);
    say(
      isThere
        ? `destination ${id} of ${tenant.id}: removed; what still waits for it is held (destination.missing) until there is ` +
            'one with that id again'
        : `destination ${id} of ${tenant.id} is not there`,
    );
  }
}

const TWICE = 'stands there twice';

function twice(named: readonly { id: string }[]): Set<string> {
  const seen = new Set<string>();
  return new Set(named.map(({ id }) => id).filter((id) => seen.size === seen.add(id).size));
}

function titleOf({ id, name, tenantId }: StoredKey): string {
  return `${name} for ${tenantId ?? 'the platform'} (${id})`;
}

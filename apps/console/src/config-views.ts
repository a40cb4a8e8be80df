// The configuration as the API takes it and tells it. The OpenAPI document is made of these schemas.
import {
  Channel,
  Destination,
  keyScopes,
  shownChannel,
  shownCredentials,
  Tenant,
  TenantId,
  type ShownChannel,
  type ShownCredentials,
} from '@logferry/core';
import type { StoredKey, StoredText } from '@logferry/store';
import { z } from 'zod';

const version = z
  .int()
  .min(0)
  .describe('grows with each change; sent back, it must still be the version that is there');

/** Who writes what they have read sends its version along; it is the request's, not the record's. */
export const Versioned = z.looseObject({ version: version.optional() });

export const TenantView = z.strictObject({ ...Tenant.shape, version });
export type TenantView = z.infer<typeof TenantView>;

const rate = {
  logEventsPerSecond: z
    .int()
    .min(0)
    .optional()
    .describe("the key's own rate, 0 for none; without it, what LOGFERRY_INGEST_KEY_… says"),
  bytesPerSecond: z.int().min(0).optional().describe('the same in bytes of bodies, inflated'),
};
const scopes = z
  .array(z.enum(keyScopes))
  .min(1)
  .max(keyScopes.length)
  .describe(
    'what it may do: `send` log events, `read` the configuration, or `admin`: change it, and read it',
  );
const keyName = z.string().min(1).max(100).describe('for people; the audit trail shows it');

export const NewKey = z.strictObject({
  name: keyName,
  tenant: TenantId.optional().describe(
    'whose key it is; without one, it is a key of the platform, good for all tenants',
  ),
  scopes: scopes.default(['send']),
  ...rate,
});
export type NewKey = z.infer<typeof NewKey>;

export const KeyView = z.strictObject({
  id: z.string().describe('the twelve digits after `lf_` in the key'),
  name: keyName,
  tenant: TenantId.nullable(),
  scopes,
  ...rate,
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().nullable().describe('to the minute'),
  version,
});
export type KeyView = z.infer<typeof KeyView>;

export const MintedKeyView = KeyView.extend({
  key: z.string().describe('the key itself. It is told this once, and stored nowhere'),
});

/** What may be changed of a key. What else a key is told with may be sent back as it was read. */
export const KeyChange = z.strictObject({
  name: keyName,
  scopes,
  ...rate,
  id: z.string().optional(),
  tenant: TenantId.nullable().optional(),
  createdAt: z.unknown().optional(),
  lastUsedAt: z.unknown().optional(),
});
export type KeyChange = z.infer<typeof KeyChange>;

export const AuditEntryView = z.strictObject({
  id: z.string().describe('where the list goes on'),
  at: z.iso.datetime(),
  by: z.union([
    z.strictObject({ kind: z.literal('key'), id: z.string(), name: z.string() }),
    z.strictObject({ kind: z.enum(['login', 'check', 'command']) }),
  ]),
  action: z.enum(['created', 'changed', 'deleted']),
  kind: z.string().describe('what kind of record it is'),
  tenant: TenantId.nullable(),
  record: z.string().describe("the record's id"),
  version,
  before: z.unknown().describe('without secrets; null if it was not there'),
  after: z.unknown().describe('the same; null if it is no more'),
});

/** A record that another version wrote, or somebody by hand: it is told of, and may be written anew or deleted. */
export const UnreadableView = z.strictObject({
  id: z.string(),
  unreadable: z.literal(true),
  version,
});
export type UnreadableView = z.infer<typeof UnreadableView>;

export function tenantView(id: string, stored: StoredText): TenantView | UnreadableView {
  const parsed = Tenant.safeParse(jsonOf(stored.text));
  if (!parsed.success) return unreadable(id, stored);
  return { ...parsed.data, version: stored.version };
}

/** A destination without its secrets: they are written, and never read. */
export type DestinationView = UnreadableView | { version: number; credentials: ShownCredentials };

export function destinationView(id: string, stored: StoredText): DestinationView {
  const parsed = Destination.safeParse(jsonOf(stored.text));
  if (!parsed.success) return unreadable(id, stored);
  // Not whatever has a name like that of a secret: a tag may have one, and would be lost by whoever writes what was read.
  const credentials = shownCredentials(parsed.data.credentials);
  return { ...parsed.data, credentials, version: stored.version };
}

/** A channel without its address. */
export type ChannelView = UnreadableView | (ShownChannel & { version: number });

export function channelView(id: string, stored: StoredText): ChannelView {
  const parsed = Channel.safeParse(jsonOf(stored.text));
  if (!parsed.success) return unreadable(id, stored);
  return { ...shownChannel(parsed.data), version: stored.version };
}

export function keyView(
  { id, name, tenantId, scopes: of = ['send'], rate: own = {}, createdAt }: StoredKey,
  keyVersion: number,
  lastUsedMs: number | undefined,
): KeyView {
  return {
    id,
    name,
    tenant: tenantId ?? null,
    scopes: [...of],
    ...own,
    createdAt: new Date(createdAt).toISOString(),
    lastUsedAt: lastUsedMs === undefined ? null : new Date(lastUsedMs).toISOString(),
    version: keyVersion,
  };
}

function unreadable(id: string, { version: of }: StoredText): UnreadableView {
  return { id, unreadable: true, version: of };
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// Names and addresses of what is stored, and what a write of it is. Everything has one hash tag: it is small, and a change, its
// announcement and its entry in the audit trail are one step.
import type { AssumedRole } from '@logferry/core';
import type { StoredKey } from './api-key';

/** The hash tag that all of it has. */
export const CONFIG_TAG = '{lf}';

/** What was changed, for whoever remembers it. */
export type Change = { kind: 'tenant'; tenantId: string } | { kind: 'key'; keyId: string };

/** What kind of thing a record is, in the words of the audit trail. */
export type RecordKind =
  | 'tenant'
  | 'former_tenant'
  | 'destination'
  | 'wide_role'
  | 'source'
  | 'channel'
  | 'key'
  | 'variables';

/** Where something that is remembered lies, and whom a change of it concerns. */
export interface RecordPlace {
  kind: RecordKind;
  hash: string;
  /** Its id within the hash. */
  field: string;
  tenantId?: string;
  change: Change;
}

export function tenantPlace(tenantId: string): RecordPlace {
  const change = { kind: 'tenant', tenantId } as const;
  return { kind: 'tenant', hash: 'tenants', field: tenantId, tenantId, change };
}

/** There for as long as a tenant of this id was deleted and there is none again. It is only looked at: the script writes it. */
export function formerTenantPlace(tenantId: string): RecordPlace {
  return { ...tenantPlace(tenantId), kind: 'former_tenant', hash: 'formerTenants' };
}

export function destinationPlace(tenantId: string, destinationId: string): RecordPlace {
  const change = { kind: 'tenant', tenantId } as const;
  const hash = `destinations:${tenantId}`;
  return { kind: 'destination', hash, field: destinationId, tenantId, change };
}

/** There for as long as AWS is known to let another tenant assume the role. */
export function wideRolePlace(tenantId: string, id: string): RecordPlace {
  const change = { kind: 'tenant', tenantId } as const;
  return { kind: 'wide_role', hash: `wideRoles:${tenantId}`, field: id, tenantId, change };
}

export function roleId({ kind, roleArn }: AssumedRole): string {
  return `${kind} ${roleArn}`;
}

export function sourcePlace(tenantId: string, sourceId: string): RecordPlace {
  const change = { kind: 'tenant', tenantId } as const;
  return { kind: 'source', hash: `sources:${tenantId}`, field: sourceId, tenantId, change };
}

export function channelPlace(tenantId: string, channelId: string): RecordPlace {
  const change = { kind: 'tenant', tenantId } as const;
  return { kind: 'channel', hash: `channels:${tenantId}`, field: channelId, tenantId, change };
}

/** All variables of a tenant, by scope: one record, so that what is made of them is never of two moments. */
export function variablesPlace(tenantId: string): RecordPlace {
  const change = { kind: 'tenant', tenantId } as const;
  return { kind: 'variables', hash: 'variables', field: tenantId, tenantId, change };
}

export function keyPlace({ id, tenantId }: Pick<StoredKey, 'id' | 'tenantId'>): RecordPlace {
  const place = { kind: 'key', hash: 'keys', field: id } as const;
  const change = { kind: 'key', keyId: id } as const;
  return tenantId === undefined ? { ...place, change } : { ...place, tenantId, change };
}

/**
 * What a record must be for a write of it to happen: of a version, or there at all, or not there. 0 is the version of a record that was
 * written before there were versions.
 */
export type Expected = number | 'present' | 'absent';

/** A record as it lies there. */
export interface StoredText {
  text: string;
  version: number;
}

/** What shall become of a record. */
export interface RecordWrite {
  place: RecordPlace;
  /** What it is to be, `undefined` for nothing more. Without it, the record is only looked at. */
  to?: { value: object | undefined };
  expected?: Expected | undefined;
  /** How many of its kind its tenant may have. One that is there already may be written all the same. */
  most?: number | undefined;
}

/** Who changes something, for the audit trail. */
export type Actor =
  | { kind: 'key'; id: string; name: string }
  | { kind: 'login' }
  /** What the console has found out, in a test or a check. */
  | { kind: 'check' }
  /** Whoever has Redis itself, such as `npm start`, which makes the demo customer. */
  | { kind: 'command' };

/** What became of a write: version, and whether it is new, are those of the first record that was to be anything. */
export type Written =
  | { kind: 'written'; version: number; created: boolean }
  /** It is so already: nothing was written, announced or noted. */
  | { kind: 'unchanged'; version: number; created: false }
  /** A record was not what was expected. */
  | { kind: 'conflict'; place: RecordPlace; version: number | undefined }
  /** The tenant has as many already as it may have. */
  | { kind: 'full'; place: RecordPlace; most: number; version: undefined };

import { Credentials, SealedSecret, type FailureCode, type SecretOwner } from '@logferry/core';
import {
  channelPlace,
  destinationPlace,
  sourcePlace,
  type ConfigStore,
  type RecordPlace,
} from '@logferry/store';
import { z } from 'zod';
import { jsonOf } from './config-views';

/** What is needed of a destination that may be of another version otherwise. */
export const StoredCredentials = z.looseObject({ credentials: Credentials });

const WithSecret = z.looseObject({ sealedSecret: SealedSecret });

/** A record that may hold a sealed secret. */
export interface SealedRecord {
  kind: 'destination' | 'source' | 'channel';
  id: string;
  owner: SecretOwner;
  place: RecordPlace;
  /**
   * The secret in its text, if it has one. What cannot be read may have one: then no key of the broker can be said to be needed no
   * more.
   */
  read: (text: string) => string | undefined | { code: FailureCode };
  /** Its text with another secret: as it lies there, since another version may have written it with more than we know. */
  with: (text: string, sealedSecret: string) => object;
}

/** All records of a tenant that may hold one. */
export async function sealedRecords(
  store: Pick<ConfigStore, 'destinationIds' | 'sourceIds' | 'channelIds'>,
  tenantId: string,
): Promise<SealedRecord[]> {
  const [destinationIds, sourceIds, channelIds] = await Promise.all([
    store.destinationIds(tenantId),
    store.sourceIds(tenantId),
    store.channelIds(tenantId),
  ]);
  return [
    ...destinationIds.map((id) => destinationRecord(tenantId, id)),
    ...sourceIds.map((id) => sourceRecord(tenantId, id)),
    ...channelIds.map((id) => channelRecord(tenantId, id)),
  ];
}

function destinationRecord(tenantId: string, id: string): SealedRecord {
  return {
    kind: 'destination',
    id,
    owner: { tenantId, destinationId: id },
    place: destinationPlace(tenantId, id),
    read: (text) => {
      const parsed = StoredCredentials.safeParse(jsonOf(text));
      if (!parsed.success) return { code: 'destination.unreadable' };
      const { credentials } = parsed.data;
      return credentials.kind === 'access_key' ? credentials.sealedSecret : undefined;
    },
    with: (text, sealedSecret) => {
      const stored = jsonOf(text) as { credentials: object };
      return { ...stored, credentials: { ...stored.credentials, sealedSecret } };
    },
  };
}

function sourceRecord(tenantId: string, id: string): SealedRecord {
  return {
    kind: 'source',
    id,
    owner: { tenantId, sourceId: id },
    place: sourcePlace(tenantId, id),
    ...ownSecret,
  };
}

function channelRecord(tenantId: string, id: string): SealedRecord {
  return {
    kind: 'channel',
    id,
    owner: { tenantId, channelId: id },
    place: channelPlace(tenantId, id),
    ...ownSecret,
  };
}

/** Of a record that has its secret beside its other fields. */
const ownSecret: Pick<SealedRecord, 'read' | 'with'> = {
  read: (text) => {
    const parsed = WithSecret.safeParse(jsonOf(text));
    return parsed.success ? parsed.data.sealedSecret : { code: 'credential.secret_unreadable' };
  },
  with: (text, sealedSecret) => ({ ...(jsonOf(text) as object), sealedSecret }),
};

import type { Destination } from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import type { ConfigStore } from '@logferry/store';
import { unknownTenant } from './config-outcome';
import { unknownDestination } from './destination-desk';

/** @throws RequestProblem if there is none that can be read */
export async function storedDestination(
  store: ConfigStore,
  tenantId: string,
  destinationId: string,
): Promise<Destination> {
  const record = await store.tenant(tenantId);
  if (record === undefined) throw unknownTenant();
  const found = record.destinations.find(({ id }) => id === destinationId);
  if (found !== undefined) return found;
  if (record.unreadable?.some(({ id }) => id === destinationId) === true) {
    throw unreadableDestination();
  }
  throw unknownDestination();
}

export function unreadableDestination(): RequestProblem {
  return new RequestProblem(
    409,
    'config.unreadable',
    'what is stored of the destination cannot be read; write it anew',
  );
}

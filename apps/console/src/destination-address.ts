import type { DestinationPlace } from '@logferry/core';

export function addressOfTenant(tenantId: string): string {
  return `/tenants/${encodeURIComponent(tenantId)}`;
}

export function addressOfDestination({ tenantId, destinationId }: DestinationPlace): string {
  return `${addressOfTenant(tenantId)}/destinations/${encodeURIComponent(destinationId)}`;
}

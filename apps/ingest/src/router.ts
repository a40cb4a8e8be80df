import {
  filterOf,
  laneFinder,
  LaneMemory,
  redactionOf,
  type Destination,
  type KeyedHash,
  type LaneFinder,
  type LogEvent,
  type Redact,
} from '@logferry/core';
import type { TenantRecord } from '@logferry/store';

/** One destination of a tenant, ready to be asked. */
export interface Route {
  wants: (event: LogEvent) => boolean;
  /** Takes out what the destination must not have; nothing if it may have all. */
  redact: Redact | undefined;
  laneOf: LaneFinder;
}

export interface RouterOptions {
  /** The keyed hash of a tenant, if the platform has set a key. */
  hashOf?: ((tenantId: string) => KeyedHash) | undefined;
  /** Told of a destination that asks for hashes while there is no key. */
  onNoKey?: (tenantId: string, destinationId: string) => void;
}

/** Prepares a tenant's destinations once for each version of its configuration. */
export class Router {
  private readonly routes = new WeakMap<TenantRecord, readonly Route[]>();
  private readonly lanes = new LaneMemory();

  constructor(private readonly options: RouterOptions = {}) {}

  routesOf(record: TenantRecord): readonly Route[] {
    let routes = this.routes.get(record);
    if (routes === undefined) {
      routes = record.destinations
        .filter((destination) => destination.enabled)
        .map((destination) => this.prepare(record.tenant.id, destination));
      this.routes.set(record, routes);
    }
    return routes;
  }

  private prepare(tenantId: string, destination: Destination): Route {
    const { hashOf, onNoKey } = this.options;
    if (hashOf === undefined && destination.redact.some(({ action }) => action === 'hash'))
      onNoKey?.(tenantId, destination.id);
    return {
      wants: filterOf(destination),
      redact: redactionOf(destination, hashOf?.(tenantId)),
      laneOf: laneFinder(tenantId, destination, this.lanes),
    };
  }
}

import { filterOf, laneFinder, LaneMemory, type LaneFinder, type LogEvent } from '@logferry/core';
import type { TenantRecord } from '@logferry/store';

/** One destination of a tenant, ready to be asked. */
export interface Route {
  wants: (event: LogEvent) => boolean;
  laneOf: LaneFinder;
}

/** Prepares a tenant's destinations once for each version of its configuration. */
export class Router {
  private readonly routes = new WeakMap<TenantRecord, readonly Route[]>();
  private readonly lanes = new LaneMemory();

  routesOf(record: TenantRecord): readonly Route[] {
    let routes = this.routes.get(record);
    if (routes === undefined) {
      routes = record.destinations
        .filter((destination) => destination.enabled)
        .map((destination) => ({
          wants: filterOf(destination),
          laneOf: laneFinder(record.tenant.id, destination, this.lanes),
        }));
      this.routes.set(record, routes);
    }
    return routes;
  }
}

import {
  filterOf,
  laneFinder,
  LaneMemory,
  overrideChooser,
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

/** The routes that log events of a type and scope may take. */
type RoutesFor = (event: LogEvent) => readonly Route[];

/** How many places of its hierarchy a tenant's routes are remembered for. */
const PLACES_MAX = 1_000;

/** Prepares a tenant's destinations once for each version of its configuration. */
export class Router {
  private readonly routes = new WeakMap<TenantRecord, RoutesFor>();
  private readonly lanes = new LaneMemory();

  constructor(private readonly options: RouterOptions = {}) {}

  /** What to ask for the routes of each of a tenant's log events. */
  routesOf(record: TenantRecord): RoutesFor {
    let routesFor = this.routes.get(record);
    if (routesFor === undefined) {
      routesFor = this.compile(record);
      this.routes.set(record, routesFor);
    }
    return routesFor;
  }

  private compile({ tenant, destinations }: TenantRecord): RoutesFor {
    const routeOf = new Map(
      destinations
        .filter(({ enabled }) => enabled)
        .map((destination) => [destination, this.prepare(tenant.id, destination)]),
    );
    const choose = overrideChooser(destinations);
    if (choose === undefined) {
      const routes = [...routeOf.values()];
      return () => routes;
    }
    return remembered((type, scope) =>
      choose(type, scope).flatMap((destination) => routeOf.get(destination) ?? []),
    );
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

/** Log events come in runs of one place, and the places of a tenant are few beside its log events. */
function remembered(
  routesAt: (type: string, scope: string | undefined) => readonly Route[],
): RoutesFor {
  const known = new Map<string, readonly Route[]>();
  let last: { type: string; scope: string | undefined; routes: readonly Route[] } | undefined;
  return ({ type, scope }) => {
    if (last !== undefined && last.scope === scope && last.type === type) return last.routes;
    const key = `${type}\n${scope ?? ''}`;
    let routes = known.get(key);
    if (routes === undefined) {
      if (known.size >= PLACES_MAX) known.clear();
      routes = routesAt(type, scope);
      known.set(key, routes);
    }
    last = { type, scope, routes };
    return routes;
  };
}

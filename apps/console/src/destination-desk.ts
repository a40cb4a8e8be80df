import { Destination, DESTINATIONS_MAX, type Destination as OneDestination } from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import { destinationPlace, tenantPlace, type ConfigStore } from '@logferry/store';
import { stored, tooMany, unknownTenant, waitingProblem, type Put } from './config-outcome';
import { destinationView, type DestinationView } from './config-views';
import { byOf, mayWrite, readRecord, type WriteRequest } from './config-write';
import { pageOf, type PageRequest } from './page-request';
import { expectedOf } from './precondition';
import type { WaitingLogEvents } from './waiting-log-events';

/** Looks at a destination that is to be switched on. Says why it must not be, if something speaks against it. */
export type DestinationCheck = (
  tenantId: string,
  destination: OneDestination,
) => Promise<string | undefined>;

interface DestinationDeskParts {
  store: ConfigStore;
  waiting: WaitingLogEvents;
  check: DestinationCheck;
  readOnly: boolean;
}

/** What may be done with a tenant's destinations. */
export class DestinationDesk {
  constructor(private readonly parts: DestinationDeskParts) {}

  /** @throws RequestProblem if there is no such tenant */
  async list(tenantId: string, page: PageRequest): Promise<object> {
    const { store } = this.parts;
    const [tenant] = await store.find([tenantPlace(tenantId)]);
    if (tenant === undefined) throw unknownTenant();
    const { ids, cursor } = pageOf(await store.destinationIds(tenantId), page);
    const found = await store.find(ids.map((id) => destinationPlace(tenantId, id)));
    const destinations = ids.flatMap((id, i) => {
      const record = found[i];
      return record === undefined ? [] : [destinationView(id, record)];
    });
    return { destinations, cursor };
  }

  /** @throws RequestProblem if there is no such destination */
  async find(tenantId: string, destinationId: string): Promise<DestinationView> {
    const { store } = this.parts;
    const [record] = await store.find([destinationPlace(tenantId, destinationId)]);
    if (record === undefined) throw unknownDestination();
    return destinationView(destinationId, record);
  }

  /** @throws RequestProblem */
  async put(tenantId: string, destinationId: string, request: WriteRequest): Promise<Put<object>> {
    const { store, check, readOnly } = this.parts;
    mayWrite(readOnly);
    const { value, expected } = readRecord(Destination, destinationId, request);
    const there = await store.destinationIds(tenantId);
    if (!there.includes(destinationId) && there.length >= DESTINATIONS_MAX)
      throw tooMany(DESTINATIONS_MAX, 'destinations');
    const refusal = value.enabled ? await check(tenantId, value) : undefined;
    if (refusal !== undefined) throw new RequestProblem(422, 'config.refused', refusal);
    const place = destinationPlace(tenantId, destinationId);
    const written = await store.write(byOf(request), [
      { place, to: { value }, expected },
      { place: tenantPlace(tenantId), expected: 'present' },
    ]);
    const { created, version } = stored(written, 'destination');
    return {
      created,
      view: destinationView(destinationId, { text: JSON.stringify(value), version }),
    };
  }

  /**
   * @returns how many log events wait for it and are held now
   * @throws RequestProblem if some do, unless it is forced
   */
  async delete(
    tenantId: string,
    destinationId: string,
    { force, ...request }: WriteRequest & { force: boolean },
  ): Promise<number> {
    const { store, waiting, readOnly } = this.parts;
    mayWrite(readOnly);
    const place = destinationPlace(tenantId, destinationId);
    const expected = expectedOf(request.headers);
    const [record] = await store.find([place]);
    if (record === undefined && expected === undefined) throw unknownDestination();
    const logEvents = await waiting.ofDestination(tenantId, destinationId);
    if (logEvents > 0 && !force) throw waitingProblem('destination', logEvents, 'log events');
    const options = { by: byOf(request), expected };
    stored(await store.deleteDestination(tenantId, destinationId, options), 'destination');
    return logEvents;
  }
}

function unknownDestination(): RequestProblem {
  return new RequestProblem(
    404,
    'config.unknown_destination',
    'there is no destination of this id, or no such tenant',
  );
}

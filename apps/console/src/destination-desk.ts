import {
  type Credentials,
  Destination,
  DestinationInput,
  DESTINATIONS_MAX,
  Failure,
  failureKinds,
  isDerivedId,
} from '@logferry/core';
import { RequestProblem, type BrokerDesk } from '@logferry/runtime';
import { destinationPlace, tenantPlace, type ConfigStore, type StoredText } from '@logferry/store';
import { stored, unknownTenant, waitingProblem, type Put } from './config-outcome';
import { invalid } from './config-problem';
import { destinationView, jsonOf, type DestinationView } from './config-views';
import { byOf, mayWrite, readRecord, type WriteRequest } from './config-write';
import { pageOf, type PageRequest } from './page-request';
import { expectedOf, expectedOfRead, mayReadAgain } from './precondition';
import { StoredCredentials } from './sealed-records';
import type { WaitingLogEvents } from './waiting-log-events';

/**
 * Looks at a destination that is to be switched on, or stay so. Says why it must not be, if something speaks against it.
 *
 * @param before what is stored of it, if that can be read
 */
export type DestinationCheck = (
  tenantId: string,
  destination: Destination,
  before: Destination | undefined,
) => Promise<string | undefined>;

/** Others may write between the look and the write, and not again and again. */
const TRIES = 20;

/** What writing destinations needs, as they are entered or as variables make them. */
export interface DestinationDeskParts {
  store: ConfigStore;
  waiting: WaitingLogEvents;
  broker: Pick<BrokerDesk, 'storedCredentials'>;
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
    const { store, readOnly } = this.parts;
    mayWrite(readOnly);
    refuseDerived(destinationId);
    const { value: entered, expected } = readRecord(DestinationInput, destinationId, request);
    const [tenant] = await store.find([tenantPlace(tenantId)]);
    if (tenant === undefined) throw unknownTenant();
    const place = destinationPlace(tenantId, destinationId);
    for (let tries = 0; tries < TRIES; tries++) {
      const [before] = await store.find([place]);
      const value = await this.toStore(tenantId, entered, before);
      const written = await store.write(byOf(request), [
        // What was entered goes on with a secret of before, which must not be written over a newer one.
        {
          place,
          to: { value },
          expected: expectedOfRead(expected, before?.version),
          most: DESTINATIONS_MAX,
        },
        { place: tenantPlace(tenantId), expected: 'present' },
      ]);
      const isOvertaken = written.kind === 'conflict' && written.place.kind === 'destination';
      const isMissing = expected === 'present' && before === undefined;
      if (isOvertaken && mayReadAgain(expected) && !isMissing) continue;
      const { created, version } = stored(written, 'destination');
      const text = JSON.stringify(value);
      return { created, view: destinationView(destinationId, { text, version }) };
    }
    throw new Error('a destination is changed by others again and again');
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
    refuseDerived(destinationId);
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

  /** What is stored of what was entered, if nothing speaks against it. */
  private async toStore(
    tenantId: string,
    entered: DestinationInput,
    before: StoredText | undefined,
  ): Promise<Destination> {
    const { broker, check } = this.parts;
    const place = { tenantId, destinationId: entered.id };
    const credentials = await broker
      .storedCredentials(place, entered.credentials, credentialsOf(before))
      .catch(refuseCredentials);
    if (credentials === undefined)
      throw invalid([
        {
          path: '$.credentials.secretAccessKey',
          message: 'is missing: no secret of this key is stored',
        },
      ]);
    const destination = Destination.parse({ ...entered, credentials });
    const was = Destination.safeParse(jsonOf(before?.text ?? '')).data;
    const refusal = destination.enabled ? await check(tenantId, destination, was) : undefined;
    if (refusal !== undefined) throw new RequestProblem(422, 'config.refused', refusal);
    return destination;
  }
}

function credentialsOf(before: StoredText | undefined): Credentials | undefined {
  if (before === undefined) return undefined;
  const parsed = StoredCredentials.safeParse(jsonOf(before.text));
  return parsed.success ? parsed.data.credentials : undefined;
}

/** @throws RequestProblem always */
export function refuseCredentials(error: unknown): never {
  if (!(error instanceof Failure)) throw error;
  const { code } = error;
  const message = failureKinds[code].publicMessage;
  if (code === 'credential.external_id_foreign')
    throw invalid([{ path: '$.credentials.externalId', message }]);
  if (code === 'credential.kind_unavailable')
    throw invalid([{ path: '$.credentials.kind', message }]);
  throw new RequestProblem(
    503,
    'console.broker_unavailable',
    'the credential broker, which is needed for these credentials, does not answer; nothing was written',
    { 'retry-after': '5' },
  );
}

/** @throws RequestProblem */
export function refuseDerived(destinationId: string): void {
  if (!isDerivedId(destinationId)) return;
  throw new RequestProblem(
    409,
    'config.derived',
    'a destination with such an id is made from variables; change those',
  );
}

export function unknownDestination(): RequestProblem {
  return new RequestProblem(
    404,
    'config.unknown_destination',
    'there is no destination of this id, or no such tenant',
  );
}

import { destinationKey, type DestinationPlace, type Ledger } from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import { destinationPlace, tenantPlace, type ConfigStore, type StoredText } from '@logferry/store';
import type { z } from 'zod';
import type { AccountSetupDesk } from './account-setup-desk';
import { unknownTenant } from './config-outcome';
import type { ConnectionDesk } from './connection-desk';
import type { ConnectionResultView } from './connection-view';
import { DerivedScopes } from './derived-scopes';
import { unknownDestination } from './destination-desk';
import type { HeldDestination, HeldDestinations } from './held-destinations';
import type { Ledgers } from './ledgers';
import { shownDestination, type ShownDestination } from './shown-destination';

/** A destination and how it does. */
export interface LookedAt extends DestinationPlace {
  /** Nothing of one that cannot be read. */
  destination: ShownDestination | undefined;
  /** That of the variables that make it, if some do. */
  scope: string | undefined;
  hold: HeldDestination | undefined;
  ledger: Ledger;
}

/** The result of its last test or check. */
export type LastTest = z.infer<typeof ConnectionResultView>;

/** What is to be made in the account, in one language. */
export interface PrintedSetup {
  format: string;
  text: string;
}

/** Nothing printed where the platform has not said what is needed for it: then there is a problem. */
export interface Setup {
  printed: readonly PrintedSetup[];
  quickCreateUrl: string | undefined;
  problem: string | undefined;
}

interface Parts {
  store: ConfigStore;
  held: HeldDestinations;
  ledgers: Ledgers;
  connections: Pick<ConnectionDesk, 'last'>;
  setups: Pick<AccountSetupDesk, 'ofStored' | 'render'>;
}

/** What the pages of tenants and their destinations show. */
export class TenantLook {
  private readonly scopes: DerivedScopes;

  constructor(private readonly parts: Parts) {
    this.scopes = new DerivedScopes(parts.store);
  }

  /**
   * All of a tenant.
   *
   * @throws RequestProblem if there is no such tenant
   */
  async ofTenant(tenantId: string): Promise<LookedAt[]> {
    const { store } = this.parts;
    const [tenant] = await store.find([tenantPlace(tenantId)]);
    if (tenant === undefined) throw unknownTenant();
    const ids = (await store.destinationIds(tenantId)).toSorted();
    const records = await store.find(ids.map((id) => destinationPlace(tenantId, id)));
    // What was deleted since is left out.
    const there = ids.flatMap((destinationId, i): [DestinationPlace, StoredText][] => {
      const record = records[i];
      return record === undefined ? [] : [[{ tenantId, destinationId }, record]];
    });
    return Promise.all(there.map(([place, record]) => this.lookedAt(place, record)));
  }

  /** @throws RequestProblem if there is no such destination */
  async of(place: DestinationPlace): Promise<LookedAt> {
    const { tenantId, destinationId } = place;
    const [record] = await this.parts.store.find([destinationPlace(tenantId, destinationId)]);
    if (record === undefined) throw unknownDestination();
    return this.lookedAt({ tenantId, destinationId }, record);
  }

  /** How many destinations each of them has. */
  async counts(tenantIds: readonly string[]): Promise<number[]> {
    const all = tenantIds.map((id) => this.parts.store.destinationIds(id));
    return (await Promise.all(all)).map(({ length }) => length);
  }

  /** What a tenant has beside its destinations. */
  async beside(tenantId: string): Promise<{ sources: string[]; channels: string[] }> {
    const { store } = this.parts;
    const [sources, channels] = await Promise.all([
      store.sourceIds(tenantId),
      store.channelIds(tenantId),
    ]);
    return { sources: sources.toSorted(), channels: channels.toSorted() };
  }

  /** Nothing if there was none. */
  async lastTest(place: DestinationPlace): Promise<LastTest | undefined> {
    const last = await this.parts.connections.last(place).catch((error: unknown) => {
      if (error instanceof RequestProblem && error.status < 500) return undefined;
      throw error;
    });
    return last as LastTest | undefined;
  }

  async setup(place: DestinationPlace): Promise<Setup> {
    const { setups } = this.parts;
    try {
      const setup = await setups.ofStored(place);
      const formats = ['commands', 'terraform', 'cloudformation', 'json'] as const;
      const printed = formats.map((format) => ({
        format,
        text: inLines(setups.render(setup, format)),
      }));
      const { quickCreateUrl } = JSON.parse(setups.render(setup, 'json').text) as {
        quickCreateUrl: string | null;
      };
      return { printed, quickCreateUrl: quickCreateUrl ?? undefined, problem: undefined };
    } catch (error) {
      if (!(error instanceof RequestProblem) || error.status >= 500) throw error;
      return { printed: [], quickCreateUrl: undefined, problem: error.message };
    }
  }

  private async lookedAt(place: DestinationPlace, record: StoredText): Promise<LookedAt> {
    const { tenantId, destinationId } = place;
    const destination = shownDestination(destinationId, record);
    const key = destinationKey(tenantId, destinationId);
    const [hold, ledger, scopeOf] = await Promise.all([
      this.parts.held.find(key, destination?.type ?? 'cloudwatch'),
      this.parts.ledgers.of(tenantId, destinationId),
      this.scopes.of([place]),
    ]);
    return { ...place, destination, scope: scopeOf(place), hold, ledger };
  }
}

/** JSON is written in one line for machines. */
function inLines({ type, text }: { type: string; text: string }): string {
  return type.startsWith('application/json')
    ? JSON.stringify(JSON.parse(text) as unknown, null, 2)
    : text;
}

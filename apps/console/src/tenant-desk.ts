import { Tenant } from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import type { SourceRuns } from '@logferry/sources';
import {
  channelPlace,
  destinationPlace,
  formerTenantPlace,
  keyPlace,
  sourcePlace,
  tenantPlace,
  variablesPlace,
  wideRolePlace,
  type Actor,
  type ConfigStore,
  type RecordPlace,
} from '@logferry/store';
import { tenantOf, type Caller } from './caller';
import { stored, unknownTenant, waitingProblem, type Put } from './config-outcome';
import { jsonOf, tenantView, type TenantView, type UnreadableView } from './config-views';
import { byOf, mayWrite, readRecord, type WriteRequest } from './config-write';
import { pageOf, type PageRequest } from './page-request';
import { expectedOf } from './precondition';
import type { WaitingLogEvents } from './waiting-log-events';

/** Others may write between the look and the write, and not again and again. */
const TRIES = 20;

interface TenantsPage {
  tenants: (TenantView | UnreadableView)[];
  cursor: string | null;
}

/** What may be done with tenants. */
export class TenantDesk {
  constructor(
    private readonly store: ConfigStore,
    private readonly waiting: WaitingLogEvents,
    private readonly runs: Pick<SourceRuns, 'forget'>,
    private readonly how: { readOnly: boolean; forwardsAuditTrail: boolean },
  ) {}

  async list(caller: Caller | undefined, page: PageRequest): Promise<TenantsPage> {
    const own = tenantOf(caller);
    const { ids, cursor } = pageOf(own === undefined ? await this.store.tenantIds() : [own], page);
    const found = await this.store.find(ids.map(tenantPlace));
    // What was deleted since is left out.
    const tenants = ids.flatMap((id, i) => {
      const record = found[i];
      return record === undefined ? [] : [tenantView(id, record)];
    });
    return { tenants, cursor };
  }

  /** @throws RequestProblem if there is no such tenant */
  async find(tenantId: string): Promise<TenantView | UnreadableView> {
    const [record] = await this.store.find([tenantPlace(tenantId)]);
    if (record === undefined) throw unknownTenant();
    return tenantView(tenantId, record);
  }

  /**
   * @param again whether one that was deleted may be made again
   * @throws RequestProblem
   */
  async put(tenantId: string, request: WriteRequest, again: boolean): Promise<Put<Tenant>> {
    mayWrite(this.how.readOnly);
    const { value, expected } = readRecord(Tenant, tenantId, request);
    if (value.forwardAuditTrail === true) await this.checkForwarding(tenantId);
    const written = await this.store.write(byOf(request), [
      { place: tenantPlace(tenantId), to: { value }, expected },
      ...(again ? [] : [{ place: formerTenantPlace(tenantId), expected: 'absent' } as const]),
    ]);
    if (written.kind === 'conflict' && written.place.kind === 'former_tenant') throw formerTenant();
    const { created, version } = stored(written, 'tenant');
    return { created, view: { ...value, version } };
  }

  /**
   * Deletes a tenant with its destinations, its sources, its channels and its keys.
   *
   * @returns how many batches wait for it and are held now
   * @throws RequestProblem if some do, unless it is forced
   */
  async delete(tenantId: string, request: WriteRequest, force: boolean): Promise<number> {
    mayWrite(this.how.readOnly);
    if (tenantOf(request.caller) !== undefined)
      throw new RequestProblem(403, 'auth.platform_only', 'only a platform key deletes tenants');
    const expected = expectedOf(request.headers);
    const [record] = await this.store.find([tenantPlace(tenantId)]);
    if (record === undefined && expected === undefined) throw unknownTenant();
    const waiting = await this.waiting.batchesOf(tenantId);
    if (waiting > 0 && !force) throw waitingProblem('tenant', waiting, 'batches');
    const tenant = { place: tenantPlace(tenantId), to: { value: undefined }, expected };
    const places = await this.belongings(tenantId);
    const all = places.map((place) => ({ place, to: { value: undefined } }));
    const { version } = stored(await this.store.write(byOf(request), [tenant, ...all]), 'tenant');
    await this.forgetRuns(tenantId, places);
    await this.deleteLeft(tenantId, { by: byOf(request), version });
    return waiting;
  }

  /** What was added between the look and the deletion. What is newer than that is of a tenant that was given the id since. */
  private async deleteLeft(
    tenantId: string,
    { by, version }: { by: Actor; version: number },
  ): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const places = await this.belongings(tenantId);
      const found = await this.store.find(places);
      const left = places.flatMap((place, i) => {
        const expected = found[i]?.version ?? Infinity;
        return expected < version ? [{ place, to: { value: undefined }, expected }] : [];
      });
      if (left.length === 0) return;
      if ((await this.store.write(by, left)).kind === 'conflict') continue;
      return this.forgetRuns(
        tenantId,
        left.map(({ place }) => place),
      );
    }
    throw new Error('what is left of a tenant is changed by others again and again');
  }

  /** A later tenant of the id would begin where the former one's sources had got to, and read what its runs were. */
  private async forgetRuns(tenantId: string, places: readonly RecordPlace[]): Promise<void> {
    for (const { kind, field } of places)
      if (kind === 'source') await this.runs.forget({ tenantId, sourceId: field });
  }

  /** Whoever switches it on believes that it is forwarded. Where it is on already, the tenant may be written as it was read. */
  private async checkForwarding(tenantId: string): Promise<void> {
    if (this.how.forwardsAuditTrail) return;
    const [before] = await this.store.find([tenantPlace(tenantId)]);
    const stored = Tenant.safeParse(jsonOf(before?.text ?? ''));
    if (stored.data?.forwardAuditTrail === true) return;
    throw new RequestProblem(
      409,
      'console.audit_forwarding_unavailable',
      'the platform has not said where audit trails are forwarded to; nothing was written',
    );
  }

  /** A key that outlived its tenant would be good for whoever is given the same id later. */
  private async belongings(tenantId: string): Promise<RecordPlace[]> {
    const destinations = await this.store.destinationIds(tenantId);
    const sources = await this.store.sourceIds(tenantId);
    const channels = await this.store.channelIds(tenantId);
    const keys = (await this.store.keys()).filter((key) => key.tenantId === tenantId);
    const wideRoles = await this.store.wideRoleIds(tenantId);
    const [variables] = await this.store.find([variablesPlace(tenantId)]);
    return [
      ...(variables === undefined ? [] : [variablesPlace(tenantId)]),
      ...destinations.map((id) => destinationPlace(tenantId, id)),
      ...wideRoles.map((id) => wideRolePlace(tenantId, id)),
      ...sources.map((id) => sourcePlace(tenantId, id)),
      ...channels.map((id) => channelPlace(tenantId, id)),
      ...keys.map((key) => keyPlace(key)),
    ];
  }
}

function formerTenant(): RequestProblem {
  return new RequestProblem(
    409,
    'config.former_tenant',
    'a tenant of this id was deleted, and the roles that trust it still do: whoever has its id may write into its AWS accounts, and ' +
      'is given what waits for it. For another customer choose another id; if it is the same one, ask again with ?again=true (--again of npx logferry)',
  );
}

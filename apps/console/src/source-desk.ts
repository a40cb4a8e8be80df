import {
  Failure,
  failureKinds,
  isAllowedAuth0Domain,
  Source,
  SourceInput,
  SOURCES_MAX,
} from '@logferry/core';
import { RequestProblem, type BrokerDesk } from '@logferry/runtime';
import { scheduleProblem, type SourceRuns } from '@logferry/sources';
import { sourcePlace, tenantPlace, type ConfigStore, type StoredText } from '@logferry/store';
import { stored, unknownTenant, type Put } from './config-outcome';
import { invalid } from './config-problem';
import { jsonOf } from './config-views';
import { byOf, mayWrite, readRecord, type WriteRequest } from './config-write';
import { pageOf, type PageRequest } from './page-request';
import { expectedOf, expectedOfRead, mayReadAgain } from './precondition';
import { sourceView, type SourceView } from './source-view';

/** Others may write between the look and the write, and not again and again. */
const TRIES = 20;

interface SourceDeskParts {
  store: ConfigStore;
  broker: Pick<BrokerDesk, 'seal'>;
  runs: Pick<SourceRuns, 'forget'>;
  /** At which domains sources may be. */
  domains: string;
  readOnly: boolean;
}

/** What may be done with a tenant's sources. */
export class SourceDesk {
  constructor(private readonly parts: SourceDeskParts) {}

  /** @throws RequestProblem if there is no such tenant */
  async list(tenantId: string, page: PageRequest): Promise<object> {
    const { store } = this.parts;
    await this.checkTenant(tenantId);
    const { ids, cursor } = pageOf(await store.sourceIds(tenantId), page);
    const found = await store.find(ids.map((id) => sourcePlace(tenantId, id)));
    const sources = ids.flatMap((id, i) => {
      const record = found[i];
      return record === undefined ? [] : [sourceView(id, record)];
    });
    return { sources, cursor };
  }

  /** @throws RequestProblem if there is no such source */
  async find(tenantId: string, sourceId: string): Promise<SourceView> {
    const [record] = await this.parts.store.find([sourcePlace(tenantId, sourceId)]);
    if (record === undefined) throw unknownSource();
    return sourceView(sourceId, record);
  }

  /** @throws RequestProblem */
  async put(tenantId: string, sourceId: string, request: WriteRequest): Promise<Put<object>> {
    mayWrite(this.parts.readOnly);
    const { value: entered, expected } = readRecord(SourceInput, sourceId, request);
    this.check(entered);
    await this.checkTenant(tenantId);
    return this.write({ tenantId, sourceId, request, expected }, (before) =>
      this.toStore(tenantId, entered, before),
    );
  }

  /**
   * Switches it on or off; its checkpoint stays either way.
   *
   * @throws RequestProblem
   */
  async switch(
    tenantId: string,
    sourceId: string,
    { enabled, ...request }: WriteRequest & { enabled: boolean },
  ): Promise<Put<object>> {
    mayWrite(this.parts.readOnly);
    const expected = expectedOf(request.headers);
    return this.write({ tenantId, sourceId, request, expected }, (before) => {
      if (before === undefined) throw unknownSource();
      return Promise.resolve({ ...readable(before), enabled });
    });
  }

  /** @throws RequestProblem */
  async delete(tenantId: string, sourceId: string, request: WriteRequest): Promise<void> {
    const { store, runs, readOnly } = this.parts;
    mayWrite(readOnly);
    const expected = expectedOf(request.headers);
    const [record] = await store.find([sourcePlace(tenantId, sourceId)]);
    if (record === undefined && expected === undefined) throw unknownSource();
    const options = { by: byOf(request), expected };
    stored(await store.deleteSource(tenantId, sourceId, options), 'source');
    await runs.forget({ tenantId, sourceId });
  }

  /** Makes what is stored of what is there, again where others were faster and it is no matter to the caller. */
  private async write(
    {
      tenantId,
      sourceId,
      request,
      expected,
    }: {
      tenantId: string;
      sourceId: string;
      request: WriteRequest;
      expected: ReturnType<typeof expectedOf>;
    },
    make: (before: StoredText | undefined) => Promise<Source>,
  ): Promise<Put<object>> {
    const { store } = this.parts;
    const place = sourcePlace(tenantId, sourceId);
    for (let tries = 0; tries < TRIES; tries++) {
      const [before] = await store.find([place]);
      const value = await make(before);
      const written = await store.write(byOf(request), [
        {
          place,
          to: { value },
          expected: expectedOfRead(expected, before?.version),
          most: SOURCES_MAX,
        },
        { place: tenantPlace(tenantId), expected: 'present' },
      ]);
      const isOvertaken = written.kind === 'conflict' && written.place.kind === 'source';
      const isMissing = expected === 'present' && before === undefined;
      if (isOvertaken && mayReadAgain(expected) && !isMissing) continue;
      const { created, version } = stored(written, 'source');
      return { created, view: sourceView(sourceId, { text: JSON.stringify(value), version }) };
    }
    throw new Error('a source is changed by others again and again');
  }

  /** What is stored of what was entered: with the secret of before, as long as it is that of the same client. */
  private async toStore(
    tenantId: string,
    { clientSecret, ...entered }: SourceInput,
    before: StoredText | undefined,
  ): Promise<Source> {
    if (clientSecret !== undefined) {
      const owner = { tenantId, sourceId: entered.id };
      const sealedSecret = await this.parts.broker.seal(owner, clientSecret).catch(refuseSecret);
      return { ...entered, sealedSecret };
    }
    const { data: kept } = Source.safeParse(jsonOf(before?.text ?? ''));
    if (kept?.domain !== entered.domain || kept.clientId !== entered.clientId)
      throw invalid([
        { path: '$.clientSecret', message: 'is missing: no secret of this client is stored' },
      ]);
    return { ...entered, sealedSecret: kept.sealedSecret };
  }

  private check({ domain, schedule, timeZone }: SourceInput): void {
    const problems: { path: string; message: string }[] = [];
    if (!isAllowedAuth0Domain(domain, this.parts.domains)) {
      const message = 'is a domain at which this installation does not ask: it is none of Auth0';
      problems.push({ path: '$.domain', message });
    }
    const problem = scheduleProblem({ schedule, timeZone });
    if (problem !== undefined)
      problems.push({ path: `$.${problem.field}`, message: problem.message });
    if (problems.length > 0) throw invalid(problems);
  }

  private async checkTenant(tenantId: string): Promise<void> {
    const [tenant] = await this.parts.store.find([tenantPlace(tenantId)]);
    if (tenant === undefined) throw unknownTenant();
  }
}

/** @throws RequestProblem if there is none that can be read */
export async function storedSource(
  store: Pick<ConfigStore, 'find'>,
  tenantId: string,
  sourceId: string,
): Promise<Source> {
  const [record] = await store.find([sourcePlace(tenantId, sourceId)]);
  if (record === undefined) throw unknownSource();
  return readable(record);
}

function readable({ text }: StoredText): Source {
  const parsed = Source.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new RequestProblem(
    409,
    'config.unreadable',
    'what is stored of the source cannot be read; write it anew',
  );
}

/** @throws RequestProblem always */
function refuseSecret(error: unknown): never {
  if (!(error instanceof Failure)) throw error;
  const { code } = error;
  if (code === 'credential.kind_unavailable')
    throw invalid([{ path: '$.clientSecret', message: failureKinds[code].publicMessage }]);
  throw new RequestProblem(
    503,
    'console.broker_unavailable',
    'the credential broker, which seals the secret, does not answer; nothing was written',
    { 'retry-after': '5' },
  );
}

function unknownSource(): RequestProblem {
  return new RequestProblem(
    404,
    'config.unknown_source',
    'there is no source of this id, or no such tenant',
  );
}

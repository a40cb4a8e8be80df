import { Failure, type FailureCode } from '@logferry/core';
import { RequestProblem, type BrokerDesk } from '@logferry/runtime';
import type { ConfigStore } from '@logferry/store';
import { z } from 'zod';
import { byOf, mayWrite, type WriteRequest } from './config-write';
import { pageOf, type PageRequest } from './page-request';
import { sealedRecords, type SealedRecord } from './sealed-records';

/** Others may write between the look and the write, and not again and again. */
const TRIES = 20;

/** What the sealing of a page of tenants' secrets has come to. */
export const ResealedView = z.strictObject({
  resealed: z.int().min(0).describe('secrets that are sealed with the newest key now'),
  unchanged: z.int().min(0).describe('secrets that were already'),
  failed: z
    .array(
      z.strictObject({
        tenantId: z.string(),
        kind: z.string().describe('what it is of: a `destination`, a `source`, a `channel`'),
        id: z.string(),
        code: z.string(),
      }),
    )
    .describe('records whose secret cannot be opened, and stays as it is'),
  cursor: z.string().nullable().describe('where to go on; `null` after the last tenant'),
});
export type ResealedView = z.infer<typeof ResealedView>;

interface ResealDeskParts {
  store: ConfigStore;
  broker: Pick<BrokerDesk, 'reseal'>;
  readOnly: boolean;
}

type Outcome = 'none' | 'resealed' | 'unchanged' | { code: FailureCode };

/** What one record has to say about it, rather than the broker as a whole. */
const OF_RECORD: ReadonlySet<FailureCode> = new Set<FailureCode>([
  'credential.secret_unreadable',
  'credential.kind_unavailable',
]);

/**
 * Has all secrets sealed with the broker's newest key, so that the older ones can go. Doing it twice does no more than once: what is
 * sealed with the newest key comes back as it was.
 */
export class ResealDesk {
  constructor(private readonly parts: ResealDeskParts) {}

  /** @throws RequestProblem if the broker is away; what was written until then stays */
  async run(request: WriteRequest, page: PageRequest): Promise<ResealedView> {
    const { store, readOnly } = this.parts;
    mayWrite(readOnly);
    const { ids, cursor } = pageOf(await store.tenantIds(), page);
    const view: ResealedView = { resealed: 0, unchanged: 0, failed: [], cursor };
    for (const tenantId of ids) {
      for (const record of await sealedRecords(store, tenantId)) {
        const { kind, id } = record;
        const outcome = await this.reseal(request, record);
        if (typeof outcome === 'object') view.failed.push({ tenantId, kind, id, ...outcome });
        else if (outcome !== 'none') view[outcome]++;
      }
    }
    return view;
  }

  private async reseal(
    request: WriteRequest,
    { owner, place, ...record }: SealedRecord,
  ): Promise<Outcome> {
    const { store, broker } = this.parts;
    for (let tries = 0; tries < TRIES; tries++) {
      const [before] = await store.find([place]);
      if (before === undefined) return 'none';
      const sealed = record.read(before.text);
      if (sealed === undefined) return 'none';
      if (typeof sealed !== 'string') return sealed;
      const answer = await broker.reseal(owner, sealed).catch(codeOf);
      if (typeof answer !== 'string') return answer;
      if (answer === sealed) return 'unchanged';
      const written = await store.write(byOf(request), [
        { place, to: { value: record.with(before.text, answer) }, expected: before.version },
      ]);
      if (written.kind !== 'conflict') return 'resealed';
    }
    throw new Error('a record is changed by others again and again');
  }
}

/** @throws RequestProblem if it is not this one secret that is amiss */
function codeOf(error: unknown): { code: FailureCode } {
  if (!(error instanceof Failure)) throw error;
  if (OF_RECORD.has(error.code)) return { code: error.code };
  throw new RequestProblem(
    503,
    'console.broker_unavailable',
    'the credential broker, which seals, does not answer; what it has sealed so far stays, and asking again does the rest',
    { 'retry-after': '5' },
  );
}

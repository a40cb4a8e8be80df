import { RequestProblem } from '@logferry/runtime';
import type { ConfigStore } from '@logferry/store';
import { byTenants } from './by-tenants';
import type { SourceRunDesk } from './source-run-desk';
import type { StatusView } from './source-view';

export interface ListedSource {
  tenantId: string;
  sourceId: string;
  /** Neither is known of a source that cannot be read. */
  domain: string | undefined;
  status: StatusView | undefined;
}

interface Parts {
  store: Pick<ConfigStore, 'tenantIds' | 'sources'>;
  desk: Pick<SourceRunDesk, 'status'>;
}

/**
 * The sources of all tenants, by their ids, and how each is.
 *
 * @param after the last tenant of the page before
 * @returns the tenant behind which the next page begins, if there may be one
 */
export async function listSources(
  { store, desk }: Parts,
  after = '',
): Promise<{ sources: ListedSource[]; next: string | undefined }> {
  const { found, next } = await byTenants(await store.tenantIds(), after, (tenantIds) =>
    Promise.all(tenantIds.map((tenantId) => sourcesOf(store, tenantId))),
  );
  const sources = found.map(async (one) => ({ ...one, status: await statusOf(desk, one) }));
  return { sources: await Promise.all(sources), next };
}

async function sourcesOf(store: Parts['store'], tenantId: string): Promise<ListedSource[]> {
  const { sources, unreadable } = await store.sources(tenantId);
  return [
    ...sources.map(({ id, domain }) => ({ id, domain })),
    ...unreadable.map(({ id }) => ({ id, domain: undefined })),
  ]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, domain }) => ({ tenantId, sourceId: id, domain, status: undefined }));
}

/** One that was deleted meanwhile, or cannot be read, hides no other. */
function statusOf(
  desk: Parts['desk'],
  { tenantId, sourceId }: ListedSource,
): Promise<StatusView | undefined> {
  return desk.status({ tenantId, sourceId }).catch((error: unknown) => {
    if (error instanceof RequestProblem) return undefined;
    throw error;
  });
}

import { RequestProblem } from '@logferry/runtime';
import type { ConfigStore } from '@logferry/store';
import type { SourceRunDesk } from './source-run-desk';
import type { StatusView } from './source-view';

export interface ListedSource {
  tenantId: string;
  sourceId: string;
  /** Neither is known of a source that cannot be read. */
  domain: string | undefined;
  status: StatusView | undefined;
}

const SOURCES_A_PAGE = 100;
const TENANTS_AT_ONCE = 100;
/** Most tenants may have none: a page must not look through all of them for its few. */
const TENANTS_A_PAGE = 5_000;

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
  const tenantIds = (await store.tenantIds()).filter((id) => id > after);
  const sources: ListedSource[] = [];
  let seen = 0;
  while (seen < tenantIds.length && seen < TENANTS_A_PAGE && sources.length < SOURCES_A_PAGE) {
    const some = tenantIds.slice(seen, seen + TENANTS_AT_ONCE);
    const found = await Promise.all(some.map((tenantId) => sourcesOf(store, tenantId)));
    for (const ofTenant of found) {
      if (sources.length >= SOURCES_A_PAGE) break;
      sources.push(...ofTenant);
      seen++;
    }
  }
  const isEnd = seen >= tenantIds.length;
  return {
    sources: await Promise.all(
      sources.map(async (one) => ({ ...one, status: await statusOf(desk, one) })),
    ),
    next: isEnd ? undefined : tenantIds[seen - 1],
  };
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

const FOUND_A_PAGE = 100;
const TENANTS_AT_ONCE = 100;
/** Most tenants may have none: a page must not look through all of them for its few. */
const TENANTS_A_PAGE = 5_000;

/**
 * A page of what tenants have, by their ids, a tenant never in halves.
 *
 * @param after the last tenant of the page before
 * @returns the tenant behind which the next page begins, if there may be one
 */
export async function byTenants<T>(
  tenantIds: readonly string[],
  after: string,
  of: (tenantIds: readonly string[]) => Promise<readonly (readonly T[])[]>,
): Promise<{ found: T[]; next: string | undefined }> {
  const left = tenantIds.filter((id) => id > after);
  const found: T[] = [];
  let seen = 0;
  while (seen < left.length && seen < TENANTS_A_PAGE && found.length < FOUND_A_PAGE) {
    for (const ofTenant of await of(left.slice(seen, seen + TENANTS_AT_ONCE))) {
      if (found.length >= FOUND_A_PAGE) break;
      found.push(...ofTenant);
      seen++;
    }
  }
  return { found, next: seen >= left.length ? undefined : left[seen - 1] };
}

import { Failure, isTypeTaken, type Source } from '@logferry/core';
import { Unreadable, type TenantRecord } from '@logferry/store';

/** Where it is looked up who may have what is pulled. */
export interface FindTenant {
  tenant(tenantId: string): Promise<Pick<TenantRecord, 'destinations' | 'unreadable'> | undefined>;
}

/** Every ingest has heard of a change by then, as every directory has. */
const HEARD_MS = 1_000;

/**
 * Ingest accepts what no destination wants, and it is nowhere: that is no matter for one log event, and not what a source is for. Where its
 * tenant, or a destination of it, cannot be read, ingest takes nothing, and says so itself.
 *
 * @param directory is asked for each page; what is stored now is only asked if nobody is known to take any
 * @throws Failure where no destination can have anything of it
 */
export async function checkTaken(
  tenantId: string,
  { eventType: type, scope }: Source,
  { directory, store, wait }: { directory: FindTenant; store: FindTenant; wait: Wait },
): Promise<void> {
  const isTaken = async (where: FindTenant): Promise<boolean> => {
    const record = await where.tenant(tenantId).catch((error: unknown) => {
      if (error instanceof Unreadable) return undefined;
      throw error;
    });
    if (record === undefined || record.unreadable !== undefined) return true;
    return isTypeTaken(record.destinations, { type, scope });
  };
  if (await isTaken(directory)) return;
  if (!(await isTaken(store))) throw new Failure('source.no_destination');
  await wait(HEARD_MS);
}

type Wait = (ms: number) => Promise<void>;

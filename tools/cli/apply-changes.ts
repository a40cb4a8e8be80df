import { ConsoleProblem, type ConsoleClient } from './console-client';
import type { Change } from './plan';

/** What became of one change. */
export interface Applied {
  change: Change;
  /** Of a key that was made: its text, which is told this once. */
  key?: string;
  problem?: ConsoleProblem;
}

/**
 * Writes changes one after the other. What one customer's configuration is refused for keeps nobody else's from being written; but
 * nothing is deleted after anything was refused, since it may have been what was to stand in its place.
 */
export async function* applyChanges(
  console: ConsoleClient,
  changes: readonly Change[],
  isForced: boolean,
): AsyncGenerator<Applied> {
  const failedTenants = new Set<string>();
  let mayDelete = true;
  for (const change of changes) {
    const { action, kind, tenant = '' } = change;
    if (action === 'delete' ? !mayDelete : failedTenants.has(tenant)) {
      yield { change, problem: new ConsoleProblem(0, 'not_tried', NOT_TRIED) };
      continue;
    }
    try {
      const key = await write(console, change, isForced);
      yield key === undefined ? { change } : { change, key };
    } catch (error) {
      if (!(error instanceof ConsoleProblem)) throw error;
      if (kind === 'tenant') failedTenants.add(tenant);
      if (action !== 'delete') mayDelete = false;
      yield { change, problem: error };
      if (error.status === 0) return; // there is no console any more
    }
  }
}

const NOT_TRIED = 'not tried, since something before it was refused';

async function write(
  console: ConsoleClient,
  { action, to: { address, ...what } }: Change,
  isForced: boolean,
): Promise<string | undefined> {
  if (action === 'delete') {
    await console.delete(address, { ...what, query: { force: isForced ? 'true' : undefined } });
    return undefined;
  }
  const isNewKey = address === '/v1/keys';
  if (isNewKey) return (await console.post<{ key: string }>(address, what)).key;
  await console.put(address, what);
  return undefined;
}

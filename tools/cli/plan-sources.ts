import type { ShownRecord } from './installation';
import type { FileProblem, Path, ReadFile, TenantEntry } from './logferry-file';
import type { Plan, PlanOptions } from './plan';
import { placeOf, planRecords, type Wanted } from './plan-records';
import { secretToWrite } from './secret-to-write';

type SourceEntry = NonNullable<TenantEntry['sources']>[number];

interface WantedSources {
  tenant: string;
  entries: readonly SourceEntry[];
  /** Where the list stands in the file. */
  at: Path;
}

export function planSources(
  read: ReadFile,
  { tenant, entries, at }: WantedSources,
  there: readonly ShownRecord[],
  options: PlanOptions,
): Plan {
  const problems: FileProblem[] = [];
  const wanted = (entry: SourceEntry, record: ShownRecord | undefined, i: number): Wanted => {
    const place = placeOf(at, i, 'clientSecret');
    const secret = secretToWrite(read.secretAt(place), {
      of: 'client',
      isThere: record?.domain === entry.domain && record.clientId === entry.clientId,
      isNeeded: true,
      isResent: options.resendSecrets,
      folder: options.folder,
    });
    if (secret !== undefined && 'secret' in secret)
      return { after: entry, secrets: [{ field: 'clientSecret', ...secret }] };
    if (secret !== undefined) problems.push(read.problem(place, secret.problem));
    return { after: entry, secrets: [] };
  };
  const asWritten = (i: number): unknown => read.asWritten([...at, i]);
  const { prune } = options;
  return {
    changes: planRecords({ kind: 'source', tenant, entries, there, prune, wanted, asWritten }),
    problems,
  };
}

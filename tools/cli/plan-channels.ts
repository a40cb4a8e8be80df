import type { ShownRecord } from './installation';
import type { FileProblem, Path, ReadFile, TenantEntry } from './logferry-file';
import type { Plan, PlanOptions } from './plan';
import { placeOf, planRecords, type Wanted } from './plan-records';
import { secretToWrite } from './secret-to-write';

type ChannelEntry = NonNullable<TenantEntry['channels']>[number];

interface WantedChannels {
  tenant: string;
  entries: readonly ChannelEntry[];
  /** Where the list stands in the file. */
  at: Path;
}

export function planChannels(
  read: ReadFile,
  wanted: WantedChannels,
  there: readonly ShownRecord[],
  options: PlanOptions,
): Plan {
  const planner = new ChannelPlanner(read, wanted.at, options);
  const changes = planRecords({
    kind: 'channel',
    tenant: wanted.tenant,
    entries: wanted.entries,
    there,
    prune: options.prune,
    wanted: (entry, record, i) => planner.wanted(entry, record, i),
    asWritten: (i) => read.asWritten([...wanted.at, i]),
  });
  return { changes, problems: planner.problems };
}

class ChannelPlanner {
  readonly problems: FileProblem[] = [];

  constructor(
    private readonly read: ReadFile,
    private readonly at: Path,
    private readonly options: PlanOptions,
  ) {}

  /**
   * Of an address only its host can be read, so that is what is compared; a signing secret goes with its address. Where neither is
   * written, what is stored goes on.
   */
  wanted(entry: ChannelEntry, record: ShownRecord | undefined, i: number): Wanted {
    const { kind, host } = entry;
    const signedAt = placeOf(this.at, i, 'signingSecret');
    if (kind === 'slack' && this.read.secretAt(signedAt) !== undefined)
      this.refuse(signedAt, 'is for webhooks only');
    const isThere = record?.kind === kind && (host === undefined || record.host === host);
    const url = this.secret(i, 'url', isThere);
    if (url === undefined) return { after: { ...entry, host: host ?? record?.host }, secrets: [] };
    const written = URL.parse(url.secret)?.host;
    if (written === undefined)
      this.refuse(placeOf(this.at, i, 'url'), 'is not the URL of anything');
    else if (host !== undefined && host !== written)
      this.refuse(
        placeOf(this.at, i, 'host'),
        'is not the host of the address that url stands for',
      );
    const signingSecret = this.secret(i, 'signingSecret', false);
    const secrets = signingSecret === undefined ? [url] : [url, signingSecret];
    return { after: { ...entry, host: written }, secrets };
  }

  private secret(
    i: number,
    field: 'url' | 'signingSecret',
    isThere: boolean,
  ): Wanted['secrets'][number] | undefined {
    const place = placeOf(this.at, i, field);
    const secret = secretToWrite(this.read.secretAt(place), {
      of: 'channel',
      isThere,
      isNeeded: field === 'url', // a signing secret is made where none is said
      isResent: this.options.resendSecrets,
      folder: this.options.folder,
    });
    if (secret === undefined) return undefined;
    if ('secret' in secret) return { field, ...secret };
    this.refuse(place, secret.problem);
    return undefined;
  }

  private refuse(place: Path, message: string): void {
    this.problems.push(this.read.problem(place, message));
  }
}

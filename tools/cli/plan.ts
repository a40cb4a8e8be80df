// What is to be written so that what is there is what the file says. Decided as a whole before anything is written.
import { isDerivedId } from '@logferry/core';
import { path, type Expected } from './console-client';
import { fieldChanges, type FieldChange } from './field-changes';
import { type Installation, type ShownDestinationRecord } from './installation';
import type { ShownKey } from './keys-command';
import type {
  FileProblem,
  KeyEntry,
  Path,
  ReadFile,
  ScopeEntry,
  TenantEntry,
} from './logferry-file';
import { planChannels } from './plan-channels';
import { changing, expecting } from './plan-records';
import { planScopes } from './plan-scopes';
import { planSources } from './plan-sources';
import { secretToWrite } from './secret-to-write';

export interface Change {
  action: 'create' | 'change' | 'delete';
  kind: 'tenant' | 'destination' | 'variables' | 'channel' | 'source' | 'key';
  /** Whose it is; none of a key of the platform. */
  tenant: string | undefined;
  /** What it is called in the file; of variables, their scope. */
  name: string;
  fields: FieldChange[];
  /** Where it is written to, and what. The body may hold a secret, which `fields` never does. */
  to: { address: string; body?: object; expected?: Expected };
}

export interface PlanOptions {
  /** Where the file lies, which names other files. */
  folder: string;
  /** Whether what a list of the file does not name is deleted. */
  prune: boolean;
  /** Whether tenants that the file does not name are deleted. */
  pruneTenants: boolean;
  /** Whether secrets are written although their keys are there already. */
  resendSecrets: boolean;
  /** The key that asks: whoever revoked it could not go on. */
  ownKeyId: string | undefined;
}

export interface Plan {
  /** In the order in which they are to be written. */
  changes: Change[];
  problems: FileProblem[];
}

export function planChanges(read: ReadFile, there: Installation, options: PlanOptions): Plan {
  const planner = new Planner(read, there, options);
  read.file.tenants.forEach((tenant, i) => planner.tenant(tenant, ['tenants', i]));
  if (read.file.keys !== undefined) planner.keys(undefined, read.file.keys, ['keys']);
  if (options.pruneTenants) planner.otherTenants();
  const deletions = planner.changes.filter(({ action }) => action === 'delete');
  const others = planner.changes.filter(({ action }) => action !== 'delete');
  // Nothing is pulled any more for which there is no place.
  deletions.sort((a, b) => Number(b.kind === 'source') - Number(a.kind === 'source'));
  return { changes: [...others, ...deletions], problems: planner.problems };
}

class Planner {
  readonly changes: Change[] = [];
  readonly problems: FileProblem[] = [];

  constructor(
    private readonly read: ReadFile,
    private readonly there: Installation,
    private readonly options: PlanOptions,
  ) {}

  tenant(entry: TenantEntry, at: Path): void {
    const { destinations, scopes, channels, sources, keys, ...record } = entry;
    const { id, ...wanted } = record;
    const current = this.there.tenants.get(id);
    const { name, forwardAuditTrail } = current ?? {};
    const before = current === undefined ? undefined : { name, forwardAuditTrail };
    const fields = fieldChanges(before, wanted);
    if (current === undefined || fields.length > 0 || current.unreadable === true)
      this.changes.push({
        ...changing(current),
        kind: 'tenant',
        tenant: id,
        name: id,
        fields,
        to: { address: path`/v1/tenants/${id}`, body: wanted, ...expecting(current) },
      });
    if (destinations !== undefined) this.destinations(id, destinations, [...at, 'destinations']);
    if (scopes !== undefined) this.scopes(id, scopes, [...at, 'scopes']);
    if (channels !== undefined) {
      const wanted = { tenant: id, entries: channels, at: [...at, 'channels'] };
      this.add(planChannels(this.read, wanted, this.there.channels.get(id) ?? [], this.options));
    }
    // Behind all that makes destinations: nothing is pulled before there is a place for it.
    if (sources !== undefined) {
      const wanted = { tenant: id, entries: sources, at: [...at, 'sources'] };
      this.add(planSources(this.read, wanted, this.there.sources.get(id) ?? [], this.options));
    }
    if (keys !== undefined) this.keys(id, keys, [...at, 'keys']);
  }

  private scopes(tenant: string, entries: readonly ScopeEntry[], at: Path): void {
    const there = this.there.scopes.get(tenant) ?? { version: 0, scopes: [] };
    this.add(planScopes(this.read, { tenant, entries, at }, there, this.options));
  }

  private add({ changes, problems }: Plan): void {
    this.changes.push(...changes);
    this.problems.push(...problems);
  }

  keys(tenant: string | undefined, wanted: readonly KeyEntry[], at: Path): void {
    const current = this.there.keys.filter((key) => (key.tenant ?? undefined) === tenant);
    wanted.forEach((entry, i) => {
      const same = current.filter(({ name }) => name === entry.name);
      if (same.length > 1) this.problems.push(this.read.problem([...at, i], manyOf(same)));
      else this.key(tenant, entry, same[0]);
    });
    if (!this.options.prune) return;
    for (const { id, name, version } of current) {
      if (id === this.options.ownKeyId || wanted.some((entry) => entry.name === name)) continue;
      const to = { address: path`/v1/keys/${id}`, expected: version };
      const fields = [{ field: 'id', before: id }];
      this.changes.push({ action: 'delete', kind: 'key', tenant, name, fields, to });
    }
  }

  otherTenants(): void {
    const named = new Set(this.read.file.tenants.map(({ id }) => id));
    for (const { id, version } of this.there.tenants.values()) {
      if (named.has(id)) continue;
      const to = { address: path`/v1/tenants/${id}`, expected: version };
      this.changes.push({
        action: 'delete',
        kind: 'tenant',
        tenant: id,
        name: id,
        fields: [],
        to,
      });
    }
  }

  private destinations(
    tenant: string,
    wanted: NonNullable<TenantEntry['destinations']>,
    at: Path,
  ): void {
    const current = (this.there.destinations.get(tenant) ?? []).filter(
      ({ id }) => !isDerivedId(id),
    );
    wanted.forEach((entry, i) => {
      const record = current.find(({ id }) => id === entry.id);
      this.destination(tenant, { entry, record, at: [...at, i] });
    });
    if (!this.options.prune) return;
    for (const { id, version } of current) {
      if (wanted.some((entry) => entry.id === id)) continue;
      const to = { address: path`/v1/tenants/${tenant}/destinations/${id}`, expected: version };
      this.changes.push({
        action: 'delete',
        kind: 'destination',
        tenant,
        name: id,
        fields: [],
        to,
      });
    }
  }

  private destination(tenant: string, { entry, record, at }: WantedDestination): void {
    const before: Record<string, unknown> = { ...record };
    delete before.version;
    const after = withWhatWeMint(entry, record);
    const fields =
      record === undefined
        ? fieldChanges({}, this.read.asWritten(at))
        : fieldChanges(record.unreadable === true ? {} : before, after);
    const secret = this.secret(entry, record, at);
    if (secret !== undefined)
      fields.push({ field: 'credentials.secretAccessKey', after: secret.shown });
    if (record !== undefined && fields.length === 0) return;
    const body =
      secret === undefined
        ? after
        : { ...after, credentials: { ...after.credentials, secretAccessKey: secret.secret } };
    this.changes.push({
      ...changing(record),
      kind: 'destination',
      tenant,
      name: entry.id,
      fields: record === undefined ? fields.filter(({ field }) => field !== 'id') : fields,
      to: {
        address: path`/v1/tenants/${tenant}/destinations/${entry.id}`,
        body,
        ...expecting(record),
      },
    });
  }

  private secret(
    { credentials }: WantedDestination['entry'],
    record: ShownDestinationRecord | undefined,
    at: Path,
  ): { secret: string; shown: string } | undefined {
    if (credentials.kind !== 'access_key') return undefined;
    const shown = record?.credentials as { accessKeyId?: string } | undefined;
    const secretAt = [...at, 'credentials', 'secretAccessKey'];
    const secret = secretToWrite(this.read.secretAt(secretAt), {
      of: 'key',
      isThere: shown?.accessKeyId === credentials.accessKeyId,
      isNeeded: true,
      isResent: this.options.resendSecrets,
      folder: this.options.folder,
    });
    if (secret === undefined || 'secret' in secret) return secret;
    this.problems.push(this.read.problem(secretAt, secret.problem));
    return undefined;
  }

  private key(tenant: string | undefined, entry: KeyEntry, current: ShownKey | undefined): void {
    const { name, logEventsPerSecond, bytesPerSecond } = entry;
    const rates = { logEventsPerSecond, bytesPerSecond };
    const base = { kind: 'key', tenant, name } as const;
    if (current === undefined) {
      const scopes = entry.scopes ?? ['send'];
      const fields = fieldChanges({}, { scopes, ...rates });
      const to = { address: '/v1/keys', body: { name, tenant, scopes, ...rates } };
      this.changes.push({ ...base, action: 'create', fields, to });
      return;
    }
    const scopes = entry.scopes ?? current.scopes;
    const before = {
      scopes: current.scopes.toSorted(),
      logEventsPerSecond: current.logEventsPerSecond,
      bytesPerSecond: current.bytesPerSecond,
    };
    const fields = fieldChanges(before, { scopes: scopes.toSorted(), ...rates });
    if (fields.length === 0) return;
    const address = path`/v1/keys/${current.id}`;
    const to = { address, body: { name, scopes, ...rates }, expected: current.version };
    this.changes.push({ ...base, action: 'change', fields, to });
  }
}

interface WantedDestination {
  entry: NonNullable<TenantEntry['destinations']>[number];
  record: ShownDestinationRecord | undefined;
  at: Path;
}

function manyOf(same: readonly ShownKey[]): string {
  const ids = same.map(({ id }) => id).join(', ');
  return `${same.length} keys have this name: ${ids}; delete all but one (npx logferry keys delete)`;
}

/** With what Logferry itself made or found out, and no file has to say: it stays as it is. */
function withWhatWeMint<E extends WantedDestination['entry']>(
  entry: E,
  record: ShownDestinationRecord | undefined,
): E {
  const known = record?.credentials as Record<string, unknown> | undefined;
  const { credentials } = entry;
  if (known?.kind !== credentials.kind) return entry;
  if (credentials.kind === 'assume_role' && credentials.externalId === undefined)
    return { ...entry, credentials: keep(credentials, 'externalId', known) };
  if (
    credentials.kind === 'access_key' &&
    credentials.account === undefined &&
    credentials.accessKeyId === known.accessKeyId
  )
    return { ...entry, credentials: keep(credentials, 'account', known) };
  return entry;
}

function keep<T extends object>(credentials: T, field: string, known: Record<string, unknown>): T {
  return known[field] === undefined ? credentials : { ...credentials, [field]: known[field] };
}

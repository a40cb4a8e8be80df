// What has happened since it was asked for the last time, as far as the console tells it.
import { ConsoleProblem, type ConsoleClient } from './console-client';
import { placeText, type Place } from './place';

export interface Happening {
  at: string;
  /** Such as `acme/logs`; with a scope, if variables make it. */
  where: string;
  what: string;
  /** The numbers, if it is numbers that have changed. */
  ledger?: Readonly<Record<string, number>>;
}

interface AuditEntry {
  at: string;
  by: { kind: string; name?: string };
  action: string;
  kind: string;
  tenant: string | null;
  record: string;
}

interface DeadLetter extends Place {
  id: string;
  reason: string;
  message: string;
  logEvents: number;
  deadAt: string;
}

interface Held extends Place {
  reason?: string;
  message?: string;
  since: string;
}

/** Of one tenant, and of one destination if it is named. */
export interface Followed {
  tenant: string;
  destination: string | undefined;
}

export class Happenings {
  private auditAfter: string | undefined;
  private deadFrom: string | undefined;
  /** The dead letters of that very moment, which are told already. */
  private deadSeen = new Set<string>();
  private held: Map<string, Held> | undefined;
  /** What only a key of the platform may see. */
  private isPartial = false;

  constructor(
    private readonly console: ConsoleClient,
    private readonly followed: Followed,
  ) {}

  get tellsDeliveries(): boolean {
    return !this.isPartial;
  }

  /** Marks where the present is; from there it goes on. Resolves with what is held now. */
  async begin(): Promise<Happening[]> {
    const { tenant, destination } = this.followed;
    const newest = await this.console.get<{ after: string | null }>('/v1/audit', {
      query: { tenant, order: 'newest', limit: '1' },
    });
    this.auditAfter = newest.after ?? undefined;
    await this.asPlatform(async () => {
      const { deadLetters } = await this.console.get<{ deadLetters: DeadLetter[] }>(
        '/v1/dead-letters',
        { query: { tenant, destination, limit: '1' } },
      );
      this.deadFrom = deadLetters[0]?.deadAt;
      // All of that moment, of which the newest is only one.
      if (this.deadFrom !== undefined) await this.newDeadLetters();
    });
    return this.asPlatform(() => this.heldChanges());
  }

  async next(): Promise<Happening[]> {
    const changes = await this.newChanges();
    const deliveries = await this.asPlatform(async () => [
      ...(await this.newDeadLetters()),
      ...(await this.heldChanges()),
    ]);
    return [...changes, ...deliveries].sort((a, b) => a.at.localeCompare(b.at));
  }

  private async newChanges(): Promise<Happening[]> {
    const { tenant, destination } = this.followed;
    const found = await this.console.get<{ entries: AuditEntry[]; after: string | null }>(
      '/v1/audit',
      { query: { tenant, after: this.auditAfter, order: 'oldest', limit: '200' } },
    );
    this.auditAfter = found.after ?? undefined;
    return found.entries
      .filter(({ kind, record }) => {
        if (destination === undefined || kind === 'tenant') return true;
        return kind === 'destination' && record === destination;
      })
      .map(({ at, by, action, kind, record }) => ({
        at,
        where: kind === 'destination' ? `${tenant}/${record}` : tenant,
        what: `${kind} ${record} ${action} by ${by.name ?? by.kind}`,
      }));
  }

  private async newDeadLetters(): Promise<Happening[]> {
    const { tenant, destination } = this.followed;
    const query = { tenant, destination, from: this.deadFrom, order: 'oldest' };
    const all = await this.console.list<DeadLetter>('/v1/dead-letters', 'deadLetters', query);
    const fresh = all.filter(({ id, deadAt }) => !this.deadSeen.has(`${id} ${deadAt}`));
    this.deadFrom = all.at(-1)?.deadAt ?? this.deadFrom;
    this.deadSeen = new Set(
      all
        .filter(({ deadAt }) => deadAt === this.deadFrom)
        .map(({ id, deadAt }) => `${id} ${deadAt}`),
    );
    return fresh.map(({ id, deadAt, logEvents, reason, message, ...of }) => ({
      at: deadAt,
      where: placeText(of),
      what: `dead letter ${id} of ${logEvents} log events: ${reason}: ${message}`,
    }));
  }

  private async heldChanges(): Promise<Happening[]> {
    const { tenant, destination } = this.followed;
    const { heldDestinations } = await this.console.get<{ heldDestinations: Held[] }>(
      '/v1/held-destinations',
    );
    const now = new Map(
      heldDestinations
        .filter((held) => held.tenant === tenant)
        .filter((held) => destination === undefined || held.destination === destination)
        .map((held) => [held.destination, held]),
    );
    const before = this.held ?? new Map<string, Held>();
    this.held = now;
    const begun = [...now.values()]
      .filter((held) => before.get(held.destination)?.since !== held.since)
      .map((held) => ({
        at: held.since,
        where: placeText(held),
        what: `held: ${held.reason ?? 'it does not work'}: ${held.message ?? ''}`,
      }));
    const ended = [...before.values()]
      .filter((held) => !now.has(held.destination))
      .map((held) => ({
        at: new Date().toISOString(),
        where: placeText(held),
        what: 'not held any more',
      }));
    return [...begun, ...ended];
  }

  /** To a tenant's key, what concerns all tenants is not there. */
  private async asPlatform<T>(ask: () => Promise<T>): Promise<T | never[]> {
    if (this.isPartial) return [];
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ConsoleProblem && error.code === 'request.not_found')) throw error;
      this.isPartial = true;
      return [];
    }
  }
}

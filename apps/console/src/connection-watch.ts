import { assumedRole, destinationKey, fnv1a, type Destination } from '@logferry/core';
import type { Logger } from '@logferry/runtime';
import {
  isWide,
  roleId,
  Unreadable,
  wideRolePlace,
  type ConfigStore,
  type ConnectionResults,
  type TenantRecord,
} from '@logferry/store';
import { randomUUID } from 'node:crypto';
import type { ConnectionDesk } from './connection-desk';

interface ConnectionWatchParts {
  store: ConfigStore;
  results: ConnectionResults;
  desk: Pick<ConnectionDesk, 'check'>;
  log: Logger;
  /** How often each destination is checked; 0 for never. */
  everyMs: number;
  tickMs?: number;
}

const TICK_MS = 60_000;
/** How often one is checked whose role trusts others: nothing is delivered to it until it does no more. */
const WIDE_MS = 3_600_000;
/** Longer than a check, which is bounded: whoever checks asks anew before each. */
const WATCH_MS = 5 * 60_000;
/** As many a tick: what was never checked must not come all at once. */
const CHECKS_MAX = 100;

interface Candidate {
  tenantId: string;
  destination: Destination;
}

/** Checks every destination once in a while, spread over the time. Of all consoles, one does it. */
export class ConnectionWatch {
  private readonly processId = randomUUID();
  private timer: NodeJS.Timeout | undefined;
  private underWay: Promise<void> | undefined;
  private stopped = false;

  constructor(private readonly parts: ConnectionWatchParts) {}

  start(): void {
    const { everyMs, tickMs = TICK_MS, log } = this.parts;
    if (everyMs === 0 || this.stopped) return;
    this.timer = setTimeout(() => {
      this.underWay = this.tick(Date.now())
        .catch((error: unknown) => log.debug({ err: error }, 'connections are not checked'))
        .finally(() => this.start());
    }, tickMs);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.underWay;
  }

  /** Checks what is due. */
  async tick(nowMs: number): Promise<void> {
    for (const { tenantId, destination } of await this.due(nowMs)) {
      if (this.stopped || !(await this.mayWatch())) return;
      await this.parts.desk.check(tenantId, destination).catch((error: unknown) => {
        const facts = { destination: destinationKey(tenantId, destination.id), err: error };
        this.parts.log.warn(facts, 'a connection cannot be checked');
      });
    }
  }

  private mayWatch(): Promise<boolean> {
    return this.parts.results.mayWatch(this.processId, WATCH_MS);
  }

  private async due(nowMs: number): Promise<Candidate[]> {
    const { store, results, everyMs } = this.parts;
    if (!(await this.mayWatch())) return [];
    const known = await results.all();
    const due: Candidate[] = [];
    for (const tenantId of await store.tenantIds()) {
      const record = await store.tenant(tenantId).catch(unreadable);
      if (record === undefined) continue;
      for (const destination of record.destinations) {
        const key = destinationKey(tenantId, destination.id);
        const lastMs = known.get(key)?.atMs;
        const often = isWide(record, destination.credentials) ? WIDE_MS : Infinity;
        const times = { lastMs, nowMs, everyMs: Math.min(everyMs, often) };
        if (destination.enabled && isDue(key, times)) due.push({ tenantId, destination });
      }
      await this.forgetUnused(tenantId, record);
    }
    return due.slice(0, CHECKS_MAX);
  }

  /** A role that no destination has any more is asked about by nobody, and would stay wide for ever. */
  private async forgetUnused(tenantId: string, record: TenantRecord): Promise<void> {
    const { destinations, wideRoles, unreadable: unread } = record;
    if (wideRoles === undefined || unread !== undefined) return;
    const used = new Set(
      destinations.flatMap(({ credentials }) => {
        const role = assumedRole(credentials);
        return role === undefined ? [] : [roleId(role)];
      }),
    );
    const unused = [...wideRoles].filter((id) => !used.has(id));
    if (unused.length === 0) return;
    const writes = unused.map((id) => ({
      place: wideRolePlace(tenantId, id),
      to: { value: undefined },
    }));
    await this.parts.store.write({ kind: 'check' }, writes);
  }
}

/** Of one tenant: the others are checked all the same. */
function unreadable(error: unknown): undefined {
  if (error instanceof Unreadable) return undefined;
  throw error;
}

interface Times {
  lastMs: number | undefined;
  nowMs: number;
  everyMs: number;
}

/** Each destination has its own time of the day, by its name. */
export function isDue(key: string, { lastMs, nowMs, everyMs }: Times): boolean {
  if (lastMs === undefined) return true;
  const phaseMs = fnv1a(key) % everyMs;
  const turn = (timeMs: number): number => Math.floor((timeMs + phaseMs) / everyMs);
  return turn(nowMs) > turn(lastMs);
}

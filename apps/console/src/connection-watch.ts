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
import { isCurrent, leftItOpen } from './connection-proof';

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
/**
 * How often one is checked whose role trusts others, since nothing is delivered to it until it does no more; or of which that could not be
 * found out, since something is.
 */
const SOON_MS = 3_600_000;
/** Longer than a check, which is bounded: whoever checks asks anew before each. */
const WATCH_MS = 5 * 60_000;
/** As many a tick: what was never checked must not come all at once. */
const CHECKS_MAX = 100;
/** Of one tenant: what it changes again and again must not take the time of all others. */
const TENANT_CHECKS_MAX = 10;

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
    for (const tenantId of inTurn(await store.tenantIds(), nowMs, CHECKS_MAX)) {
      const record = await store.tenant(tenantId).catch(unreadable);
      if (record === undefined) continue;
      const ofTenant = inTurn(record.destinations, nowMs, TENANT_CHECKS_MAX).filter(
        (destination) => {
          const key = destinationKey(tenantId, destination.id);
          const result = known.get(key);
          // Of what was changed since, the last one says nothing.
          const last = result !== undefined && isCurrent(result, destination) ? result : undefined;
          const isUrgent = isWide(record, destination.credentials) || (last && leftItOpen(last));
          const times = {
            lastMs: last?.atMs,
            nowMs,
            everyMs: Math.min(everyMs, isUrgent === true ? SOON_MS : Infinity),
          };
          return destination.enabled && isDue(key, times);
        },
      );
      for (const destination of ofTenant.slice(0, TENANT_CHECKS_MAX))
        due.push({ tenantId, destination });
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

/** Beginning with others in every minute: what comes first and is due again and again must not keep the last from its turn. */
function inTurn<T>(all: readonly T[], nowMs: number, atOnce: number): T[] {
  const from = (Math.floor(nowMs / TICK_MS) * atOnce) % Math.max(all.length, 1);
  return [...all.slice(from), ...all.slice(0, from)];
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

import { destinationKey, type Destination, type Notification } from '@logferry/core';
import { within, type Standings } from '@logferry/queue';
import type { Logger } from '@logferry/runtime';
import {
  Unreadable,
  type ConfigStore,
  type Directory,
  type TenantRecord,
  type WatchMemory,
} from '@logferry/store';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  FAILED_AFTER_MS,
  freshMemory,
  noticesOf,
  type DestinationMemory,
  type Looked,
} from './destination-notices';
import type { SourcesWatch } from './sources-watch';
import { WaitSurvey } from './wait-survey';

interface HappeningsWatchParts {
  store: Pick<ConfigStore, 'tenantIds' | 'withChannels' | 'tenant'>;
  directory: Pick<Directory, 'tenant'>;
  standings: Standings;
  sources: Pick<SourcesWatch, 'beginRound' | 'lookAt'>;
  memory: WatchMemory;
  add: (notification: Notification) => Promise<void>;
  log: Pick<Logger, 'info' | 'debug'>;
  /** How long something may wait beyond its linger. */
  lateMs: number;
  everyMs?: number;
}

const EVERY_MS = 15_000;
/** Longer than a page of tenants takes: whoever watches asks anew before each. */
const LEASE_MS = 60_000;
const TENANTS_A_PAGE = 100;
const STOP_MS = 200;
/** Of a destination, in what is remembered of its tenant. */
const OF_DESTINATION = 'destination/';

/**
 * Notices what happens to destinations and sources by how they stand, and not by being told: nothing is missed while no console runs. Of all
 * consoles, one does it, and only for tenants that have somebody to tell.
 *
 * What is noticed is added before it is remembered. Dying in between, it is noticed again, under the same id.
 */
export class HappeningsWatch {
  private readonly owner = randomUUID();
  private readonly stopped = new AbortController();
  private readonly survey: WaitSurvey;
  private running: Promise<void> | undefined;
  private isOwner = false;

  constructor(private readonly parts: HappeningsWatchParts) {
    this.survey = new WaitSurvey(parts.standings);
  }

  start(): void {
    this.running = this.run();
  }

  /** A round that cannot end, as without Redis, is left: what it has noticed is noticed again by whoever watches next. */
  async stop(): Promise<void> {
    this.stopped.abort();
    if ((await within(this.running ?? Promise.resolve(), STOP_MS)) === 'late') return;
    if (this.isOwner) await this.parts.memory.release(this.owner).catch(() => undefined);
  }

  /** Looks once at everything. */
  async round(): Promise<void> {
    const { store, memory, sources } = this.parts;
    if (!(await this.mayGoOn())) return;
    await this.survey.advance(Date.now() - FAILED_AFTER_MS);
    sources.beginRound();
    const tenantIds = await store.tenantIds();
    const watched = new Set<string>();
    for (let at = 0; at < tenantIds.length; at += TENANTS_A_PAGE) {
      if (this.stopped.signal.aborted || !(await this.mayGoOn())) return;
      const page = await store.withChannels(tenantIds.slice(at, at + TENANTS_A_PAGE));
      await this.lookAt(page);
      for (const tenantId of page) watched.add(tenantId);
    }
    await memory.keepOnly(watched);
  }

  private async run(): Promise<void> {
    const { everyMs = EVERY_MS, log } = this.parts;
    while (!this.stopped.signal.aborted) {
      await this.round().catch((error: unknown) =>
        log.debug({ err: error }, 'nobody can be told of anything now'),
      );
      await sleep(everyMs, undefined, { signal: this.stopped.signal }).catch(() => undefined);
    }
  }

  private async lookAt(tenantIds: readonly string[]): Promise<void> {
    const { memory, standings, sources } = this.parts;
    const memories = await memory.of(tenantIds);
    const read = await Promise.all(tenantIds.map((id) => this.destinationsOf(id)));
    const places = read.flatMap((one) => one.places);
    const found = await standings.of(places);
    const nowMs = Date.now();
    const ofTenant = async (tenantId: string, i: number): Promise<void> => {
      const { isKnown = false, things = new Map<string, unknown>() } = memories[i] ?? {};
      const changes = new Map<string, object | undefined>();
      for (const name of things.keys())
        if (name.startsWith(OF_DESTINATION) && read[i]?.isUnread(name) !== true)
          changes.set(name, undefined);
      for (const [n, place] of places.entries()) {
        const standing = found[n];
        if (place.tenantId !== tenantId || standing === undefined) continue;
        const { destinationId, sink, lateAfterMs } = place;
        const wait = this.survey.of(sink, destinationKey(tenantId, destinationId));
        const looked = { tenantId, destinationId, standing, wait, nowMs, lateAfterMs };
        const name = OF_DESTINATION + destinationId;
        changes.set(name, await this.notice(looked, things.get(name), isKnown));
      }
      for (const [name, value] of await sources.lookAt(tenantId, things, nowMs))
        changes.set(name, value);
      for (const [name, value] of changes)
        if (JSON.stringify(things.get(name)) === JSON.stringify(value)) changes.delete(name);
      if (changes.size > 0 || !isKnown) await memory.put(tenantId, changes);
    };
    await Promise.all(tenantIds.map(ofTenant));
  }

  private async notice(looked: Looked, before: unknown, isTenantKnown: boolean): Promise<object> {
    const memory =
      before === undefined ? freshMemory(looked, isTenantKnown) : (before as DestinationMemory);
    const { notifications, after } = noticesOf(looked, memory);
    for (const notification of notifications) await this.parts.add(notification);
    return after;
  }

  /** One that cannot be read is no reason to be silent about the others. What was told of it is not told anew when it can be. */
  private async destinationsOf(tenantId: string): Promise<ReadTenant> {
    const { lateMs } = this.parts;
    const record = await this.recordOf(tenantId);
    if (record === 'unreadable') return { places: [], isUnread: () => true };
    const unread = new Set(record?.unreadable?.map(({ id }) => OF_DESTINATION + id));
    const places = (record?.destinations ?? []).map((destination) => ({
      tenantId,
      destinationId: destination.id,
      sink: destination.type,
      lateAfterMs: lateMs + lingerMsOf(destination),
    }));
    return { places, isUnread: (name) => unread.has(name) };
  }

  private async recordOf(tenantId: string): Promise<TenantRecord | undefined | 'unreadable'> {
    const { directory, store } = this.parts;
    try {
      return await directory.tenant(tenantId).catch(ofUnreadable(() => store.tenant(tenantId)));
    } catch (error) {
      return ofUnreadable(() => 'unreadable' as const)(error);
    }
  }

  private async mayGoOn(): Promise<boolean> {
    const wasOwner = this.isOwner;
    this.isOwner = await this.parts.memory.claim(this.owner, LEASE_MS);
    if (this.isOwner && !wasOwner)
      this.parts.log.info('this process watches what happens to destinations and sources');
    return this.isOwner;
  }
}

/** What is looked at of a tenant. */
interface ReadTenant {
  places: Place[];
  /** Whether what is remembered by this name is of a destination that is there and cannot be read. */
  isUnread(name: string): boolean;
}

interface Place {
  tenantId: string;
  destinationId: string;
  sink: Destination['type'];
  lateAfterMs: number;
}

/** @throws what is no Unreadable */
function ofUnreadable<T>(answer: () => T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Unreadable) return answer();
    throw error;
  };
}

function lingerMsOf(destination: Destination): number {
  return destination.type === 's3' ? destination.s3.lingerMs : destination.cloudwatch.lingerMs;
}

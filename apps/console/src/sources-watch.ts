import type { Channel, Notification, Source, SourceRun } from '@logferry/core';
import type { SourcePlace, SourceRuns } from '@logferry/sources';
import type { ConfigStore } from '@logferry/store';
import {
  reportDay,
  reportOf,
  stoppedNotice,
  unreadableNotice,
  type RunTimes,
  type SourceMemory,
} from './source-notices';

interface SourcesWatchParts {
  store: Pick<ConfigStore, 'sources' | 'channels'>;
  runs: Pick<SourceRuns, 'page' | 'position' | 'run'>;
  add: (notification: Notification) => Promise<void>;
  everyMs?: number;
}

type Things = ReadonlyMap<string, unknown>;
type Changes = Map<string, object | undefined>;

/** Nobody waits for what this tells by the second. */
const EVERY_MS = 60_000;
const DAY_MS = 86_400_000;
const RUNS_A_PAGE = 100;
/** More than one a minute. */
const RUNS_MAX = 2_000;
/** The others are sent a round later: at the same hour, everybody's are due. */
const REPORTS_A_ROUND = 50;

const OF_SOURCE = 'source/';
const OF_REPORT = 'report/';

/** Notices that a source does not run any more, and sends the daily reports. */
export class SourcesWatch {
  private readonly lookedAtMs = new Map<string, number>();
  private reports = 0;

  constructor(private readonly parts: SourcesWatchParts) {}

  beginRound(): void {
    this.reports = 0;
  }

  /** @returns what is to be remembered of the tenant's sources now, beside what is */
  async lookAt(tenantId: string, things: Things, nowMs: number): Promise<Changes> {
    const { store, everyMs = EVERY_MS } = this.parts;
    const changes: Changes = new Map();
    if (nowMs - (this.lookedAtMs.get(tenantId) ?? 0) < everyMs) return changes;
    const { sources, unreadable } = await store.sources(tenantId);
    const channels = await store.channels(tenantId);
    const there = new Set(
      [...sources, ...unreadable].flatMap(({ id }) => [
        OF_SOURCE + id,
        ...channels.map((channel) => reportName(channel.id, id)),
      ]),
    );
    for (const name of things.keys())
      if (isOfSource(name) && !there.has(name)) changes.set(name, undefined);
    for (const { id: sourceId } of unreadable) {
      const name = OF_SOURCE + sourceId;
      const before = things.get(name) as SourceMemory | undefined;
      const { notification, after } = unreadableNotice({ tenantId, sourceId, nowMs }, before);
      if (notification !== undefined) await this.parts.add(notification);
      changes.set(name, after);
    }
    let isDone = true;
    for (const source of sources) {
      const looking = { tenantId, source, channels, nowMs };
      await this.notice(looking, things, changes);
      isDone = (await this.report(looking, things, changes)) && isDone;
    }
    if (isDone) this.lookedAtMs.set(tenantId, nowMs);
    return changes;
  }

  private async notice(
    { tenantId, source, nowMs }: Looking,
    things: Things,
    changes: Changes,
  ): Promise<void> {
    const name = OF_SOURCE + source.id;
    const times = await this.timesOf({ tenantId, sourceId: source.id });
    const before = things.get(name) as SourceMemory | undefined;
    const { notification, after } = stoppedNotice({ tenantId, source, nowMs, ...times }, before);
    if (notification !== undefined) await this.parts.add(notification);
    changes.set(name, after);
  }

  private async timesOf(place: SourcePlace): Promise<RunTimes> {
    const { runs } = this.parts;
    const { endedAtMs, runId } = await runs.position(place);
    const run = runId === undefined ? undefined : await runs.run(place, runId);
    return { endedAtMs, runningSinceMs: run?.state === 'running' ? run.startedAtMs : undefined };
  }

  /** @returns false if one is left for a later round */
  private async report(looking: Looking, things: Things, changes: Changes): Promise<boolean> {
    const { tenantId, source, channels, nowMs } = looking;
    const place = { tenantId, sourceId: source.id };
    for (const channel of channels) {
      const day = reportDay(channel, looking);
      const name = reportName(channel.id, source.id);
      const before = things.get(name) as { day: string } | undefined;
      if (day === undefined || before?.day === day) continue;
      if (this.reports >= REPORTS_A_ROUND) return false;
      this.reports++;
      const [runs, { checkpoint }] = await Promise.all([
        this.runsSince(place, nowMs - DAY_MS),
        this.parts.runs.position(place),
      ]);
      await this.parts.add({
        id: `report:${channel.id}:${source.id}:${day}`,
        kind: 'report.daily',
        tenantId,
        atMs: nowMs,
        about: { sourceId: source.id },
        channelId: channel.id,
        sinceMs: nowMs - DAY_MS,
        report: reportOf(runs, checkpoint),
      });
      changes.set(name, { day });
    }
    return true;
  }

  private async runsSince(place: SourcePlace, sinceMs: number): Promise<SourceRun[]> {
    const found: SourceRun[] = [];
    for (let page = 0; found.length < RUNS_MAX; page++) {
      const { runs } = await this.parts.runs.page(place, { page, perPage: RUNS_A_PAGE });
      const recent = runs.filter(({ startedAtMs }) => startedAtMs >= sinceMs);
      found.push(...recent);
      if (recent.length < RUNS_A_PAGE) break;
    }
    return found;
  }
}

interface Looking {
  tenantId: string;
  source: Source;
  channels: readonly Channel[];
  nowMs: number;
}

const reportName = (channelId: string, sourceId: string): string =>
  `${OF_REPORT}${channelId}/${sourceId}`;

const isOfSource = (name: string): boolean =>
  name.startsWith(OF_SOURCE) || name.startsWith(OF_REPORT);

import { destinationKey, imbalance, sinks, type Destination } from '@logferry/core';
import type { openQueues } from '@logferry/queue';
import type { ConfigStore } from '@logferry/store';
import { tenantOf, type Caller } from './caller';
import type { HeldDestinations } from './held-destinations';
import { sumOf, type Ledgers } from './ledgers';
import { pageOf, type PageRequest } from './page-request';
import type { DestinationStatsView, QueueStatsView, StatsView } from './stats-view';
import type { WaitSurvey } from './wait-survey';

/** Looking through all that waits is work for Redis; whoever asks again within this is told the same. */
const SURVEY_EVERY_MS = 5_000;
const STATES = ['wait', 'prioritized', 'active', 'delayed', 'failed'] as const;

interface Parts {
  store: ConfigStore;
  ledgers: Ledgers;
  held: HeldDestinations;
  survey: WaitSurvey;
  queues: ReturnType<typeof openQueues>;
}

/** The numbers that a dashboard shows, all of them from what is counted anyway. */
export class Stats {
  private surveyedAtMs = -Infinity;

  constructor(private readonly parts: Parts) {}

  async show(caller: Caller | undefined, page: PageRequest): Promise<StatsView> {
    const nowMs = Date.now();
    await this.lookAround(nowMs);
    const own = tenantOf(caller);
    const { store, ledgers } = this.parts;
    const { ids, cursor } = pageOf(own === undefined ? await store.tenantIds() : [own], page);
    const destinations = (await Promise.all(ids.map((id) => this.ofTenant(id, nowMs)))).flat();
    const totals = own === undefined ? await ledgers.totals() : sumOf(destinations);
    return {
      at: new Date(nowMs).toISOString(),
      totals,
      unaccounted: imbalance(totals),
      ...(own === undefined ? { queues: await this.ofQueues(nowMs) } : {}),
      ...{ destinations, cursor },
    };
  }

  private async lookAround(nowMs: number): Promise<void> {
    if (nowMs - this.surveyedAtMs < SURVEY_EVERY_MS) return;
    this.surveyedAtMs = nowMs;
    await this.parts.survey.advance(nowMs);
  }

  private async ofTenant(tenantId: string, nowMs: number): Promise<DestinationStatsView[]> {
    const record = await this.parts.store.tenant(tenantId);
    return Promise.all(
      (record?.destinations ?? []).map((destination) => this.of(tenantId, destination, nowMs)),
    );
  }

  private async of(
    tenantId: string,
    { id, type, enabled }: Destination,
    nowMs: number,
  ): Promise<DestinationStatsView> {
    const { ledgers, held, survey } = this.parts;
    const key = destinationKey(tenantId, id);
    const [ledger, hold] = await Promise.all([ledgers.of(tenantId, id), held.find(key, type)]);
    const wait = survey.of(type, key);
    return {
      ...{ tenant: tenantId, destination: id, sink: type, enabled, ...ledger },
      // What is there no more was settled since somebody looked.
      lagMs: ledger.waiting === 0 || wait === 'unknown' ? null : lagOf(wait?.sinceMs, nowMs),
      hold:
        hold === undefined
          ? null
          : {
              kind: hold.kind,
              reason: hold.code ?? null,
              since: new Date(hold.sinceMs).toISOString(),
              batches: hold.batches,
            },
    };
  }

  private ofQueues(nowMs: number): Promise<QueueStatsView[]> {
    const { queues, held, survey } = this.parts;
    return Promise.all(
      sinks.map(async (sink) => {
        const ofSink = queues.filter((one) => one.sink === sink);
        const [heldDestinations, ...counts] = await Promise.all([
          held.count(sink),
          ...ofSink.map(({ queue }) => queue.getJobCounts(...STATES)),
        ]);
        const sum = (...states: (typeof STATES)[number][]): number =>
          counts.reduce((all, of) => states.reduce((n, state) => n + (of[state] ?? 0), all), 0);
        const jobs = {
          waiting: sum('wait', 'prioritized'),
          active: sum('active'),
          delayed: sum('delayed'),
          failed: sum('failed'),
        };
        return { sink, jobs, heldDestinations, lagMs: lagOf(survey.oldest(sink), nowMs) };
      }),
    );
  }
}

function lagOf(sinceMs: number | undefined, nowMs: number): number | null {
  return sinceMs === undefined ? null : Math.max(nowMs - sinceMs, 0);
}

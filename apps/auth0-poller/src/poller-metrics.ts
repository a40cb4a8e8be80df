import type { RunState } from '@logferry/core';
import type { RunGrowth } from '@logferry/sources';
import type { Metrics } from '@logferry/runtime';

/** What the pollers do, in numbers; no label names a tenant. */
export class PollerMetrics {
  running = 0;
  private readonly runs;
  private readonly logEvents;
  private readonly calls;
  private readonly waits;
  private readonly unknownTypes;

  constructor(metrics: Metrics) {
    this.runs = metrics.counter(
      'auth0_poller_runs_total',
      'Runs of sources that ended, by how and why',
      ['state', 'code'],
    );
    this.logEvents = metrics.counter(
      'auth0_poller_log_events_total',
      'Log events that were read, by what became of them',
      ['outcome'],
    );
    this.calls = metrics.counter(
      'auth0_poller_api_calls_total',
      'Calls of the Management API of Auth0, by the status of the answer; 0 is none',
      ['status'],
    );
    this.waits = metrics.counter(
      'auth0_poller_waited_seconds_total',
      'For how long runs have waited: for the rate limit of Auth0, or for ingest',
      ['on'],
    );
    this.unknownTypes = metrics.counter(
      'auth0_poller_unknown_types_total',
      'Log events of types that this version does not know; they are sent',
    );
    const gauge: ReturnType<Metrics['gauge']> = metrics.gauge(
      'auth0_poller_running',
      'Runs that are under way in this process',
      [],
      () => gauge.set(this.running),
    );
  }

  called(status: number): void {
    this.calls.inc({ status: String(status) });
  }

  waited(on: 'api' | 'ingest', ms: number): void {
    this.waits.inc({ on }, ms / 1_000);
  }

  settled(growth: RunGrowth): void {
    const { unwanted = 0, filtered, rejected, repeated, unknownTypes = {} } = growth;
    const accepted = (growth.accepted ?? 0) - unwanted;
    for (const [outcome, n] of Object.entries({ accepted, unwanted, filtered, rejected, repeated }))
      if (n !== undefined && n > 0) this.logEvents.inc({ outcome }, n);
    for (const n of Object.values(unknownTypes)) this.unknownTypes.inc(n);
  }

  ended(state: RunState, code: string): void {
    this.runs.inc({ state, code });
  }
}

import type { Latency } from './latency';
import type { Arrivals } from './scenario-run';

export interface ScenarioOptions {
  /** How long each phase sends. */
  seconds: number;
  lingerMs: number;
  /** How many log events a source has. */
  logs: number;
}

/** Processes that have just started compile, and sessions are fetched: both once, and neither is what a scenario is about. */
export const warmUpSeconds = ({ seconds }: ScenarioOptions): number => Math.min(seconds, 5);

export interface Verdict {
  what: string;
  value: number;
  most: number;
  unit: string;
  held: boolean;
}

export interface ScenarioResult {
  scenario: string;
  options: ScenarioOptions;
  /** Whether its verdicts are only told. */
  isForInformation?: boolean;
  /** What was measured, each with its name. */
  facts: readonly (readonly [name: string, text: string])[];
  verdicts: readonly Verdict[];
  acknowledged: number;
  lost: number;
  duplicates: number;
}

export const countsOf = ({ acknowledged, lost, duplicates }: Arrivals) => ({
  acknowledged,
  lost,
  duplicates,
});

export function ratioVerdict(what: string, value: Latency, baseline: Latency): Verdict {
  const ratio = value.p99Ms / baseline.p99Ms;
  return { what, value: ratio, most: 1.5, unit: 'times', held: ratio <= 1.5 };
}

export const describeLatency = ({ logEvents, p50Ms, p99Ms, mostMs }: Latency): string =>
  `p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}, most ${ms(mostMs)} ms (${logEvents} log events)`;

export const ms = (value: number): string => String(Math.round(value));

export function describeStatuses(statuses: Record<string, number>): string {
  const parts = Object.entries(statuses).map(([status, count]) => `${count} × ${status}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

/** The share of a CPU that each process took. */
export function describeCpu(
  before: Record<string, number>,
  after: Record<string, number>,
  seconds: number,
): string {
  return Object.entries(after)
    .map(([name, cpu]) => `${name} ${Math.round(((cpu - (before[name] ?? 0)) / seconds) * 100)} %`)
    .join(', ');
}

export function describeScenario({
  scenario,
  facts,
  verdicts,
  acknowledged,
  lost,
  duplicates,
}: ScenarioResult): string {
  const rows = [
    ...facts,
    [
      'lost',
      `${lost} of ${acknowledged} that were acknowledged; ${duplicates} duplicates`,
    ] as const,
    ...verdicts.map(
      ({ what, value, most, unit, held }) =>
        [
          held ? 'held' : 'NOT held',
          `${what}: ${Number(value.toFixed(2))} ${unit}, ${most} at most`,
        ] as const,
    ),
  ];
  return [scenario, ...rows.map(([name, text]) => `  ${name.padEnd(20)} ${text}`)].join('\n');
}

import { cpus, platform, release } from 'node:os';
import type { BenchResult } from './run';

/** The machine, named: a figure without it says nothing. */
export function describeMachine(): string {
  const all = cpus();
  return `${all.length} × ${all[0]?.model.trim() ?? 'unknown CPU'}, ${platform()} ${release()}, Node ${process.versions.node}`;
}

const round = (value: number, digits = 2): string => value.toFixed(digits);
const thousands = (value: number): string => `${Math.round(value / 1_000)}k`;

export function describeResult(result: BenchResult): string {
  const { plan } = result;
  const cpu = Object.entries(result.cpuPerMillion).map(
    ([name, seconds]) => `${name} ${round(seconds)}`,
  );
  const rss = Object.entries(result.rssPeakMiB).map(([name, mib]) => `${name} ${Math.round(mib)}`);
  const fill = result.fill === undefined ? '' : `, ${Math.round(result.fill * 100)} % of 1 MiB`;
  const rows = [
    [
      'delivered',
      `${thousands(result.deliveredPerSecond)} log events/s (acknowledged ${thousands(result.acknowledgedPerSecond)}/s)`,
    ],
    ['CPU', `${round(result.cpuPerMillionTotal)} s per million: ${cpu.join(', ')}`],
    [
      '',
      `${round(result.cpuPerMillionTotal / result.bareNodeCpuPerMillion, 1)} times the ${round(result.bareNodeCpuPerMillion)} s of a bare Node server that only parses the requests`,
    ],
    [
      'acknowledgement',
      `p50 ${round(result.acknowledgementP50Ms, 1)} ms, p99 ${round(result.acknowledgementP99Ms, 1)} ms`,
    ],
    [
      'calls',
      `${result.calls}, ${Math.round(result.eventsPerCall)} log events and ${thousands(result.bytesPerCall)} bytes each${fill}`,
    ],
    ['memory', `${rss.join(', ')} MiB at most`],
    [
      'lost',
      `${result.lost}; ${result.duplicates} duplicates, ${result.refusedRequests} requests refused`,
    ],
  ];
  const title =
    `${plan.name}: ${plan.events} × ${plan.eventBytes} B (${plan.message}, ${plan.text}) to ${plan.sink}, ${plan.tenants} tenants (${plan.order}), ` +
    `${plan.eventsPerRequest} a request on ${plan.connections} connections, AWS ${plan.awsLatencyMs} ms, fsync ${plan.fsync}${plan.rate === 0 ? '' : `, ${plan.rate}/s offered`}`;
  return [title, ...rows.map(([name = '', text = '']) => `  ${name.padEnd(16)} ${text}`)].join(
    '\n',
  );
}

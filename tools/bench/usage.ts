import { readFileSync } from 'node:fs';

/** What a process has used so far. Linux only: it is read from /proc, threads and all. */
export interface Usage {
  cpuSeconds: number;
  rssPeakMiB: number;
}

const TICKS_A_SECOND = 100; // USER_HZ, the same on every Linux that Node runs on

export function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]); // user and system
  const peakKiB = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return { cpuSeconds: ticks / TICKS_A_SECOND, rssPeakMiB: Number(peakKiB) / 1_024 };
}

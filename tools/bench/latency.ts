import type { Arrivals, SentLoad } from './scenario-run';

export interface Latency {
  logEvents: number;
  p50Ms: number;
  p99Ms: number;
  mostMs: number;
}

/** How long log events took to arrive: from when each was due to be sent, so that neither a slow ingest nor a slow generator can hide. */
export function latencyOf(
  loads: readonly SentLoad[],
  { arrivedMs }: Arrivals,
  /** By the moment at which one was due. */
  isWanted: (dueMs: number) => boolean = () => true,
): Latency {
  return summarize(
    loads.flatMap(({ firstId, dueMs, acknowledgedMs }) =>
      [...dueMs].flatMap((due, n) => {
        const arrived = arrivedMs[firstId + n] ?? 0;
        return acknowledgedMs[n] !== 0 && arrived !== 0 && isWanted(due) ? [arrived - due] : [];
      }),
    ),
  );
}

/** How long acknowledgements took, from when each log event was due to be sent. */
export function acknowledgementOf(loads: readonly SentLoad[]): Latency {
  return summarize(
    loads.flatMap(({ dueMs, acknowledgedMs }) =>
      [...dueMs].flatMap((due, n) => {
        const at = acknowledgedMs[n] ?? 0;
        return at === 0 ? [] : [at - due];
      }),
    ),
  );
}

function summarize(took: number[]): Latency {
  took.sort((a, b) => a - b);
  const at = (share: number): number =>
    took[Math.min(Math.floor(took.length * share), took.length - 1)] ?? 0;
  return { logEvents: took.length, p50Ms: at(0.5), p99Ms: at(0.99), mostMs: at(1) };
}

/** The most that a log event took from its acknowledgement to its arrival. */
export function longestWaitMs(loads: readonly SentLoad[], { arrivedMs }: Arrivals): number {
  let most = 0;
  for (const { firstId, acknowledgedMs } of loads) {
    acknowledgedMs.forEach((at, n) => {
      if (at !== 0) most = Math.max(most, (arrivedMs[firstId + n] ?? 0) - at);
    });
  }
  return most;
}

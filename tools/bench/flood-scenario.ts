// One tenant sends ten times what a worker can deliver, and two hundred others go on with a log event a second each.
import { acknowledgementOf, latencyOf } from './latency';
import type { LoadOrder, Sender } from './scenario-plan';
import { ScenarioRun, type ScenarioDestination, type SentLoad } from './scenario-run';
import {
  countsOf,
  describeCpu,
  describeLatency,
  describeStatuses,
  ratioVerdict,
  warmUpSeconds,
  type ScenarioOptions,
  type ScenarioResult,
} from './scenario';
import { onStage } from './stage';

export const QUIET_TENANTS = 200;
const FLOODER = 0;
/** What AWS takes to answer, and a worker's slots, unless set otherwise: together they are what a worker can deliver. */
export const LATENCY_MS = 160;
const SLOTS = 32;
export const CAPACITY = (SLOTS * 1_000) / LATENCY_MS;
/** Small, so that the flooding tenant comes to its share while it is watched. */
export const MEMORY = {
  LOGFERRY_INGEST_REDIS_MEMORY_BYTES_MAX: String(128 * 1024 * 1024),
};
const ROUNDS = 2;

export const quietOrder = (
  senders: readonly Sender[],
  seconds: number,
): Omit<LoadOrder, 'firstId'> => ({
  idsMax: Math.ceil(senders.length * seconds * 1.1) + 1_000,
  seconds,
  senders,
  rate: 1,
  eventsPerRequest: 1,
  connections: 0,
});

export const floodOrder = (rate: number, seconds: number): Omit<LoadOrder, 'firstId'> => ({
  idsMax: rate === 0 ? 600_000 : rate * (seconds + 1),
  seconds,
  // Each log event has a log stream, and so a batch, of its own: nothing costs a worker more.
  senders: [{ tenantId: 'flooder', stream: 'new', type: 'deployment' }],
  rate,
  eventsPerRequest: Math.max(1, Math.min(100, Math.floor(rate / 20) || 100)),
  connections: 32,
});

export const quietSenders: readonly Sender[] = Array.from({ length: QUIET_TENANTS }, (_, n) => ({
  tenantId: `quiet-${n + 1}`,
  stream: 'main',
  type: 'deployment',
}));

export const floodAccounts = Array.from({ length: QUIET_TENANTS + 1 }, (_, n) => n);

export function floodDestinations(lingerMs: number): ScenarioDestination[] {
  return floodAccounts.map((account) => ({
    tenantId: account === FLOODER ? 'flooder' : `quiet-${account}`,
    id: 'logs',
    account,
    lingerMs,
  }));
}

/** @param flooding log events a second; 0 for as many as go on 32 connections, whatever they are answered */
export function runFlood(options: ScenarioOptions, flooding: number): Promise<ScenarioResult> {
  return onStage({}, async (stage) => {
    const { seconds } = options;
    const run = await ScenarioRun.open(stage, floodDestinations(options.lingerMs), MEMORY);
    const slow = { kind: 'answer', latencyMs: LATENCY_MS } as const;
    await run.tell(floodAccounts, slow);
    await Promise.all([
      run.load('quiet', quietOrder(quietSenders, warmUpSeconds(options))),
      run.load('flood', floodOrder(100, warmUpSeconds(options))),
    ]);
    await run.settled();

    const [alone, beside, floods]: [SentLoad[], SentLoad[], SentLoad[]] = [[], [], []];
    const cpu = { alone: '', beside: '' };
    let waiting = 0;
    let delivered = 0;
    // By turns, since the machine may be slower in one minute than in the next.
    for (let round = 0; round < ROUNDS; round++) {
      const before = run.cpu();
      alone.push(await run.load('quiet', quietOrder(quietSenders, seconds)));
      const between = run.cpu();
      cpu.alone = describeCpu(before, between, seconds);
      const [quiet, flood] = await Promise.all([
        run.load('quiet', quietOrder(quietSenders, seconds)),
        run.load('flood', floodOrder(flooding, seconds)),
      ]);
      cpu.beside = describeCpu(between, run.cpu(), seconds);
      beside.push(quiet);
      floods.push(flood);
      const { arrivedMs } = await run.arrivals();
      const arrived = flood.dueMs.filter((_, n) => arrivedMs[flood.firstId + n] !== 0).length;
      delivered += arrived / seconds / ROUNDS;
      waiting = Math.max(waiting, flood.acknowledged - arrived);
      // What is left of the flood need not be waited for at that pace; nobody is measured meanwhile.
      await run.tell(floodAccounts, { kind: 'answer', latencyMs: 0 });
      await run.settled();
      await run.tell(floodAccounts, slow);
    }
    const arrivals = await run.settled();
    const [before, during] = [latencyOf(alone, arrivals), latencyOf(beside, arrivals)];
    const offered = floods.reduce((sum, { dueMs }) => sum + dueMs.length, 0) / seconds / ROUNDS;
    return {
      scenario: flooding === 0 ? 'flood, as fast as it goes' : 'flood',
      options,
      facts: [
        ['capacity', `${CAPACITY} batches/s: ${SLOTS} slots, AWS takes ${LATENCY_MS} ms`],
        [
          'flood',
          `${Math.round(offered)} batches/s offered, ${(offered / CAPACITY).toFixed(1)} times the capacity; ${Math.round(delivered)}/s delivered; ${waiting} waiting at its end`,
        ],
        ['its requests', sumStatuses(floods)],
        ["quiet ones'", sumStatuses([...alone, ...beside])],
        ['quiet, alone', describeLatency(before)],
        ['quiet, with flood', describeLatency(during)],
        ['acknowledged, alone', describeLatency(acknowledgementOf(alone))],
        ['  with flood', describeLatency(acknowledgementOf(beside))],
        ['CPU, alone', cpu.alone],
        ['CPU, with flood', cpu.beside],
      ],
      verdicts: [ratioVerdict('quiet p99, with the flood and without', during, before)],
      ...countsOf(arrivals),
    };
  });
}

function sumStatuses(loads: readonly SentLoad[]): string {
  const sum: Record<string, number> = {};
  for (const { statuses } of loads)
    for (const [status, count] of Object.entries(statuses))
      sum[status] = (sum[status] ?? 0) + count;
  return describeStatuses(sum);
}

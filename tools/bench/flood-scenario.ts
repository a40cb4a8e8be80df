// One tenant sends ten times what a worker can deliver, and two hundred others go on with a log event a second each.
import { acknowledgementOf, latencyOf } from './latency';
import type { LoadOrder, Sender } from './scenario-plan';
import {
  ScenarioRun,
  type Arrivals,
  type ScenarioDestination,
  type SentLoad,
} from './scenario-run';
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
  ingestEnv: { LOGFERRY_INGEST_REDIS_MEMORY_BYTES_MAX: String(128 * 1024 * 1024) },
};
const ROUNDS = 2;
const SLOW = { kind: 'answer', latencyMs: LATENCY_MS } as const;

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
    const run = await ScenarioRun.open(stage, floodDestinations(options.lingerMs), MEMORY);
    await run.tell(floodAccounts, SLOW);
    await Promise.all([
      run.load('quiet', quietOrder(quietSenders, warmUpSeconds(options))),
      run.load('flood', floodOrder(100, warmUpSeconds(options))),
    ]);
    await run.settled();
    const rounds: Round[] = [];
    // By turns, since the machine may be slower in one minute than in the next.
    while (rounds.length < ROUNDS) rounds.push(await runRound(run, options.seconds, flooding));
    return {
      scenario: flooding === 0 ? 'flood, as fast as it goes (for information)' : 'flood',
      options,
      // The generator and the machine set its pace, so it says nothing that could be held against us.
      isForInformation: flooding === 0,
      ...summarize(rounds, await run.settled(), options.seconds),
    };
  });
}

interface Round {
  alone: SentLoad;
  beside: SentLoad;
  flood: SentLoad;
  /** Batches of the flood that were delivered, and that waited, when it ended. */
  delivered: number;
  waiting: number;
  cpuAlone: string;
  cpuBeside: string;
}

async function runRound(run: ScenarioRun, seconds: number, flooding: number): Promise<Round> {
  const before = run.cpu();
  const alone = await run.load('quiet', quietOrder(quietSenders, seconds));
  const between = run.cpu();
  const [beside, flood] = await Promise.all([
    run.load('quiet', quietOrder(quietSenders, seconds)),
    run.load('flood', floodOrder(flooding, seconds)),
  ]);
  const after = run.cpu();
  const { arrivedMs } = await run.arrivals();
  const delivered = flood.dueMs.filter((_, n) => arrivedMs[flood.firstId + n] !== 0).length;
  // What is left of the flood need not be waited for at that pace; nobody is measured meanwhile.
  await run.tell(floodAccounts, { kind: 'answer', latencyMs: 0 });
  await run.settled();
  await run.tell(floodAccounts, SLOW);
  return {
    alone,
    beside,
    flood,
    delivered,
    waiting: flood.acknowledged - delivered,
    cpuAlone: describeCpu(before, between, seconds),
    cpuBeside: describeCpu(between, after, seconds),
  };
}

function summarize(rounds: readonly Round[], arrivals: Arrivals, seconds: number) {
  const alone = rounds.map((round) => round.alone);
  const beside = rounds.map((round) => round.beside);
  const floods = rounds.map(({ flood }) => flood);
  const quiet = [...alone, ...beside];
  const [before, during] = [latencyOf(alone, arrivals), latencyOf(beside, arrivals)];
  const perSecond = (of: (round: Round) => number): number =>
    rounds.reduce((sum, round) => sum + of(round), 0) / seconds / rounds.length;
  const offered = perSecond(({ flood }) => flood.dueMs.length);
  const refused = quiet.reduce(
    (sum, { dueMs, acknowledged }) => sum + dueMs.length - acknowledged,
    0,
  );
  const waiting = Math.max(...rounds.map((round) => round.waiting));
  const [last] = rounds.slice(-1);
  const facts = [
    ['capacity', `${CAPACITY} batches/s: ${SLOTS} slots, AWS takes ${LATENCY_MS} ms`],
    [
      'flood',
      `${Math.round(offered)} batches/s offered, ${(offered / CAPACITY).toFixed(1)} times the capacity; ` +
        `${Math.round(perSecond((round) => round.delivered))}/s delivered; ${waiting} waiting at its end`,
    ],
    ['its requests', sumStatuses(floods)],
    ["quiet ones'", sumStatuses(quiet)],
    ['quiet, alone', describeLatency(before)],
    ['quiet, with flood', describeLatency(during)],
    ['acknowledged, alone', describeLatency(acknowledgementOf(alone))],
    ['  with flood', describeLatency(acknowledgementOf(beside))],
    ['CPU, alone', last?.cpuAlone ?? ''],
    ['CPU, with flood', last?.cpuBeside ?? ''],
  ] as const;
  const verdicts = [
    ratioVerdict('quiet p99, with the flood and without', during, before),
    {
      what: 'log events of quiet tenants that were refused',
      value: refused,
      most: 0,
      unit: 'log events',
      held: refused === 0,
    },
  ];
  return { facts, verdicts, ...countsOf(arrivals) };
}

function sumStatuses(loads: readonly SentLoad[]): string {
  const sum: Record<string, number> = {};
  for (const { statuses } of loads)
    for (const [status, count] of Object.entries(statuses))
      sum[status] = (sum[status] ?? 0) + count;
  return describeStatuses(sum);
}

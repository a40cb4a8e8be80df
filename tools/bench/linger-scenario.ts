// Lanes with a log event every few seconds, in between of a flood and of two hundred quiet tenants: none may wait for others to fill it.
import {
  CAPACITY,
  floodAccounts,
  floodDestinations,
  floodOrder,
  LATENCY_MS,
  MEMORY,
  quietOrder,
  quietSenders,
} from './flood-scenario';
import { latencyOf, longestWaitMs } from './latency';
import type { Sender } from './scenario-plan';
import { ScenarioRun } from './scenario-run';
import {
  countsOf,
  describeCpu,
  describeLatency,
  describeStatuses,
  warmUpSeconds,
  type ScenarioOptions,
  type ScenarioResult,
} from './scenario';
import { onStage } from './stage';

const LANES = 100;
const SECONDS_BETWEEN = 4;
const OVER_LINGER_MS_MAX = 1_000;

export function runLinger(options: ScenarioOptions): Promise<ScenarioResult> {
  return onStage({}, async (stage) => {
    const { seconds, lingerMs } = options;
    const lanes = Array.from({ length: LANES }, (_, n) => ({
      tenantId: `low-${n}`,
      id: 'logs',
      account: 1_000 + n,
      lingerMs,
    }));
    const senders = lanes.map(({ tenantId }): Sender => ({
      tenantId,
      stream: 'main',
      type: 'deployment',
    }));
    const low = (forSeconds: number) => ({
      ...quietOrder(senders, forSeconds),
      rate: 1 / SECONDS_BETWEEN,
    });
    const run = await ScenarioRun.open(stage, [...floodDestinations(lingerMs), ...lanes], MEMORY);
    const accounts = [...floodAccounts, ...lanes.map(({ account }) => account)];
    await run.tell(accounts, { kind: 'answer', latencyMs: LATENCY_MS });
    await Promise.all([
      run.load('low', { ...low(warmUpSeconds(options)), rate: 1 }),
      run.load('quiet', quietOrder(quietSenders, warmUpSeconds(options))),
      run.load('flood', floodOrder(100, warmUpSeconds(options))),
    ]);
    await run.settled();

    const before = run.cpu();
    const [measured, , flood] = await Promise.all([
      run.load('low', low(seconds)),
      run.load('quiet', quietOrder(quietSenders, seconds)),
      run.load('flood', floodOrder(10 * CAPACITY, seconds)),
    ]);
    const cpu = describeCpu(before, run.cpu(), seconds);
    await run.tell(accounts, { kind: 'answer', latencyMs: 0 });
    const arrivals = await run.settled();
    const over = (longestWaitMs([measured], arrivals) - lingerMs) / 1_000;
    return {
      scenario: 'linger',
      options,
      facts: [
        ['lanes', `${LANES} with a log event every ${SECONDS_BETWEEN} s, linger ${lingerMs} ms`],
        ['flood', describeStatuses(flood.statuses)],
        ['from sending', describeLatency(latencyOf([measured], arrivals))],
        ['CPU', cpu],
      ],
      verdicts: [
        {
          what: 'longest time from acknowledgement to arrival, beyond the linger',
          value: over,
          most: OVER_LINGER_MS_MAX / 1_000,
          unit: 's',
          held: over * 1_000 <= OVER_LINGER_MS_MAX,
        },
      ],
      ...countsOf(arrivals),
    };
  });
}

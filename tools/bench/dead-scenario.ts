// A hundred destinations at work, and from one moment on half of them do not answer any more.
import { Holds } from '@logferry/queue';
import { Redis } from 'ioredis';
import { latencyOf } from './latency';
import { now, type LoadOrder, type Sender } from './scenario-plan';
import { ScenarioRun, type ScenarioDestination } from './scenario-run';
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

const DESTINATIONS = 100;
const RATE = 2;
const LATENCY_MS = 50;
/** How long the first moments last: then each dead destination has met its first batch. */
const FIRST_SECONDS = 5;

interface Planned {
  destination: ScenarioDestination;
  sender: Sender;
}

function plan(tenants: number, lingerMs: number): { healthy: Planned[]; dead: Planned[] } {
  const planned = Array.from({ length: DESTINATIONS }, (_, n): Planned => {
    const tenantId = `tenant-${n % tenants}`;
    const type = `type-${Math.floor(n / tenants)}`;
    return {
      destination: { tenantId, id: type, account: n, lingerMs, type },
      sender: { tenantId, stream: 'main', type },
    };
  });
  // Of each tenant with several destinations, half are dead.
  const isDead = (_: Planned, n: number): boolean => (n + Math.floor(n / tenants)) % 2 === 1;
  return {
    healthy: planned.filter((each, n) => !isDead(each, n)),
    dead: planned.filter(isDead),
  };
}

function order(planned: readonly Planned[], seconds: number): Omit<LoadOrder, 'firstId'> {
  return {
    idsMax: Math.ceil(planned.length * RATE * seconds * 1.1) + 1_000,
    seconds,
    senders: planned.map(({ sender }) => sender),
    rate: RATE,
    eventsPerRequest: 1,
    connections: 0,
  };
}

const accountsOf = (planned: readonly Planned[]): number[] =>
  planned.map(({ destination }) => destination.account);

/** @param tenants whose the destinations are: each tenant's part of a worker is another limit than each destination's */
export function runDead(options: ScenarioOptions, tenants: number): Promise<ScenarioResult> {
  return onStage({}, async (stage) => {
    const { seconds, lingerMs } = options;
    const { healthy, dead } = plan(tenants, lingerMs);
    const all = [...healthy, ...dead];
    const run = await ScenarioRun.open(
      stage,
      all.map(({ destination }) => destination),
    );
    await run.tell(accountsOf(all), { kind: 'answer', latencyMs: LATENCY_MS });
    await run.load('healthy', order(all, warmUpSeconds(options)));
    await run.settled();

    const cpuBefore = run.cpu();
    const [before] = await Promise.all([
      run.load('healthy', order(healthy, seconds / 2)),
      run.load('dead', order(dead, seconds / 2)),
    ]);
    await run.settled();

    const cpuBetween = run.cpu();
    await run.tell(accountsOf(dead), { kind: 'hang' });
    const diedAt = now();
    const watch = new HoldWatch(stage.redis.url, diedAt);
    const [during, lost] = await Promise.all([
      run.load('healthy', order(healthy, seconds)),
      run.load('dead', order(dead, seconds)),
    ]);
    const cpuAfter = run.cpu();
    const { hangingMost } = await run.report();
    watch.stop();

    await run.tell(accountsOf(dead), { kind: 'answer', latencyMs: LATENCY_MS });
    const recoveredAt = now();
    const arrivals = await run.settled();
    const arrivedAt = Math.max(
      ...Array.from(lost.dueMs, (_, n) => arrivals.arrivedMs[lost.firstId + n] ?? 0),
    );
    const baseline = latencyOf([before], arrivals);
    const isFirst = (dueMs: number): boolean => dueMs < diedAt + FIRST_SECONDS * 1_000;
    const first = latencyOf([during], arrivals, isFirst);
    const steady = latencyOf([during], arrivals, (dueMs) => !isFirst(dueMs));
    return {
      scenario: `dead: ${dead.length} of ${DESTINATIONS} destinations of ${tenants} tenants`,
      options,
      facts: [
        ['healthy, before', describeLatency(baseline)],
        [`first ${FIRST_SECONDS} s`, describeLatency(first)],
        ['then', describeLatency(steady)],
        ['hanging calls', `${hangingMost} at once, at most`],
        ['held', watch.describe(dead.length)],
        ['requests', describeStatuses(during.statuses)],
        ['CPU, before', describeCpu(cpuBefore, cpuBetween, seconds / 2)],
        ['CPU, with the dead', describeCpu(cpuBetween, cpuAfter, seconds)],
        [
          'recovery',
          `all ${lost.acknowledged} for the dead ones arrived within ${((arrivedAt - recoveredAt) / 1_000).toFixed(1)} s`,
        ],
      ],
      verdicts: [
        ratioVerdict(
          'healthy p99, with the dead and before',
          latencyOf([during], arrivals),
          baseline,
        ),
        ratioVerdict(`its first ${FIRST_SECONDS} s alone`, first, baseline),
      ],
      ...countsOf(arrivals),
    };
  });
}

/** Notes when destinations came to be held. */
class HoldWatch {
  private readonly redis: Redis;
  private readonly heldAtMs = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;

  constructor(
    redisUrl: string,
    private readonly sinceMs: number,
  ) {
    this.redis = new Redis(redisUrl);
    const holds = new Holds(this.redis, 0);
    this.timer = setInterval(() => {
      void holds.list('cloudwatch').then((held) => {
        for (const { tenantId, destinationId, sinceMs: at } of held) {
          const key = `${tenantId}/${destinationId}`;
          if (!this.heldAtMs.has(key)) this.heldAtMs.set(key, at);
        }
      });
    }, 1_000);
  }

  stop(): void {
    clearInterval(this.timer);
    this.redis.disconnect();
  }

  describe(dead: number): string {
    const after = [...this.heldAtMs.values()].map((at) => (at - this.sinceMs) / 1_000);
    if (after.length === 0) return `0 of ${dead}`;
    const [first, last] = [Math.min(...after), Math.max(...after)];
    return `${after.length} of ${dead}, ${first.toFixed(1)} to ${last.toFixed(1)} s after they had died`;
  }
}

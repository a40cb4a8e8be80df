// The oracle: compares what producers were told with where everything is. It knows nothing of how Logferry works, only what it promises.
import { imbalance } from '@logferry/core';
import type { CutOff, World } from './world';
import { keyOf, type SentLogEvent, type SentLogEvents } from './sent-log-events';
import { DESTINATIONS, tenants, type DestinationId } from './tenants';
import { findLogEvents, type Sighting, type Whereabouts } from './whereabouts';

/** What a scenario may cost, beyond what is never allowed. */
export interface Allowance {
  /** Acknowledged log events that a power cut or a failover may take. */
  mayMiss?: (event: SentLogEvent) => boolean;
  /** Whether Redis may have forgotten what it did, so that more is delivered than its counters say, and S3 may have it twice. */
  mayForget?: boolean;
}

export interface Verdict {
  problems: string[];
  acknowledged: number;
  /** Of all destinations. */
  delivered: number;
  deadLettered: number;
  /** Log events that CloudWatch Logs has more than once, each of them excused. */
  twice: number;
  /** Calls after which the same log events were put again. */
  repeatedCalls: number;
  /** Allowed to be missing, and missing. */
  lost: number;
  /** Allowed to be twice in S3, and twice there. */
  twiceInS3: number;
}

/** A worker that is cut off settles what it put before within this time, or not at all. */
const SETTLE_MS = 5_000;

export async function judge(
  world: World,
  sent: SentLogEvents,
  allowance: Allowance = {},
): Promise<Verdict> {
  const found = await findLogEvents(world);
  const problems = [...found.problems];
  const held = Object.values(found.held).flat();
  const known = [...found.delivered, ...held];
  problems.push(...known.flatMap((sighting) => strangeness(sighting, sent)));
  const verdict: Verdict = {
    problems,
    acknowledged: sent.acknowledged(),
    delivered: found.delivered.length,
    deadLettered: found.held.dead.length + found.held.refused.length,
    twice: 0,
    repeatedCalls: 0,
    lost: 0,
    twiceInS3: 0,
  };
  findMissing(sent, known, allowance, verdict);
  findRepeatedObjects(found, allowance, verdict);
  findRepeatedCalls(world, found, verdict);
  const inRedis = repeated(held);
  if (inRedis.length > 0) problems.push(sample('twice in Redis', inRedis));
  await compareLedgers(world, found, allowance, problems);
  if (world.aws.counters().objects.overwritten > 0) problems.push('an object was written over');
  if (world.aws.memory().droppedEvents > 0) problems.push('the sandbox has forgotten log events');
  return verdict;
}

/** What is wrong with a log event's being where it is. */
function strangeness(sighting: Sighting, sent: SentLogEvents): string[] {
  const { tenant, destination } = sighting.foundAt;
  const where = `${keyOf(sighting)} in ${tenant}'s ${destination}`;
  if (sighting.tenant !== tenant) return [`another tenant's: ${where}`];
  const event = sent.find(sighting);
  if (event === undefined) return [`invented: ${where}`];
  if (event.answer === 'refused') return [`refused and there all the same: ${where}`];
  if (event.timeMs !== undefined && event.timeMs !== sighting.timeMs)
    return [`of another time than it was sent with: ${where}`];
  return [];
}

function findMissing(
  sent: SentLogEvents,
  known: readonly Sighting[],
  { mayMiss }: Allowance,
  verdict: Verdict,
): void {
  for (const destination of DESTINATIONS) {
    const there = new Set(
      known.filter(({ foundAt }) => foundAt.destination === destination).map(keyOf),
    );
    const missing = sent
      .all()
      .filter((event) => event.answer === 'acknowledged' && !there.has(keyOf(event)));
    const excused = missing.filter((event) => mayMiss?.(event) === true);
    verdict.lost += excused.length;
    const lost = missing.filter((event) => !excused.includes(event));
    if (lost.length > 0)
      verdict.problems.push(sample(`acknowledged and not in ${destination}`, lost.map(keyOf)));
  }
}

function findRepeatedObjects(
  { delivered }: Whereabouts,
  { mayForget }: Allowance,
  verdict: Verdict,
): void {
  const twice = repeated(delivered.filter(({ foundAt }) => foundAt.destination === 's3'));
  if (mayForget === true) verdict.twiceInS3 = twice.length;
  else if (twice.length > 0) verdict.problems.push(sample('twice in S3', twice));
}

/** CloudWatch Logs has no idempotent write: a call is repeated if its answer was lost, or its caller cut off before it could settle. */
function findRepeatedCalls(
  { taken, cutOffs }: World,
  { delivered }: Whereabouts,
  verdict: Verdict,
): void {
  const lastCall = new Map<string, number>();
  const pairs = new Map<string, { earlier: number; later: number; events: string[] }>();
  for (const sighting of delivered) {
    if (sighting.foundAt.destination !== 'cloudwatch') continue;
    const key = keyOf(sighting);
    const later = Number(sighting.in.replace('call ', ''));
    const earlier = lastCall.get(key);
    lastCall.set(key, later);
    if (earlier === undefined) continue;
    const pair = pairs.get(`${earlier} ${later}`) ?? { earlier, later, events: [] };
    pair.events.push(key);
    pairs.set(`${earlier} ${later}`, pair);
  }
  verdict.repeatedCalls = pairs.size;
  for (const { earlier, later, events } of pairs.values()) {
    const [first, second] = [taken[earlier], taken[later]];
    if (first === undefined || second === undefined) throw new Error('a call was taken');
    const isExcused =
      first.isAnswerLost || cutOffs.some((cutOff) => mayCauseRepeat(cutOff, first, second));
    if (isExcused) verdict.twice += events.length;
    else
      verdict.problems.push(
        sample(
          `in CloudWatch Logs twice without a reason, by ${callerOf(first)} and ` +
            `${second.takenAtMs - first.takenAtMs} ms later by ${callerOf(second)}`,
          events,
        ),
      );
  }
}

type Call = World['taken'][number];

function mayCauseRepeat({ incarnation, fromMs, toMs }: CutOff, first: Call, second: Call): boolean {
  const isNear = first.takenAtMs >= fromMs - SETTLE_MS && first.takenAtMs <= toMs + SETTLE_MS;
  const isOfCaller = [first, second].some((call) => callerOf(call) === incarnation);
  return isNear && second.takenAtMs >= fromMs && (incarnation === undefined || isOfCaller);
}

/** Which process a call came from, in the words that the SDK adds for `AWS_SDK_UA_APP_ID`. */
export function callerOf({ userAgent }: Call): string {
  return / app\/(\S+)/.exec(userAgent)?.[1] ?? userAgent;
}

/** The counters against what is there. */
async function compareLedgers(
  world: World,
  { delivered, held }: Whereabouts,
  { mayForget }: Allowance,
  problems: string[],
): Promise<void> {
  for (const { tenant, destination, ledger } of await world.ledgers()) {
    const at = placeFilter(tenant, destination);
    const inRedis = new Set(Object.values(held).flat().filter(at).map(keyOf));
    const inAws = new Set(delivered.filter(at).map(keyOf));
    // What was put and is not settled yet is in both, and counts as not delivered.
    const settled = [...inAws].filter((key) => !inRedis.has(key)).length;
    const there = {
      delivered: settled,
      waiting: held.waiting.filter(at).length,
      deadLettered: held.dead.filter(at).length,
      rejected: held.refused.filter(at).length,
    };
    const { waiting, deadLettered, rejected } = ledger;
    const counted = { delivered: ledger.delivered, waiting, deadLettered, rejected };
    if (mayForget === true) counted.delivered = there.delivered;
    if (JSON.stringify(counted) !== JSON.stringify(there))
      problems.push(
        `the ledger of ${tenant}'s ${destination} says ${JSON.stringify(counted)}, and there is ${JSON.stringify(there)}`,
      );
    if (imbalance(ledger) !== 0)
      problems.push(
        `the ledger of ${tenant}'s ${destination} does not balance: ${JSON.stringify(ledger)}`,
      );
  }
  const totals = await world.store.totals();
  if (imbalance(totals) !== 0)
    problems.push(`the totals do not balance: ${JSON.stringify(totals)}`);
}

const placeFilter =
  (tenant: string, destination: DestinationId) =>
  ({ foundAt }: Sighting): boolean =>
    foundAt.tenant === tenant && foundAt.destination === destination;

/** The log events that are there more than once at one destination. */
function repeated(sightings: readonly Sighting[]): string[] {
  const seen = new Set<string>();
  const twice: string[] = [];
  for (const sighting of sightings) {
    const key = `${keyOf(sighting)} in ${sighting.foundAt.destination}`;
    if (seen.has(key)) twice.push(key);
    seen.add(key);
  }
  return twice;
}

function sample(what: string, keys: readonly string[]): string {
  const shown = keys.slice(0, 5).join(', ');
  return `${keys.length} ${what}: ${shown}${keys.length > 5 ? ', …' : ''}`;
}

/** How many acknowledged log events there are for each tenant; a load that left one out has shown nothing of it. */
export function tenantsWithout(sent: SentLogEvents): string[] {
  const served = new Set(
    sent.all().flatMap(({ tenant, answer }) => (answer === 'acknowledged' ? [tenant] : [])),
  );
  return tenants.map(({ id }) => id).filter((id) => !served.has(id));
}

// Where every log event is: in which account, in which batch of Redis. Read from AWS and Redis themselves, past all counters.
import { DESTINATIONS, LOG_GROUP, tenants, type DestinationId, type Tenant } from './tenants';
import { keyOf, originOf, type Origin } from './sent-log-events';
import type { World } from './world';

/** One log event in one place. */
export interface Sighting extends Origin {
  /** Whose account or batch it was found in. */
  foundAt: { tenant: string; destination: DestinationId };
  timeMs: number;
  /** The call, object or batch that it was found in. */
  in: string;
}

export interface Whereabouts {
  /** In the order in which CloudWatch Logs took them; what it took twice is there twice. */
  delivered: Sighting[];
  /** What Redis holds, by the state of its batch. */
  held: Record<'waiting' | 'dead' | 'refused', Sighting[]>;
  /** What nobody can have sent, and what is in no order of time. */
  problems: string[];
}

export async function findLogEvents(world: World): Promise<Whereabouts> {
  const found: Whereabouts = {
    delivered: [],
    held: { waiting: [], dead: [], refused: [] },
    problems: [],
  };
  lookIntoCloudWatch(world, found);
  for (const tenant of tenants) lookIntoBucket(world, tenant, found);
  await lookIntoRedis(world, found);
  return found;
}

function lookIntoCloudWatch({ taken }: World, found: Whereabouts): void {
  taken.forEach(({ account, region, group, stream, events }, index) => {
    const tenant = tenants.find((candidate) => candidate.account === account);
    const place = `call ${index}`;
    if (tenant?.region !== region || group !== LOG_GROUP) {
      found.problems.push(`${place}: ${account} ${region} ${group} is nobody's destination`);
      return;
    }
    const sightings = events.map(({ message, timestamp }) =>
      sight({ message, timeMs: timestamp, in: place }, tenant.id, 'cloudwatch', found),
    );
    for (const sighting of sightings) {
      if (sighting === undefined) continue;
      found.delivered.push(sighting);
      if (sighting.producer !== stream)
        found.problems.push(`${place}: ${keyOf(sighting)} is in the stream ${stream}`);
    }
    checkOrder(sightings, place, found);
  });
}

function lookIntoBucket({ aws }: World, tenant: Tenant, found: Whereabouts): void {
  for (const { key, content } of aws.objects(tenant.bucket)) {
    const place = `${tenant.bucket}/${key}`;
    if (content === undefined)
      found.problems.push(`${place}: the sandbox has forgotten what it holds`);
    const sightings = (content?.toString() ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => sight({ ...readLine(line), in: place }, tenant.id, 's3', found));
    found.delivered.push(...sightings.filter((sighting) => sighting !== undefined));
    checkOrder(sightings, place, found);
  }
}

async function lookIntoRedis(world: World, found: Whereabouts): Promise<void> {
  for (const destination of DESTINATIONS) {
    const ids = await world.client.zrange(`{lf-0}:live:${destination}`, '0', '-1');
    for (const id of ids) await lookIntoBatch(world, destination, id, found);
  }
}

async function lookIntoBatch(
  { store }: World,
  destination: DestinationId,
  id: string,
  found: Whereabouts,
): Promise<void> {
  const peeked = await store.peek(id, Number.MAX_SAFE_INTEGER);
  if (peeked === undefined) return;
  const { batch, logEvents } = peeked;
  const state = batch.state === 'dead' || batch.state === 'refused' ? batch.state : 'waiting';
  for (const text of logEvents) {
    const read = { ...(destination === 's3' ? readLine(text) : readFragment(text)), in: id };
    const sighting = sight(read, batch.tenantId, destination, found);
    if (sighting !== undefined) found.held[state].push(sighting);
  }
  if (batch.logEvents !== logEvents.length)
    found.problems.push(
      `batch ${id}: ${batch.logEvents} are counted, ${logEvents.length} are there`,
    );
}

interface Reading {
  message: string;
  timeMs: number;
  in: string;
}

function sight(
  { message, ...rest }: Reading,
  tenant: string,
  destination: DestinationId,
  found: Whereabouts,
): Sighting | undefined {
  const origin = originOf(message);
  if (origin !== undefined) return { ...origin, ...rest, foundAt: { tenant, destination } };
  found.problems.push(`${rest.in}: "${message.slice(0, 60)}" was never sent`);
  return undefined;
}

function readLine(line: string): { message: string; timeMs: number } {
  const { message, time } = JSON.parse(line) as { message: string; time: string };
  return { message, timeMs: Date.parse(time) };
}

function readFragment(text: string): { message: string; timeMs: number } {
  const { message, timestamp } = JSON.parse(text) as { message: string; timestamp: number };
  return { message, timeMs: timestamp };
}

/** In order of time, and those of one millisecond and one producer in the order in which they were sent. */
function checkOrder(
  sightings: readonly (Sighting | undefined)[],
  place: string,
  found: Whereabouts,
): void {
  const last = new Map<string, Sighting>();
  let lastMs = 0;
  for (const sighting of sightings) {
    if (sighting === undefined) continue;
    const before = last.get(sighting.producer);
    last.set(sighting.producer, sighting);
    const isLate = sighting.timeMs < lastMs;
    const isEarly = before?.timeMs === sighting.timeMs && before.sequence > sighting.sequence;
    if (isLate || isEarly) found.problems.push(`${place}: ${keyOf(sighting)} is out of order`);
    lastMs = sighting.timeMs;
  }
}

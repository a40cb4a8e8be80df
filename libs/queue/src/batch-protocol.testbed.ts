// What the random programs of the batch protocol know, and how everything that is in Redis is counted again after each of their steps.
import { imbalance, type FailureCode, type Lane } from '@logferry/core';
import type { Queue } from 'bullmq';
import type { Batch } from './batch';
import type { BatchStore } from './batch-store';
import { unpackChunk } from './chunk-codec';
import type { DeadLetterStore } from './dead-letter-store';
import type { Holds } from './holds';
import type { KeptBatches } from './kept-batches';
import {
  batchKey,
  chunksKey,
  deadLettersKey,
  deadLetterSumsKey,
  heldKey,
  keptChunksKey,
  keptKey,
  liveKey,
  tenantKey,
  totalsKey,
} from './keys';
import type { BatchPayload } from './payload';
import type { RedisClient } from './redis-connection';
import type { Replays } from './replays';

const DEAD = ['cloudwatch.unavailable', 'batch.stalled', 'destination.held_too_long'] as const;
const REFUSED = ['cloudwatch.log_event_too_old'] as const;
export const NOW_MS = Date.UTC(2026, 10, 21);
const OVERHEAD = 26;
const BATCH_OVERHEAD_BYTES = 2_048;

export function aLane(n: number): Lane {
  return {
    id: `acme/d${n % 2}/group\nstream-${n}`,
    tenantId: 'acme',
    destinationId: `d${n % 2}`,
    target: { sink: 'cloudwatch', logGroup: 'group', logStream: `stream-${n}` },
    // Small enough that programs reach each limit, on both sides of it, by bytes as often as by count and span.
    limits: { bytesMax: 200, logEventsMax: 4, spanMsMax: 1_000, logEventBytesMax: 200 },
    lingerMs: 60_000,
    format: 'message',
    strictOrder: n === 2,
    oversize: 'split',
    deduplicateForMs: 0,
  };
}

export const lanes = [aLane(0), aLane(1), aLane(2)];

/** What the test knows: every log event that was accepted, and how often the sink was sent it. */
export interface Model {
  accepted: Map<string, Lane>;
  sink: Map<string, number>;
  /** What somebody, or its age, deleted from the dead letters. */
  discarded: Set<string>;
  /** What each replay that was asked for found: the log events of every kept batch. */
  replays: Map<string, Map<string, string[]>>;
  /** How many log events the sink may have more than once: a worker died after its put, or two held the same batch. */
  repeatsMax: number;
  nextId: number;
}

export interface Real {
  store: BatchStore;
  holds: Holds;
  deadLetters: DeadLetterStore;
  kept: KeptBatches;
  replays: Replays;
  queue: Queue;
  redis: RedisClient;
  finished: string[];
  /** Batches that workers have begun and not ended: whatever happens meanwhile happens between those two steps. */
  held: Held[];
}

export interface Held {
  batch: Batch;
  payload: BatchPayload;
  isProbe: boolean;
}

/** Reads a log event's id back out of its encoded form. */
export function idOf(fragment: string): string {
  const { message } = JSON.parse(fragment) as { message: string };
  return message.split(' ')[0] ?? '';
}

/** A log event that was replayed is another one than that which was delivered before. */
export function nameOf(id: string, replayId: string | undefined): string {
  return replayId === undefined || id.includes('@') ? id : `${id}@${replayId}`;
}

interface Stored {
  id: string;
  replayId: string | undefined;
  state: string;
  destinationKey: string;
  reason: string;
  deadAt: string | undefined;
  lane: string;
  ids: string[];
  storedBytes: number;
  heldBytes: number | undefined;
  isOrdered: boolean;
}

/** Everything that is in Redis, counted from the payloads themselves. */
export async function readAll({ redis }: Real): Promise<Stored[]> {
  const ids = await redis.zrange(liveKey(0, 'cloudwatch'), '0', '-1');
  return Promise.all(
    ids.map(async (id) => {
      const fields = await redis.hgetall(batchKey(0, id));
      const chunks = await redis.lrangeBuffer(chunksKey(0, id), 0, -1);
      const events = chunks.flatMap((chunk) => unpackChunk(chunk).toString().split(',\n'));
      const parsed = events.map(
        (event) => JSON.parse(event) as { timestamp: number; message: string },
      );
      const times = parsed.map((event) => event.timestamp);
      const bytes = parsed.reduce(
        (sum, event) => sum + Buffer.byteLength(event.message) + OVERHEAD,
        0,
      );
      const lane = lanes.find((known) => known.id === fields.lane);
      if (lane === undefined) throw new Error(`batch ${id} of no lane`);
      expect(bytes).toBeLessThanOrEqual(lane.limits.bytesMax);
      expect(events.length).toBeLessThanOrEqual(lane.limits.logEventsMax);
      expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(lane.limits.spanMsMax);
      expect(Number(fields.logEvents)).toBe(events.length);
      const packedBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      expect(Number(fields.storedBytes)).toBe(packedBytes + BATCH_OVERHEAD_BYTES);
      if (fields.state === 'open') expect(Number(fields.bytes)).toBe(bytes);
      return {
        id,
        replayId: fields.replay,
        state: fields.state ?? '',
        destinationKey: fields.destinationKey ?? '',
        reason: fields.reason ?? '',
        deadAt: fields.deadAt,
        lane: lane.id,
        ids: events.map((event) => nameOf(idOf(event), fields.replay)),
        storedBytes: Number(fields.storedBytes),
        heldBytes: fields.heldBytes === undefined ? undefined : Number(fields.heldBytes),
        isOrdered: fields.ordered === '1',
      };
    }),
  );
}

const DESTINATIONS = ['d0', 'd1'] as const;
const KEPT_OVERHEAD_BYTES = 1_024;

/** The log events of each kept batch of a destination. */
export async function readKept(
  { redis }: Real,
  destinationId: string,
): Promise<{ ids: Map<string, string[]>; bytes: number }> {
  const place = { sink: 'cloudwatch', tenantId: 'acme', destinationId } as const;
  const ids = new Map<string, string[]>();
  let bytes = 0;
  const inOrder = await redis.zrange(keptKey(0, place), '0', '-1');
  const chunksOf = await Promise.all(
    inOrder.map((id) => redis.lrangeBuffer(keptChunksKey(0, id), 0, -1)),
  );
  for (const [i, chunks] of chunksOf.entries()) {
    const events = chunks.flatMap((chunk) => unpackChunk(chunk).toString().split(',\n'));
    bytes += KEPT_OVERHEAD_BYTES + chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    ids.set(inOrder[i] ?? '', events.map(idOf));
  }
  return { ids, bytes };
}

/** What is kept was delivered, is in no counter but its own, and what was given up has left nothing behind. */
async function checkKept(model: Model, real: Real): Promise<number> {
  const { redis, kept } = real;
  const [places, totals, chunks, hashes] = await Promise.all([
    Promise.all(
      DESTINATIONS.map(async (destinationId) => {
        const place = { sink: 'cloudwatch', tenantId: 'acme', destinationId } as const;
        const [found, state] = await Promise.all([
          readKept(real, destinationId),
          kept.state(place),
        ]);
        return { ...found, destinationId, state };
      }),
    ),
    kept.totals(),
    redis.keys('{lf-0}:kept:*'),
    redis.keys('{lf-0}:keptBatch:*'),
  ]);
  const all = new Set<string>();
  for (const { ids, bytes, destinationId, state } of places) {
    const logEvents = [...ids.values()].flat();
    expect(state).toMatchObject({ batches: ids.size, bytes, logEvents: logEvents.length });
    for (const id of logEvents) {
      expect(model.sink.get(id) ?? 0).toBeGreaterThan(0);
      expect(model.accepted.get(id)?.destinationId).toBe(destinationId);
      expect(all.has(id)).toBe(false); // in one kept batch only
      all.add(id);
    }
  }
  const batches = places.reduce((sum, { ids }) => sum + ids.size, 0);
  const sum = places.reduce((of, { bytes }) => of + bytes, 0);
  expect(totals).toEqual({ batches, bytes: sum });
  expect([chunks.length, hashes.length]).toEqual([batches, batches]);
  return sum;
}

/** What was put aside is counted, and what waits for its turn stands in line. */
async function checkAsides(stored: readonly Stored[], { redis }: Real): Promise<void> {
  const aside = stored.filter(({ heldBytes }) => heldBytes !== undefined);
  const indexed = await Promise.all(
    DESTINATIONS.map((id) => redis.zrange(heldKey(0, 'cloudwatch', `acme/${id}`), '0', '-1')),
  );
  expect(indexed.flat().sort()).toEqual(aside.map(({ id }) => id).sort());
  expect(Number((await redis.hget(tenantKey(0, 'acme'), 'heldBytes')) ?? 0)).toBe(
    aside.reduce((sum, { heldBytes = 0 }) => sum + heldBytes, 0),
  );
  const inLine = await redis.lrange(`{lf-0}:order:${aLane(2).id}`, 0, -1);
  expect(inLine.sort()).toEqual(
    stored
      .filter(({ isOrdered }) => isOrdered)
      .map(({ id }) => id)
      .sort(),
  );
}

export async function checkEverything(model: Model, real: Real): Promise<void> {
  const { redis, store } = real;
  const stored = await readAll(real);
  const whereabouts = new Map<string, string>();
  for (const { state, ids } of stored) {
    for (const id of ids) {
      expect(whereabouts.has(id)).toBe(false); // in one batch only
      whereabouts.set(id, state);
    }
  }
  const open = stored.filter(({ state }) => state === 'open').map(({ lane }) => lane);
  expect(new Set(open).size).toBe(open.length); // one open batch a lane
  let sent = 0;
  for (const id of model.accepted.keys()) {
    const times = model.sink.get(id) ?? 0;
    sent += times;
    expect(whereabouts.has(id) || times > 0 || model.discarded.has(id)).toBe(true); // nothing is lost
  }
  expect(whereabouts.size).toBeLessThanOrEqual(model.accepted.size); // nothing is invented
  for (const destinationId of DESTINATIONS) {
    const ledger = await store.ledger('acme', destinationId);
    const ofDestination = (state: string[]) =>
      stored
        .filter(
          (batch) => state.includes(batch.state) && batch.lane.startsWith(`acme/${destinationId}/`),
        )
        .reduce((sum, { ids }) => sum + ids.length, 0);
    expect(imbalance(ledger)).toBe(0);
    expect(ledger.accepted).toBe(
      [...model.accepted.values()].filter((l) => l.destinationId === destinationId).length,
    );
    expect(ledger.waiting).toBe(ofDestination(['open', 'sealed']));
    const discarded = (reasons: readonly FailureCode[]) =>
      reasons.reduce((sum, reason) => sum + (ledger.discardedBy[reason] ?? 0), 0);
    expect(ledger.deadLettered).toBe(ofDestination(['dead']) + discarded(DEAD));
    expect(ledger.rejected).toBe(ofDestination(['refused']) + discarded(REFUSED));
    expect(ledger.discarded).toBe(
      [...model.discarded].filter((id) => model.accepted.get(id)?.destinationId === destinationId)
        .length,
    );
    expect(discarded([...DEAD, ...REFUSED])).toBe(ledger.discarded);
    expect(Object.values(ledger.rejectedBy).reduce((sum, n) => sum + n, 0)).toBe(ledger.rejected);
  }
  await checkAsides(stored, real);
  const waiting = stored.filter(({ state }) => state === 'open' || state === 'sealed').length;
  expect(Number((await redis.hget(tenantKey(0, 'acme'), 'batches')) ?? 0)).toBe(waiting);
  const storedBytes = stored.reduce((sum, batch) => sum + batch.storedBytes, 0);
  expect(await store.tenantBytes('acme')).toBe(storedBytes + (await checkKept(model, real)));
  await checkIndex(stored, real);
  const totals = await store.totals();
  expect(imbalance(totals)).toBe(0);
  expect(totals.accepted).toBe(model.accepted.size);
  expect(totals.delivered).toBeLessThanOrEqual(sent);
  expect(sent - totals.delivered).toBeLessThanOrEqual(model.repeatsMax);
}

/** The index names every dead letter and nothing else, and its sums are theirs. */
async function checkIndex(stored: readonly Stored[], { redis, deadLetters }: Real): Promise<void> {
  const dead = stored.filter(({ state }) => state === 'dead' || state === 'refused');
  const withTimes = async (key: string): Promise<Record<string, string>> => {
    const flat = await redis.zrange(key, '0', '-1', 'WITHSCORES');
    return Object.fromEntries(
      flat.flatMap((id, i) => (i % 2 === 0 ? [[id, flat[i + 1] ?? '']] : [])),
    );
  };
  const expected = (of: readonly Stored[]) =>
    Object.fromEntries(of.map(({ id, deadAt }) => [id, deadAt]));
  expect(await withTimes(deadLettersKey(0, 'all'))).toEqual(expected(dead));
  expect(await withTimes(deadLettersKey(0, { tenantId: 'acme' }))).toEqual(expected(dead));
  const bytes = dead.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  const deadBytes = await withTimes(deadLetterSumsKey(0, 'deadBytes'));
  expect(deadBytes).toEqual(bytes === 0 ? {} : { acme: String(bytes) });
  expect(Number((await redis.hget(totalsKey(0), 'deadBytes')) ?? 0)).toBe(bytes);
  const groups: Record<string, Stored[]> = {};
  for (const batch of dead) (groups[`${batch.destinationKey} ${batch.reason}`] ??= []).push(batch);
  expect(await withTimes(deadLetterSumsKey(0, 'deadGroups'))).toEqual(
    Object.fromEntries(
      Object.entries(groups).map(([group, of]) => [
        group,
        String(of.reduce((sum, { ids }) => sum + ids.length, 0)),
      ]),
    ),
  );
  for (const [group, of] of Object.entries(groups)) {
    const [key = '', reason = ''] = group.split(' ');
    expect(await withTimes(deadLettersKey(0, { destinationKey: key, reason }))).toEqual(
      expected(of),
    );
  }
  const listed = await deadLetters.page({ filter: {}, order: 'newest', limit: 500 });
  expect(new Set(listed.rows.map(({ id }) => id))).toEqual(new Set(dead.map(({ id }) => id)));
  for (const { state, deadAt } of stored)
    expect(deadAt !== undefined).toBe(state === 'dead' || state === 'refused');
}

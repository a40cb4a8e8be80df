// Every key of a shard carries the shard's hash tag, so that a shard is one slot of a Redis Cluster and one script can touch its
// lanes, batches, counters and BullMQ queues together.
import { destinationKey, type Sink } from '@logferry/core';

/** The hash tag of a shard; also the prefix of its BullMQ queues. */
export function shardTag(shard: number): string {
  return `{lf-${shard}}`;
}

/**
 * The BullMQ queue of a sink in a shard. The first shard's queues have plain names, so that adding shards later renames nothing.
 */
export function queueName(sink: Sink, shard: number): string {
  return shard === 0 ? sink : `${sink}-${shard}`;
}

export function chunksKey(shard: number, batchId: string): string {
  return `${shardTag(shard)}:chunks:${batchId}`;
}

export function batchKey(shard: number, batchId: string): string {
  return `${shardTag(shard)}:batch:${batchId}`;
}

export function ledgerKey(shard: number, destinationKey: string): string {
  return `${shardTag(shard)}:ledger:${destinationKey}`;
}

/** Where BullMQ keeps the job of a batch. */
export function jobKey(shard: number, batch: { id: string; target: { sink: Sink } }): string {
  return `${shardTag(shard)}:${queueName(batch.target.sink, shard)}:${batch.id}`;
}

/** The sum of a shard's ledgers, moved in the same steps as they are. */
export function totalsKey(shard: number): string {
  return `${shardTag(shard)}:totals`;
}

export function tenantKey(shard: number, tenantId: string): string {
  return `${shardTag(shard)}:tenant:${tenantId}`;
}

/** All batches of a sink that are not settled, by the time they were opened. The sweep walks it. */
export function liveKey(shard: number, sink: Sink): string {
  return `${shardTag(shard)}:live:${sink}`;
}

/** The dead letters of a shard, of a tenant, or of a destination and a reason, by the time at which they became so. */
export function deadLettersKey(
  shard: number,
  of: { tenantId: string } | { destinationKey: string; reason: string } | 'all',
): string {
  const tag = shardTag(shard);
  if (of === 'all') return `${tag}:dead`;
  if ('tenantId' in of) return `${tag}:deadOf:${of.tenantId}`;
  return `${tag}:deadBy:${of.destinationKey} ${of.reason}`;
}

/** Sums of the dead letters of a shard: log events by destination and reason, or bytes of Redis by tenant. */
export function deadLetterSumsKey(shard: number, sums: 'deadGroups' | 'deadBytes'): string {
  return `${shardTag(shard)}:${sums}`;
}

/** Batches that are gone, discarded mostly, and whose jobs are still to be removed. */
export function joblessKey(shard: number, sink: Sink): string {
  return `${shardTag(shard)}:jobless:${sink}`;
}

/** Why a destination is held in a sink, or its strikes. */
export function holdKey(shard: number, sink: Sink, destinationKey: string): string {
  return `${shardTag(shard)}:hold:${sink}:${destinationKey}`;
}

/** A destination's batches of a sink that were put aside. */
export function heldKey(shard: number, sink: Sink, destinationKey: string): string {
  return `${shardTag(shard)}:held:${sink}:${destinationKey}`;
}

/** The destinations of a sink that are held, by the time of their next probe. */
export function holdsKey(shard: number, sink: Sink): string {
  return `${shardTag(shard)}:holds:${sink}`;
}

/** A destination as one sink knows it: it may have become one of another. */
interface Place {
  sink: Sink;
  tenantId: string;
  destinationId: string;
}

export function placeOf({ sink, tenantId, destinationId }: Place): string {
  return `${sink}:${destinationKey(tenantId, destinationId)}`;
}

/** The chunks of a batch that was delivered and is kept. */
export function keptChunksKey(shard: number, batchId: string): string {
  return `${shardTag(shard)}:kept:${batchId}`;
}

/** The kept batches of a place, by the time at which they were delivered. */
export function keptKey(shard: number, place: Place): string {
  return `${shardTag(shard)}:keptOf:${placeOf(place)}`;
}

/** Sums of what is kept, by place. */
export function keptSumsKey(shard: number, sums: 'keptBytes' | 'keptLogEvents'): string {
  return `${shardTag(shard)}:${sums}`;
}

export function replayKey(shard: number, replayId: string): string {
  return `${shardTag(shard)}:replay:${replayId}`;
}

/** The replays of a destination, by the time at which they were asked for. */
export function replaysOfKey(shard: number, place: Omit<Place, 'sink'>): string {
  return `${shardTag(shard)}:replaysOf:${destinationKey(place.tenantId, place.destinationId)}`;
}

/** The replays of a sink that are under way. */
export function replaysKey(shard: number, sink: Sink): string {
  return `${shardTag(shard)}:replays:${sink}`;
}

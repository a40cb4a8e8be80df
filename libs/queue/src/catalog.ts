import { sinks, type Sink, type Target } from '@logferry/core';
import { Queue, type JobsOptions } from 'bullmq';
import { queueName, shardTag } from './keys';
import type { RedisClient } from './redis-connection';

/**
 * What a job says about its batch, for a person who looks at the queue; workers need no more than the job's id. Kept small, since
 * BullMQ copies a job's data on every move. The payload stays in its own key.
 */
export interface JobData {
  tenant: string;
  destination: string;
  target: string;
}

/** The name of every job: a job is a batch to be delivered. */
export const JOB_NAME = 'batch';

export function jobData(batch: {
  tenantId: string;
  destinationId: string;
  target: Target;
}): JobData {
  return {
    tenant: batch.tenantId,
    destination: batch.destinationId,
    target: describeTarget(batch.target),
  };
}

export function describeTarget(target: Target): string {
  return target.sink === 's3'
    ? `s3://${target.bucket}/${target.key}`
    : `${target.logGroup} ${target.logStream}`;
}

/** BullMQ's delayed jobs are in the order of milliseconds, times this. */
export const DELAYED_PER_MS = 0x1000;

/** No job is put off for longer: what AWS says of it and what a held destination waits for are an hour, and the rest is a backoff. */
export const DELAY_MS_MAX = 3_660_000;

/** The workers decide when a batch has been tried often enough; BullMQ must not decide before them. */
const ATTEMPTS_OF_BULLMQ = 1_000_000;

/** Of how many batches that were delivered a queue still knows. */
export const COMPLETED_MAX = 1_000;

/** BullMQ's own bound for a priority; the smaller number goes first. */
export const PRIORITY_MAX = 2_097_151;

export interface JobPlan {
  batchId: string;
  data: JobData;
  delayMs: number;
  /** When the delay begins, by Redis's clock; without it, now by ours. */
  fromMs?: number;
  /** The more batches its tenant has waiting, the later a batch's turn: a quiet tenant overtakes a flood. */
  tenantBatches: number;
}

export function jobOptions({ batchId, delayMs, fromMs, tenantBatches }: JobPlan): JobsOptions {
  return {
    jobId: batchId,
    delay: delayMs,
    ...(fromMs === undefined ? {} : { timestamp: fromMs }),
    priority: Math.min(Math.max(tenantBatches, 1), PRIORITY_MAX),
    attempts: ATTEMPTS_OF_BULLMQ,
    backoff: { type: 'custom' },
    removeOnComplete: { age: 3_600, count: COMPLETED_MAX },
    removeOnFail: false, // the failed set is the dead-letter store
    stackTraceLimit: 1,
  };
}

/** The queues of all sinks in all shards, in that order. */
export function openQueues(
  redis: RedisClient,
  shards: number,
): { queue: Queue; sink: Sink; shard: number }[] {
  return sinks.flatMap((sink) =>
    Array.from({ length: shards }, (_, shard) => ({
      queue: openQueue(redis, sink, shard),
      sink,
      shard,
    })),
  );
}

export function openQueue(redis: RedisClient, sink: Sink, shard: number): Queue {
  const queue = new Queue(queueName(sink, shard), {
    connection: redis,
    prefix: shardTag(shard),
    streams: { events: { maxLen: 1_000 } },
  });
  // The connection's owner listens to its errors; without a listener here, Node would end the process.
  queue.on('error', () => undefined);
  return queue;
}

/**
 * Whether a worker that fetches would take a job now. Those whose delay is over count: it is a fetching worker that moves them to where
 * jobs wait, so that without one they are nowhere else.
 */
export async function hasJobsToTake(redis: RedisClient, queue: Queue): Promise<boolean> {
  const [prioritized, waiting, due] = await Promise.all([
    queue.getPrioritizedCount(),
    queue.getWaitingCount(),
    redis.zcount(queue.toKey('delayed'), 0, `(${(Date.now() + 1) * DELAYED_PER_MS}`),
  ]);
  return prioritized + waiting + due > 0;
}

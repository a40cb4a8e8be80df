import type { Notification } from '@logferry/core';
import { Queue, type JobsOptions } from 'bullmq';
import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';

/** The hash tag of everything here: one slot of a Redis Cluster. */
export const TAG = '{lf}';
export const QUEUE_NAME = 'notifications';

/** A job is a notification that nobody was told of yet, or one of the messages that were made of it: one for each channel. */
export const JOB_NAMES = { notification: 'notification', message: 'message' } as const;

export interface Message {
  notification: Notification;
  channelId: string;
}

/** How a message's job has come so far; nothing of it is in the message. */
export interface MessageJob extends Message {
  attempts: number;
  /** It has waited for its turn at its hook: this time, it is sent. */
  hasTurn: boolean;
}

/** Who works on a job decides how often it is tried; BullMQ must not decide before. */
const ATTEMPTS_OF_BULLMQ = 1_000_000;
/** For so long, the same message is known by its job alone; what was told before that is known by `Told`. */
const KEPT_SECONDS = 3_600;
const FAILED_KEPT_SECONDS = 7 * 86_400;

export const jobOptions: JobsOptions = {
  attempts: ATTEMPTS_OF_BULLMQ,
  backoff: { type: 'custom' },
  removeOnComplete: { age: KEPT_SECONDS },
  removeOnFail: { age: FAILED_KEPT_SECONDS, count: 10_000 },
  stackTraceLimit: 1,
};

export function notificationJobId({ tenantId, id }: Notification): string {
  return `n-${digest([tenantId, id])}`;
}

export function messageJobId({ notification: { tenantId, id }, channelId }: Message): string {
  return `m-${digest([tenantId, id, channelId])}`;
}

export function openQueue(redis: Redis | Cluster): Queue {
  const queue = new Queue(QUEUE_NAME, {
    connection: redis,
    prefix: TAG,
    streams: { events: { maxLen: 1_000 } },
  });
  // The connection's owner listens to its errors; without a listener here, Node would end the process.
  queue.on('error', () => undefined);
  return queue;
}

/** Where whoever notices something leaves it. Consoles tell it to the tenant's channels. */
export class NotificationQueue {
  private readonly queue: Queue;

  constructor(redis: Redis | Cluster) {
    this.queue = openQueue(redis);
  }

  /** Told once, however often it is added: by its tenant and its id. */
  async add(notification: Notification): Promise<void> {
    const jobId = notificationJobId(notification);
    await this.queue.add(JOB_NAMES.notification, notification, { ...jobOptions, jobId });
  }

  async close(): Promise<void> {
    await this.queue.close();
  }
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40);
}

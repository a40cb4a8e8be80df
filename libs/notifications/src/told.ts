import type { Cluster, Redis } from 'ioredis';
import { notificationJobId, TAG } from './notification-queue';
import type { Notification } from '@logferry/core';

/** Nothing is noticed anew after longer than that: what is noticed from state has its state, and runs end once. */
const REMEMBERED_MS = 3 * 86_400_000;

/** The notifications of which the messages were made: their jobs are gone sooner. */
export class Told {
  constructor(private readonly redis: Redis | Cluster) {}

  async has(notification: Notification): Promise<boolean> {
    return (await this.redis.exists(keyOf(notification))) === 1;
  }

  async note(notification: Notification): Promise<void> {
    await this.redis.set(keyOf(notification), '1', 'PX', REMEMBERED_MS);
  }
}

const keyOf = (notification: Notification): string =>
  `${TAG}:told:${notificationJobId(notification)}`;

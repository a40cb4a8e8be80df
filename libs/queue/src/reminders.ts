import type { RedisClient } from './redis-connection';

const KEPT_MS = 7 * 24 * 60 * 60 * 1000;

/** What was begun and is still to be finished, by whichever process comes to it. Forgotten after a week in which nobody does. */
export class Reminders {
  constructor(private readonly redis: RedisClient) {}

  async set(name: string): Promise<void> {
    await this.redis.set(keyOf(name), '1', 'PX', KEPT_MS);
  }

  async has(name: string): Promise<boolean> {
    return (await this.redis.exists(keyOf(name))) === 1;
  }

  async clear(name: string): Promise<void> {
    await this.redis.del(keyOf(name));
  }
}

const keyOf = (name: string): string => `lf:reminder:${name}`;

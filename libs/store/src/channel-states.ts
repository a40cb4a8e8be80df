// What became of the messages of each channel. No part of the configuration: nobody enters it, and it changes with every message.
import type { FailureCode } from '@logferry/core';
import type { Cluster, Redis } from 'ioredis';
import { CONFIG_TAG } from './config-record';

/** Of a channel to which nothing was sent for so long, nothing is remembered; and of one whose tenant is gone. */
const KEPT_MS = 90 * 86_400_000;

export interface ChannelState {
  sent: number;
  failed: number;
  sentAtMs?: number;
  failedAtMs?: number;
  /** Of the last message that was not taken, unless one was taken since. */
  code?: FailureCode;
  /** Since when its address is said not to exist any more. */
  goneSinceMs?: number;
  /** Until then nothing is sent to the address of `gaveUpOn`. */
  gaveUpUntilMs?: number;
  /** Which address that is, as it is sealed: another one is tried at once. */
  gaveUpOn?: string;
}

export interface ChannelPlace {
  tenantId: string;
  channelId: string;
}

export class ChannelStates {
  constructor(private readonly redis: Redis | Cluster) {}

  async get(place: ChannelPlace): Promise<ChannelState> {
    const fields = await this.redis.hgetall(keyOf(place));
    const number = (name: string): number | undefined =>
      fields[name] === undefined ? undefined : Number(fields[name]);
    return Object.fromEntries(
      Object.entries({
        sent: number('sent') ?? 0,
        failed: number('failed') ?? 0,
        sentAtMs: number('sentAtMs'),
        failedAtMs: number('failedAtMs'),
        code: fields.code,
        goneSinceMs: number('goneSinceMs'),
        gaveUpUntilMs: number('gaveUpUntilMs'),
        gaveUpOn: fields.gaveUpOn,
      }).filter(([, value]) => value !== undefined),
    ) as unknown as ChannelState;
  }

  async sent(place: ChannelPlace, atMs: number): Promise<void> {
    const key = keyOf(place);
    await this.redis
      .multi()
      .hincrby(key, 'sent', 1)
      .hset(key, 'sentAtMs', atMs)
      .hdel(key, 'code', 'goneSinceMs', 'gaveUpUntilMs', 'gaveUpOn')
      .pexpire(key, KEPT_MS)
      .exec();
  }

  /** @param isLast whether the message is not tried again */
  async failed(
    place: ChannelPlace,
    { code, atMs, isLast }: { code: FailureCode; atMs: number; isLast: boolean },
  ): Promise<void> {
    const key = keyOf(place);
    await this.redis
      .multi()
      .hincrby(key, 'failed', isLast ? 1 : 0)
      .hset(key, 'failedAtMs', atMs, 'code', code)
      .pexpire(key, KEPT_MS)
      .exec();
  }

  /** Returns since when its address has been said not to exist any more. */
  async gone(place: ChannelPlace, atMs: number): Promise<number> {
    const key = keyOf(place);
    await this.redis.hsetnx(key, 'goneSinceMs', atMs);
    return Number((await this.redis.hget(key, 'goneSinceMs')) ?? atMs);
  }

  async giveUp(place: ChannelPlace, gaveUpOn: string, untilMs: number): Promise<void> {
    await this.redis.hset(keyOf(place), { gaveUpOn, gaveUpUntilMs: untilMs });
  }

  async delete(place: ChannelPlace): Promise<void> {
    await this.redis.del(keyOf(place));
  }
}

function keyOf({ tenantId, channelId }: ChannelPlace): string {
  return `${CONFIG_TAG}:channelState:${tenantId}/${channelId}`;
}

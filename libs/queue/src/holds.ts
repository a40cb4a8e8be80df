import { assert, isFailureCode, type FailureCode, type Sink } from '@logferry/core';
import {
  failScript,
  NEVER_MS,
  probeNowScript,
  releaseScript,
  suspendScript,
  tendScript,
} from './hold-scripts';
import { heldKey, holdKey, holdsKey, shardTag } from './keys';
import type { RedisClient } from './redis-connection';

/** What only its owner can mend is probed ever more rarely; they have to act first. */
const SUSPENDED = { firstMs: 10_000, mostMs: 300_000 } as const;
/** What did not answer so many times in a row, or once for so long, is probed soon, since it comes back by itself. */
const BROKEN = { strikesMax: 3, hangMs: 5_000, firstMs: 1_000, mostMs: 30_000 } as const;

/** Why a delivery did not succeed, and what that says. */
export interface FailedDelivery {
  code: FailureCode;
  countsAttempt: boolean;
  /**
   * What it says of the destination: that its owner has to act; that it is broken, if that happens several times in a row; or nothing.
   */
  says?: 'suspended' | 'strike' | undefined;
  /** How long the call was waited for, in vain. */
  callMs?: number;
  isProbe: boolean;
  /** The pause that AWS asks for. */
  againMs?: number | undefined;
}

/** What a failed delivery has led to. */
export interface FailureNoted {
  /** How many have failed since the batch was accepted or last redriven, those against a held destination left out. */
  attempts: number;
  /** Whether the batch was put aside, until its destination works again. */
  isHeld: boolean;
  /** Whether the destination was not held before, or not as what it is now. */
  isNew: boolean;
}

/** A destination to which nothing is delivered just now but a probe now and then. */
export interface Hold {
  tenantId: string;
  destinationId: string;
  /** Whether its owner has to act, or it did not answer several times in a row. */
  kind: 'suspended' | 'broken';
  code: FailureCode | undefined;
  sinceMs: number;
  /** Nothing of what was suspended by hand: it is tried when somebody resumes it. */
  probeAtMs: number | undefined;
  /** How many probes have failed. */
  probes: number;
  /** How many batches were put aside. One that is open still counts as one, and goes on filling. */
  batches: number;
}

/** What is to be done about the batches that were put aside. */
export interface Tending {
  /** To be woken, to find out whether their destination must be held any longer. */
  probes: string[];
  /** To be woken, since their destination works again. */
  released: Aside[];
  /** To become dead letters. */
  expired: { batchId: string; code: FailureCode }[];
}

/** A batch that was put aside, and how often it had been: it may be put aside anew while somebody wakes it. */
export interface Aside {
  batchId: string;
  times: string;
}

interface Scripts {
  lfFail(tag: string, ...args: (string | number)[]): Promise<[number, number, number]>;
  lfTend(tag: string, ...args: (string | number)[]): Promise<[string[], string[], string[]]>;
  lfRelease(tag: string, ...args: string[]): Promise<number>;
  lfSuspend(tag: string, destinationKey: string, sink: Sink): Promise<number>;
  lfProbeNow(tag: string, destinationKey: string, sink: Sink, byHand: 0 | 1): Promise<number>;
}

/**
 * The destinations of one shard that are held, in Redis, so that all workers know. Each method is one atomic step; that a destination
 * is held no longer is a part of settling a batch of it.
 */
export class Holds {
  private readonly tag: string;
  private readonly scripts: Scripts;

  constructor(
    private readonly redis: RedisClient,
    private readonly shard: number,
  ) {
    this.tag = shardTag(shard);
    redis.defineCommand('lfFail', { numberOfKeys: 1, lua: failScript });
    redis.defineCommand('lfTend', { numberOfKeys: 1, lua: tendScript });
    redis.defineCommand('lfRelease', { numberOfKeys: 1, lua: releaseScript });
    redis.defineCommand('lfSuspend', { numberOfKeys: 1, lua: suspendScript });
    redis.defineCommand('lfProbeNow', { numberOfKeys: 1, lua: probeNowScript });
    this.scripts = redis as unknown as Scripts;
  }

  /** Remembers what stopped a delivery, for whoever asks why a batch waits, and holds its destination if that is what it means. */
  async fail(batchId: string, failed: FailedDelivery): Promise<FailureNoted> {
    const { code, countsAttempt, says = '', isProbe, againMs = 0, callMs = 0 } = failed;
    const [attempts, isHeld, isNew] = await this.scripts.lfFail(
      this.tag,
      batchId,
      code,
      countsAttempt ? 1 : 0,
      says,
      isProbe ? 1 : 0,
      BROKEN.strikesMax,
      SUSPENDED.firstMs,
      SUSPENDED.mostMs,
      BROKEN.firstMs,
      BROKEN.mostMs,
      Math.random(),
      Math.ceil(againMs),
      callMs >= BROKEN.hangMs ? BROKEN.strikesMax : 1,
    );
    return { attempts, isHeld: isHeld === 1, isNew: isNew === 1 };
  }

  /**
   * @param windowMs for how long a batch is kept, by Redis's clock
   * @param tenantBytesMax what a tenant's held batches may take of Redis
   */
  async tend(sink: Sink, windowMs: number, tenantBytesMax: number): Promise<Tending> {
    const [probes, woken, flat] = await this.scripts.lfTend(
      this.tag,
      sink,
      Math.min(windowMs, Number.MAX_SAFE_INTEGER),
      Math.min(tenantBytesMax, Number.MAX_SAFE_INTEGER),
    );
    const released: Aside[] = [];
    for (let i = 0; i < woken.length; i += 2) {
      const [batchId = '', times = ''] = woken.slice(i, i + 2);
      released.push({ batchId, times });
    }
    const expired: Tending['expired'] = [];
    for (let i = 0; i < flat.length; i += 2) {
      const [batchId = '', code = ''] = flat.slice(i, i + 2);
      assert(
        isFailureCode(code),
        `the script gives batches up for a reason that is known: ${code}`,
      );
      expired.push({ batchId, code });
    }
    return { probes, released, expired };
  }

  /** Takes batches out of those that were put aside: their jobs are on their way. */
  async release(asides: readonly Aside[]): Promise<void> {
    const args = asides.flatMap(({ batchId, times }) => [batchId, times]);
    if (args.length > 0) await this.scripts.lfRelease(this.tag, ...args);
  }

  /** Lets the next probe of a destination be now, unless somebody has suspended it by hand. False if it is not held. */
  async probeNow(sink: Sink, destinationKey: string): Promise<boolean> {
    return (await this.scripts.lfProbeNow(this.tag, destinationKey, sink, 0)) === 1;
  }

  /** Has a destination keep what comes for it, and tries nothing of it, until it is resumed. False if that is so already. */
  async suspend(sink: Sink, destinationKey: string): Promise<boolean> {
    return (await this.scripts.lfSuspend(this.tag, destinationKey, sink)) === 1;
  }

  /** Lets the next probe be now because somebody says so, also of what was suspended by hand. False if it is not held. */
  async resume(sink: Sink, destinationKey: string): Promise<boolean> {
    return (await this.scripts.lfProbeNow(this.tag, destinationKey, sink, 1)) === 1;
  }

  /** Lets the next probe of everything that is held be now. */
  async probeAllNow(sink: Sink): Promise<void> {
    const destinationKeys = await this.redis.zrange(holdsKey(this.shard, sink), '0', '-1');
    await Promise.all(destinationKeys.map((destinationKey) => this.probeNow(sink, destinationKey)));
  }

  /** The destinations that are held, those first that are probed first. */
  async list(sink: Sink, most = 1_000): Promise<Hold[]> {
    const keys = await this.redis.zrange(holdsKey(this.shard, sink), '0', String(most - 1));
    const holds = await Promise.all(keys.map((destinationKey) => this.find(sink, destinationKey)));
    return holds.filter((hold) => hold !== undefined);
  }

  async count(sink: Sink): Promise<number> {
    return this.redis.zcard(holdsKey(this.shard, sink));
  }

  /** Why a destination is held, if it is. */
  async find(sink: Sink, destinationKey: string): Promise<Hold | undefined> {
    const [fields, batches] = await Promise.all([
      this.redis.hgetall(holdKey(this.shard, sink, destinationKey)),
      this.redis.zcard(heldKey(this.shard, sink, destinationKey)),
    ]);
    const { kind, code = '', sinceMs, probeAt, probes } = fields;
    const probeAtMs = Number(probeAt);
    if (kind !== 'suspended' && kind !== 'broken') return undefined;
    const [tenantId = '', destinationId = ''] = destinationKey.split('/');
    return {
      tenantId,
      destinationId,
      kind,
      code: isFailureCode(code) ? code : undefined,
      sinceMs: Number(sinceMs),
      probeAtMs: probeAtMs < NEVER_MS ? probeAtMs : undefined,
      probes: Number(probes),
      batches,
    };
  }
}

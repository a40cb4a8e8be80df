import { backoffMs, type FailureCode, type Notification } from '@logferry/core';
import {
  DelayedError,
  UnrecoverableError,
  Worker,
  type Job,
  type Processor,
  type Queue,
} from 'bullmq';
import type { Cluster, Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  JOB_NAMES,
  jobOptions,
  messageJobId,
  openQueue,
  QUEUE_NAME,
  TAG,
  type Message,
  type MessageJob,
} from './notification-queue';
import { Told } from './told';

/** What became of a message. */
export type SendOutcome =
  | { kind: 'sent' }
  /** Nobody wants it any more. */
  | { kind: 'unwanted' }
  /** It is this message's turn so much later. */
  | { kind: 'turn'; waitMs: number }
  /** It is to be tried again. */
  | { kind: 'again'; code: FailureCode; waitMs?: number }
  /** Trying again does not help. */
  | { kind: 'failed'; code: FailureCode };

/** What fetches jobs, and sees to it that somebody does. */
export interface FetchParts {
  queue: Queue;
  /** Opens a worker of BullMQ's, which begins to fetch at once. */
  open: (process: Processor) => Worker;
  process: (job: Job, token: string | undefined) => Promise<void>;
  inHandMax: number;
  onError: (error: unknown) => void;
}

export interface NotificationWorkerParts {
  /** One of its own, and patient: BullMQ blocks on a copy of it, and it is cut where nothing can end in time. */
  redis: Redis | Cluster;
  /** A worker of BullMQ's alone may stop fetching for good after the failover of a Redis Cluster: whoever knows that watches it. */
  fetch: (parts: FetchParts) => { close(deadlineMs: number): Promise<void> };
  /** The ids of the channels that are to be told. */
  channelsFor(notification: Notification): Promise<readonly string[]>;
  send(message: Message, progress: { hasTurn: boolean }): Promise<SendOutcome>;
  /** Told of each message that ended, or that is tried again. */
  onOutcome(message: Message, outcome: SendOutcome, willRetry: boolean): void;
  onError(error: unknown): void;
  concurrency?: number;
  backoff?: { firstMs: number; mostMs: number };
}

/** A message waits for an answer most of the time. */
const CONCURRENCY = 32;
/** How much of it may be one tenant's: hooks that never answer must leave room for everybody else. */
const TENANT_SHARE = 1 / 8;
const BUSY_MS = 2_000;
const BACKOFF = { firstMs: 4_000, mostMs: 900_000 };
/** Then it is no news any more. */
const GIVE_UP_MS = 24 * 3_600_000;

/** Makes a message for each channel of each notification, and has them sent. */
export class NotificationWorker {
  private readonly queue: Queue;
  private readonly told: Told;
  /** How many messages of each tenant are being sent. */
  private readonly inHand = new Map<string, number>();
  private fetcher: ReturnType<NotificationWorkerParts['fetch']> | undefined;

  constructor(private readonly parts: NotificationWorkerParts) {
    this.queue = openQueue(parts.redis);
    this.told = new Told(parts.redis);
  }

  start(): void {
    this.fetcher = this.parts.fetch({
      queue: this.queue,
      open: (process) => this.openWorker(process),
      process: (job, token) => this.process(job, token),
      inHandMax: this.concurrency,
      onError: (error) => this.parts.onError(error),
    });
  }

  /**
   * Lets what is under way end, for at most `deadlineMs`; another process takes up the rest. Without Redis nothing can end: then the
   * deadline is all there is to wait for.
   */
  async stop(deadlineMs: number): Promise<void> {
    const endsAt = performance.now() + deadlineMs;
    await this.fetcher?.close(deadlineMs);
    await endsWithin(this.queue.close(), Math.max(endsAt - performance.now(), 0));
  }

  private openWorker(process: Processor): Worker {
    return new Worker(QUEUE_NAME, process, {
      connection: this.parts.redis,
      prefix: TAG,
      concurrency: this.concurrency,
      // With BullMQ's own 30 s, what a console that was killed had in hand would come a minute and a half later.
      lockDuration: 10_000,
      stalledInterval: 5_000,
      maxStalledCount: 10,
      runRetryDelay: 1_000,
      settings: { backoffStrategy: (attempt) => this.backoffMs(attempt) },
    });
  }

  private async process(job: Job, token: string | undefined): Promise<void> {
    try {
      if (job.name === JOB_NAMES.notification) return await this.fanOut(job.data as Notification);
      return await this.sendMessage(job as Job<MessageJob>, token);
    } catch (error) {
      if (error instanceof DelayedError || error instanceof UnrecoverableError) throw error;
      this.parts.onError(error);
      // Redis or the broker was away, or it is a fault of ours, which would come back for ever.
      if (Date.now() - job.timestamp > GIVE_UP_MS) throw new UnrecoverableError('internal.fault');
      throw error;
    }
  }

  /** Made once more after a crash, the messages have the same ids; made once more later, the notification is known. */
  private async fanOut(notification: Notification): Promise<void> {
    if (await this.told.has(notification)) return;
    const channelIds = await this.parts.channelsFor(notification);
    if (channelIds.length === 0) return;
    await this.queue.addBulk(
      channelIds.map((channelId) => {
        const message = { notification, channelId };
        const data: MessageJob = { ...message, attempts: 0, hasTurn: false };
        return {
          name: JOB_NAMES.message,
          data,
          opts: { ...jobOptions, jobId: messageJobId(message) },
        };
      }),
    );
    await this.told.note(notification);
  }

  private async sendMessage(job: Job<MessageJob>, token: string | undefined): Promise<void> {
    const { attempts, hasTurn, ...message } = job.data;
    const { tenantId } = message.notification;
    const inHand = this.inHand.get(tenantId) ?? 0;
    if (inHand >= Math.max(1, Math.floor(this.concurrency * TENANT_SHARE)))
      return delay(job, token, BUSY_MS * (0.5 + Math.random() / 2));
    this.inHand.set(tenantId, inHand + 1);
    const outcome = await this.parts
      .send(message, { hasTurn })
      .finally(() => this.putDown(tenantId));
    switch (outcome.kind) {
      case 'sent':
      case 'unwanted':
        return this.parts.onOutcome(message, outcome, false);
      case 'turn':
        await job.updateData({ ...job.data, hasTurn: true });
        return delay(job, token, outcome.waitMs);
      case 'again': {
        const waitMs = outcome.waitMs ?? this.backoffMs(attempts + 1);
        const willRetry = Date.now() + waitMs - job.timestamp < GIVE_UP_MS;
        this.parts.onOutcome(message, outcome, willRetry);
        if (!willRetry) throw new UnrecoverableError(outcome.code);
        await job.updateData({ ...job.data, attempts: attempts + 1, hasTurn: false });
        return delay(job, token, waitMs);
      }
      case 'failed':
        this.parts.onOutcome(message, outcome, false);
        throw new UnrecoverableError(outcome.code);
    }
  }

  private putDown(tenantId: string): void {
    const left = (this.inHand.get(tenantId) ?? 1) - 1;
    if (left > 0) this.inHand.set(tenantId, left);
    else this.inHand.delete(tenantId);
  }

  private get concurrency(): number {
    return this.parts.concurrency ?? CONCURRENCY;
  }

  private backoffMs(attempt: number): number {
    return backoffMs(attempt, Math.random(), this.parts.backoff ?? BACKOFF);
  }
}

async function endsWithin(ending: Promise<unknown>, ms: number): Promise<boolean> {
  const waiting = new AbortController();
  const late = sleep(ms, false, { signal: waiting.signal }).catch(() => false);
  try {
    return await Promise.race([ending.then(() => true), late]);
  } finally {
    waiting.abort();
  }
}

/** The error is how BullMQ learns that the job is neither done nor failed. */
async function delay(job: Job, token: string | undefined, waitMs: number): Promise<never> {
  await job.moveToDelayed(Date.now() + waitMs, token);
  throw new DelayedError();
}

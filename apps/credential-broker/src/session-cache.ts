import { createHash } from 'node:crypto';
import { Failure, isFresh, SESSION_MARGINS_MS, type AwsSession } from '@logferry/core';
import { within } from '@logferry/queue';
import type { StsTurns } from './sts-turns';

/** Everything that shapes a session: two callers share one only if all of it is the same. */
export interface SessionSubject {
  tenantId: string;
  /** For which destination it was asked first. It shapes nothing, and is told to the log. */
  destinationId: string;
  kind: 'web_identity' | 'assume_role';
  roleArn: string;
  region: string;
  durationSeconds: number;
  externalId?: string | undefined;
  /** Inline policies that narrow it: the first that AWS does not find too large. */
  policies: readonly string[];
}

interface SessionCacheOptions {
  fetch: (subject: SessionSubject) => Promise<AwsSession>;
  sessionsMax: number;
  /** Whose turn it is to ask STS; without it, everybody's at once. */
  turns?: Pick<StsTurns, 'take' | 'waitMs'>;
  now?: () => number;
  /** A number in [0, 1). */
  entropy?: () => number;
  /** Told when a refresh ahead of time failed; the session at hand goes on being used. */
  onRefreshError: (subject: SessionSubject, failure: unknown) => void;
}

/** How long somebody waits for the turn of a session; then he comes back later. */
const PATIENCE_MS = 2_000;

/** A call of STS: when its turn has come, and what became of it. */
interface UnderWay {
  began: Promise<void>;
  done: Promise<AwsSession>;
}

interface Cached {
  session: AwsSession;
  refreshAt: number;
}

/** A session is renewed when a fifth of its life is left, or up to twice that: not all of them in the same minute. */
const REFRESH_SHARE = 0.2;
const REFRESH_RETRY_MS = 15_000;

/** How long a failure is the answer without asking again. A tenant's mistake is not mended in a second. */
const failureMs = { suspend: 15_000, defer: 5_000, retry: 1_000, reject: 15_000 } as const;

/**
 * STS sessions, in memory only. One call at a time for each session, renewed ahead of their end, and used to their end while STS
 * is away; failures are remembered for a moment, so that a thousand waiting batches of a broken role are one call and not a thousand.
 */
export class SessionCache {
  private readonly sessions = new Map<string, Cached>();
  private readonly failures = new Map<string, { failure: unknown; until: number }>();
  private readonly underWay = new Map<string, UnderWay>();
  private readonly now: () => number;
  private readonly entropy: () => number;

  constructor(private readonly options: SessionCacheOptions) {
    this.now = options.now ?? Date.now;
    this.entropy = options.entropy ?? Math.random;
  }

  /**
   * @param refusedAccessKeyId a session that AWS refused: it is thrown away, if it is the one at hand
   * @throws Failure `credential.*`
   */
  async get(subject: SessionSubject, refusedAccessKeyId?: string): Promise<AwsSession> {
    const key = keyOf(subject);
    const cached = this.sessions.get(key);
    if (cached !== undefined && cached.session.accessKeyId === refusedAccessKeyId)
      this.sessions.delete(key);
    else if (
      cached !== undefined &&
      isFresh(cached.session, this.now(), SESSION_MARGINS_MS.broker)
    ) {
      if (this.now() >= cached.refreshAt) this.refreshAhead(key, subject, cached);
      return cached.session;
    }
    const failed = this.failed(key);
    if (failed !== undefined) throw failed.failure;
    return this.fetchPatiently(key, subject);
  }

  /**
   * Asks STS now, for whoever wants to know how a role is at this moment. A session at hand is no answer, and stays others' until there
   * is a new one; nor is a refusal that its owner may have mended since. What STS said of itself, such as when to come back, still holds.
   *
   * @throws Failure `credential.*`
   */
  async getAnew(subject: SessionSubject): Promise<AwsSession> {
    const key = keyOf(subject);
    const failed = this.failed(key);
    if (failed !== undefined && !isForOwner(failed.failure)) throw failed.failure;
    return this.fetchPatiently(key, subject);
  }

  private failed(key: string): { failure: unknown } | undefined {
    const failed = this.failures.get(key);
    return failed !== undefined && this.now() < failed.until ? failed : undefined;
  }

  private async fetchPatiently(key: string, subject: SessionSubject): Promise<AwsSession> {
    const { began, done } = this.fetchOnce(key, subject);
    await this.withPatience(began);
    return done;
  }

  /** It is asked for all the same, and is there when whoever asked comes back: to hold a worker's hand meanwhile would hold up others. */
  private async withPatience(began: Promise<void>): Promise<void> {
    if ((await within(began, PATIENCE_MS)) !== 'late') return;
    const retryAfterMs = Math.max(PATIENCE_MS, this.options.turns?.waitMs ?? 0);
    throw new Failure('credential.rationed', { retryAfterMs });
  }

  private refreshAhead(key: string, subject: SessionSubject, cached: Cached): void {
    cached.refreshAt = this.now() + REFRESH_RETRY_MS;
    this.fetchOnce(key, subject).done.catch((error: unknown) =>
      this.options.onRefreshError(subject, error),
    );
  }

  private fetchOnce(key: string, subject: SessionSubject): UnderWay {
    const underWay = this.underWay.get(key);
    if (underWay !== undefined) return underWay;
    const turn = this.options.turns?.take(subject.tenantId);
    const began = Promise.resolve(turn).then(() => undefined);
    const done = this.inTurn(turn, () => this.fetch(key, subject)).finally(() =>
      this.underWay.delete(key),
    );
    done.catch(() => undefined); // everybody who asked may have gone; it is remembered
    const fetching = { began, done };
    this.underWay.set(key, fetching);
    return fetching;
  }

  private async inTurn<T>(
    turn: Promise<() => void> | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    const giveBack = await turn;
    try {
      return await work();
    } finally {
      giveBack?.();
    }
  }

  private async fetch(key: string, subject: SessionSubject): Promise<AwsSession> {
    try {
      const session = await this.options.fetch(subject);
      this.failures.delete(key);
      this.remember(key, session);
      return session;
    } catch (error) {
      makeRoom(this.failures, this.options.sessionsMax);
      this.failures.set(key, { failure: error, until: this.now() + failureMsOf(error) });
      throw error;
    }
  }

  private remember(key: string, session: AwsSession): void {
    const lifeMs = session.expiresAt - this.now();
    const aheadMs = lifeMs * REFRESH_SHARE * (1 + this.entropy());
    this.sessions.delete(key);
    makeRoom(this.sessions, this.options.sessionsMax);
    this.sessions.set(key, { session, refreshAt: session.expiresAt - aheadMs });
  }
}

/** Whether it is the owner's to mend. */
function isForOwner(error: unknown): boolean {
  return error instanceof Failure && error.disposition === 'suspend';
}

function failureMsOf(error: unknown): number {
  if (!(error instanceof Failure)) return failureMs.retry;
  return error.retryAfterMs ?? failureMs[error.disposition];
}

/** Drops the oldest, so that one more fits. */
function makeRoom(map: Map<string, unknown>, most: number): void {
  if (map.size < most) return;
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}

/** A digest: with its policies a subject is some thousand letters long, and there may be very many. */
function keyOf({ destinationId: _, ...shape }: SessionSubject): string {
  const text = JSON.stringify(Object.entries(shape).sort(([a], [b]) => (a < b ? -1 : 1)));
  return createHash('sha256').update(text).digest('base64url');
}

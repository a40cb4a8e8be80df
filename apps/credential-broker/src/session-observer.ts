import { Failure, type AwsSession, type Credentials, type FailureCode } from '@logferry/core';
import type { Logger, Metrics } from '@logferry/runtime';
import type { SessionSubject } from './session-cache';

/** What a worker that asked for a session was answered. */
export interface SessionAnswer {
  tenantId: string;
  destinationId: string;
  /** Undefined where the destination was not found. */
  kind: Credentials['kind'] | undefined;
  /** Undefined for a session. */
  failure: FailureCode | undefined;
}

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A log line and a count for every session that is issued or refused; never the session itself, and no label that names a tenant. */
export class SessionObserver {
  private readonly answers;
  private readonly calls;
  private readonly seconds;

  constructor(
    metrics: Metrics,
    private readonly log: Logger,
  ) {
    this.answers = metrics.counter(
      'broker_sessions_total',
      'Sessions that workers were given or refused',
      ['kind', 'outcome', 'code'],
    );
    this.calls = metrics.counter('broker_sts_calls_total', 'Calls of STS, by outcome', [
      'outcome',
      'kind',
    ]);
    this.seconds = metrics.histogram('broker_sts_seconds', 'Time that STS took', SECONDS);
  }

  /** The same way to STS, told of. */
  observed(
    fetch: (subject: SessionSubject) => Promise<AwsSession>,
  ): (subject: SessionSubject) => Promise<AwsSession> {
    return async (subject) => {
      const begun = performance.now();
      const { kind } = subject;
      const tell = (outcome: 'issued' | 'refused'): { durationMs: number } => {
        const durationMs = Math.round(performance.now() - begun);
        this.calls.inc({ outcome, kind });
        this.seconds.observe(durationMs / 1_000);
        return { durationMs };
      };
      try {
        const session = await fetch(subject);
        const expiresAt = new Date(session.expiresAt).toISOString();
        this.log.info({ ...told(subject), ...tell('issued'), expiresAt }, 'session issued');
        return session;
      } catch (error) {
        const { code, detail } = error instanceof Failure ? error : {};
        this.log.warn({ ...told(subject), ...tell('refused'), code, detail }, 'session refused');
        throw error;
      }
    };
  }

  answered({ tenantId, destinationId, kind, failure }: SessionAnswer): void {
    const outcome = failure === undefined ? 'issued' : 'refused';
    this.answers.inc({ kind: kind ?? 'unknown', outcome, code: failure ?? '' });
    if (kind === 'access_key' && failure === undefined)
      this.log.info({ tenantId, destinationId, kind }, 'access key handed out');
  }

  notRenewed(subject: SessionSubject, error: unknown): void {
    this.log.warn(
      { ...told(subject), err: error },
      'a session could not be renewed ahead of its end; the one at hand goes on being used',
    );
  }
}

const told = ({ tenantId, destinationId, kind, roleArn, region }: SessionSubject): object => ({
  tenantId,
  destinationId,
  kind,
  roleArn,
  region,
});

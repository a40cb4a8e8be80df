import {
  Failure,
  isFresh,
  SESSION_PATTERN,
  SessionReply,
  type AwsSession,
  type SessionRequest,
} from '@logferry/core';
import { ClientTCP } from '@nestjs/microservices';
import { lastValueFrom, timeout } from 'rxjs';
import type { Secret } from './secret';

interface BrokerClientOptions {
  host: string;
  port: number;
  secret: Secret;
  /** How long to wait for an answer; the broker itself waits for STS. */
  timeoutMs?: number;
}

/** A session is asked for anew when it would not outlive the call it is for. */
const MARGIN_MS = 60_000;
const SESSIONS_MAX = 10_000;

/** Asks the broker for a destination's session, and keeps it in memory for as long as it is good. */
export class BrokerClient {
  private readonly client: ClientTCP;
  private readonly sessions = new Map<string, AwsSession>();
  private readonly asking = new Map<string, Promise<AwsSession>>();

  constructor(private readonly options: BrokerClientOptions) {
    this.client = new ClientTCP({
      host: options.host,
      port: options.port,
      maxBufferSize: 1024 * 1024,
    });
  }

  /**
   * @param refusedAccessKeyId a session that AWS just refused as expired: never answered with again
   * @throws Failure `credential.*`
   */
  async session(
    tenantId: string,
    destinationId: string,
    refusedAccessKeyId?: string,
  ): Promise<AwsSession> {
    const key = `${tenantId}/${destinationId}`;
    const known = this.sessions.get(key);
    if (
      known !== undefined &&
      known.accessKeyId !== refusedAccessKeyId &&
      isFresh(known, Date.now(), MARGIN_MS)
    ) {
      return known;
    }
    const underWay = this.asking.get(key);
    if (underWay !== undefined) {
      const session = await underWay;
      if (session.accessKeyId !== refusedAccessKeyId) return session;
      // It was asked for before anybody knew that AWS refuses the very session that it brought.
      return this.session(tenantId, destinationId, refusedAccessKeyId);
    }
    const asked = this.ask({ tenantId, destinationId, refusedAccessKeyId })
      .then((session) => {
        if (this.sessions.size >= SESSIONS_MAX) this.sessions.clear();
        this.sessions.set(key, session);
        return session;
      })
      .finally(() => this.asking.delete(key));
    this.asking.set(key, asked);
    return asked;
  }

  /**
   * Does something with a destination's session. If AWS says that the session has expired, it is done once more with a fresh one:
   * that costs no attempt, since nobody is at fault.
   */
  async withSession<T>(
    tenantId: string,
    destinationId: string,
    use: (session: AwsSession) => Promise<T>,
  ): Promise<T> {
    const session = await this.session(tenantId, destinationId);
    try {
      return await use(session);
    } catch (error) {
      if (!(error instanceof Failure && error.code === 'credential.expired')) throw error;
    }
    return use(await this.session(tenantId, destinationId, session.accessKeyId));
  }

  close(): void {
    this.client.close();
  }

  private async ask(request: Omit<SessionRequest, 'secret'>): Promise<AwsSession> {
    const { secret, timeoutMs = 15_000 } = this.options;
    let answer: unknown;
    try {
      const sent = this.client.send<unknown>(SESSION_PATTERN, {
        ...request,
        secret: secret.reveal(),
      });
      answer = await lastValueFrom(sent.pipe(timeout(timeoutMs)));
    } catch (error) {
      throw new Failure('credential.broker_unavailable', { cause: error });
    }
    const reply = SessionReply.safeParse(answer);
    if (!reply.success)
      throw new Failure('credential.broker_unavailable', {
        detail: 'an answer of another version',
      });
    if ('session' in reply.data) return reply.data.session;
    const { failure, retryAfterMs } = reply.data;
    throw new Failure(failure, retryAfterMs === undefined ? {} : { retryAfterMs });
  }
}

import {
  Failure,
  isFresh,
  SESSION_MARGINS_MS,
  SESSION_PATTERN,
  sessionKey,
  SessionReply,
  type AwsSession,
  type Destination,
  type FailureCode,
  type SessionRequest,
} from '@logferry/core';
import { ClientTCP, type TcpSocket } from '@nestjs/microservices';
import { lastValueFrom, timeout, TimeoutError } from 'rxjs';
import type { Secret } from './secret';

interface BrokerClientOptions {
  host: string;
  port: number;
  secret: Secret;
  /** How long to wait for an answer; the broker itself waits for STS. */
  timeoutMs?: number;
}

const SESSIONS_MAX = 10_000;
/** How long until a change of a destination has surely reached every process. */
const CHANGE_MS = 1_000;

/** While the broker is away, what waits for it comes back after about as long as it has been, and at most after this. */
const AWAY_MS_MAX = 30_000;

/** What of a destination its sessions depend on. */
type SessionDestination = Pick<Destination, 'id' | 'credentials' | 'region'>;

interface Issued {
  session: AwsSession;
  issuedFor: string;
}

/** Asks the broker for a destination's session, and keeps it in memory for as long as it is good and the destination is the same. */
export class BrokerClient {
  private connection: Connection;
  private readonly sessions = new Map<string, Issued>();
  private readonly asking = new Map<string, Promise<AwsSession>>();
  /** Since when the broker has answered nothing that could be used. */
  private awaySince: number | undefined;

  constructor(private readonly options: BrokerClientOptions) {
    this.connection = new Connection(options);
  }

  /**
   * @param refusedAccessKeyId a session that AWS just refused as expired: never answered with again
   * @throws Failure `credential.*` or `destination.*`
   */
  async session(
    tenantId: string,
    destination: SessionDestination,
    refusedAccessKeyId?: string,
  ): Promise<AwsSession> {
    const place = `${tenantId}/${destination.id}`;
    const neededFor = sessionKey(destination);
    const known = this.sessions.get(place);
    if (
      known?.issuedFor === neededFor &&
      known.session.accessKeyId !== refusedAccessKeyId &&
      isFresh(known.session, Date.now(), SESSION_MARGINS_MS.worker)
    ) {
      return known.session;
    }
    const asking = `${place}/${neededFor}`;
    const underWay = this.asking.get(asking);
    if (underWay !== undefined) {
      const session = await underWay;
      if (session.accessKeyId !== refusedAccessKeyId) return session;
      // It was asked for before anybody knew that AWS refuses the very session that it brought.
      return this.session(tenantId, destination, refusedAccessKeyId);
    }
    const asked = this.ask({ tenantId, destinationId: destination.id, refusedAccessKeyId })
      .then((issued) => {
        // Broker and worker read the destination for themselves, and one of them is a moment behind. Which one, nobody here can say.
        if (issued.issuedFor !== neededFor)
          throw new Failure('destination.changing', { retryAfterMs: CHANGE_MS });
        if (this.sessions.size >= SESSIONS_MAX) this.sessions.clear();
        this.sessions.set(place, issued);
        return issued.session;
      })
      .finally(() => this.asking.delete(asking));
    this.asking.set(asking, asked);
    return asked;
  }

  /**
   * Does something with a destination's session. If AWS says that the session has expired, it is done once more with a fresh one:
   * that costs no attempt, since nobody is at fault.
   */
  async withSession<T>(
    tenantId: string,
    destination: SessionDestination,
    use: (session: AwsSession) => Promise<T>,
  ): Promise<T> {
    const session = await this.session(tenantId, destination);
    try {
      return await use(session);
    } catch (error) {
      if (!(error instanceof Failure && error.code === 'credential.expired')) throw error;
    }
    return use(await this.session(tenantId, destination, session.accessKeyId));
  }

  close(): void {
    this.connection.leave();
  }

  private async ask(request: Omit<SessionRequest, 'secret'>): Promise<Issued> {
    const { secret } = this.options;
    const { connection } = this;
    let answer: unknown;
    try {
      answer = await connection.ask({ ...request, secret: secret.reveal() });
    } catch (error) {
      if (error instanceof TimeoutError) this.leave(connection);
      throw this.away('credential.broker_unavailable', { cause: error });
    }
    const reply = SessionReply.safeParse(answer);
    if (!reply.success)
      throw this.away('credential.broker_unavailable', { detail: 'an answer of another version' });
    if (!('session' in reply.data) && isAway(reply.data.failure))
      throw this.away(reply.data.failure);
    this.awaySince = undefined;
    if ('session' in reply.data) return reply.data;
    const { failure, retryAfterMs } = reply.data;
    throw new Failure(failure, retryAfterMs === undefined ? {} : { retryAfterMs });
  }

  /** Costs no attempt, so it must not be asked again by everything that waits as soon as it was asked. */
  private away(code: FailureCode, options: { cause?: unknown; detail?: string } = {}): Failure {
    this.awaySince ??= Date.now();
    const retryAfterMs = Math.min(Date.now() - this.awaySince, AWAY_MS_MAX);
    return new Failure(code, { ...options, retryAfterMs });
  }

  /** Whoever asks next connects anew: a path that died without a word would swallow every question until the system gives it up. */
  private leave(connection: Connection): void {
    if (this.connection !== connection) return; // another question of the same connection came to this before
    this.connection = new Connection(this.options);
    connection.leave();
  }
}

const isAway = (code: FailureCode): boolean =>
  code === 'credential.broker_unavailable' || code === 'credential.broker_refused';

/** A connection to the broker; it is made when the first question is asked. */
class Connection {
  private readonly client: KeptAliveClient;
  private readonly timeoutMs: number;
  private underWay = 0;
  private isLeft = false;

  constructor({ host, port, timeoutMs = 15_000 }: BrokerClientOptions) {
    this.client = new KeptAliveClient({ host, port, maxBufferSize: 1024 * 1024 });
    this.timeoutMs = timeoutMs;
  }

  /** @throws TimeoutError if there was no answer in time */
  async ask(request: SessionRequest): Promise<unknown> {
    this.underWay++;
    try {
      const sent = this.client.send<unknown>(SESSION_PATTERN, request);
      return await lastValueFrom(sent.pipe(timeout(this.timeoutMs)));
    } finally {
      this.underWay--;
      this.endIfDone();
    }
  }

  /** Asks nothing any more. What is under way may still be answered: one question that got no answer does not say that none will. */
  leave(): void {
    this.isLeft = true;
    this.endIfDone();
  }

  private endIfDone(): void {
    if (this.isLeft && this.underWay === 0) this.client.destroy();
  }
}

const KEEP_ALIVE_MS = 10_000;

class KeptAliveClient extends ClientTCP {
  /** Closing kindly would wait for a path that is dead. */
  destroy(): void {
    this.socket?.netSocket.destroy();
    this.close();
  }

  override createSocket(): TcpSocket {
    const socket = super.createSocket();
    socket.netSocket.setKeepAlive(true, KEEP_ALIVE_MS);
    return socket;
  }
}

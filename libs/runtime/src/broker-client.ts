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
import { BrokerConnection, type BrokerAddress } from './broker-connection';

const SESSIONS_MAX = 10_000;
/** How long until a change of a destination has surely reached every process. */
const CHANGE_MS = 1_000;

/** While the broker is away, what waits for it comes back after about as long as it has been, and at most after this. */
const AWAY_MS_MAX = 30_000;

interface Issued {
  session: AwsSession;
  issuedFor: string;
}

/** Asks the broker for a destination's session, and keeps it in memory for as long as it is good and the destination is the same. */
export class BrokerClient {
  private readonly connection: BrokerConnection;
  private readonly sessions = new Map<string, Issued>();
  private readonly asking = new Map<string, Promise<AwsSession>>();
  /** Since when the broker has answered nothing that could be used. */
  private awaySince: number | undefined;

  constructor(address: BrokerAddress) {
    this.connection = new BrokerConnection(address);
  }

  /**
   * @param refusedAccessKeyId a session that AWS just refused as expired: never answered with again
   * @param stray what is to be written to that the destination's present names do not cover, by `strayTarget`
   * @throws Failure `credential.*` or `destination.*`
   */
  async session(
    tenantId: string,
    destination: Destination,
    refusedAccessKeyId?: string,
    stray?: string,
  ): Promise<AwsSession> {
    const place = `${tenantId}/${destination.id}${stray === undefined ? '' : `/${stray}`}`;
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
      return this.session(tenantId, destination, refusedAccessKeyId, stray);
    }
    const request = { tenantId, destinationId: destination.id, refusedAccessKeyId, stray };
    const asked = this.askFor(neededFor, request)
      .then((issued) => {
        if (this.sessions.size >= SESSIONS_MAX) this.sessions.clear();
        this.sessions.set(place, issued);
        return issued.session;
      })
      .finally(() => this.asking.delete(asking));
    this.asking.set(asking, asked);
    return asked;
  }

  /**
   * A session that STS is asked for now, whatever anybody remembers of the role: for whoever wants to know how it is at this moment.
   *
   * @throws Failure `credential.*` or `destination.*`
   */
  async newSession(tenantId: string, destination: Destination): Promise<AwsSession> {
    const request = { tenantId, destinationId: destination.id, anew: true };
    return (await this.askFor(sessionKey(destination), request)).session;
  }

  /**
   * Does something with a destination's session. If AWS says that the session has expired, it is done once more with a fresh one:
   * that costs no attempt, since nobody is at fault.
   */
  async withSession<T>(
    tenantId: string,
    destination: Destination,
    use: (session: AwsSession) => Promise<T>,
    stray?: string,
  ): Promise<T> {
    const session = await this.session(tenantId, destination, undefined, stray);
    try {
      return await use(session);
    } catch (error) {
      if (!(error instanceof Failure && error.code === 'credential.expired')) throw error;
    }
    return use(await this.session(tenantId, destination, session.accessKeyId, stray));
  }

  close(): void {
    this.connection.close();
  }

  private async askFor(
    neededFor: string,
    request: Omit<SessionRequest, 'secret'>,
  ): Promise<Issued> {
    const issued = await this.ask(request);
    // Broker and worker read the destination for themselves, and one of them is a moment behind. Which one, nobody here can say.
    if (issued.issuedFor !== neededFor)
      throw new Failure('destination.changing', { retryAfterMs: CHANGE_MS });
    return issued;
  }

  private async ask(request: Omit<SessionRequest, 'secret'>): Promise<Issued> {
    let answer: unknown;
    try {
      answer = await this.connection.ask(SESSION_PATTERN, request);
    } catch (error) {
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
}

const isAway = (code: FailureCode): boolean =>
  code === 'credential.broker_unavailable' || code === 'credential.broker_refused';

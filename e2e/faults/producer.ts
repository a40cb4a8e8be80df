import { PLATFORM_KEY } from '../app-environment';
import type { Chance } from './chance';
import { pause } from './pause';
import { messageOf, type Origin, type SentLogEvents } from './sent-log-events';

/** A request that did not get a yes, for scenarios in which none may fail. */
export interface Trouble {
  askedAt: number;
  atMs: number;
  ingest: string;
  /** The status, or why there was none. */
  what: string;
}

interface ProducerOptions {
  name: string;
  /** Whom it sends for; with several, each request is of all of them, to `POST /v1/events`. */
  tenants: readonly string[];
  /** Those for whom nothing is sent just now. */
  hushed: ReadonlySet<string>;
  ingestUrls: readonly string[];
  chance: Chance;
  sent: SentLogEvents;
  /** Whether a request without an answer is sent again, with its Idempotency-Key, until it is answered. */
  repeats: boolean;
  /** Whether its log events say their time, or leave it to ingest. */
  saysTime: boolean;
  pauseMsMax: number;
}

interface Request {
  body: string;
  events: (Origin & { timeMs: number | undefined })[];
  key: string;
}

const TIMEOUT_MS = 6_000;
/** How soon it is seen that somebody is hushed no more. */
const HUSHED_MS = 20;

/** Sends requests one after another until it is stopped, and notes what it was told. */
export class Producer {
  readonly troubles: Trouble[] = [];
  /** When each request was asked that got a yes, in epoch milliseconds. */
  readonly yeses: number[] = [];
  private readonly sending: Promise<void>;
  private isStopped = false;
  private sequence = 0;
  private requests = 0;
  private lastTimeMs = 0;

  constructor(private readonly options: ProducerOptions) {
    this.sending = this.keepSending();
  }

  /** Sends nothing new. A request that is being repeated gets its answer first. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.sending;
  }

  private async keepSending(): Promise<void> {
    const { chance, repeats, pauseMsMax, sent } = this.options;
    while (!this.isStopped) {
      const tenants = this.options.tenants.filter((id) => !this.options.hushed.has(id));
      if (tenants.length === 0) {
        await pause(HUSHED_MS);
        continue;
      }
      const request = this.nextRequest(tenants);
      // Before it is sent, since what was sent and never answered may arrive.
      sent.note(request.events, 'unknown');
      for (let tries = 0; ; tries++) {
        const answer = await this.send(request);
        // A connection that was refused has carried nothing: the same request goes to another ingest.
        const mayTryAgain = answer === 'not sent' || (answer === 'unknown' && repeats);
        if (!mayTryAgain || (this.isStopped && !repeats) || tries > 1_000) break;
        await pause(20);
      }
      await pause(chance.between(0, pauseMsMax));
    }
  }

  private nextRequest(tenants: readonly string[]): Request {
    const { chance, name, saysTime } = this.options;
    const count = chance.between(1, 30);
    this.lastTimeMs = Math.max(Date.now(), this.lastTimeMs + 1);
    const events = Array.from({ length: count }, () => ({
      tenant: chance.pick(tenants),
      producer: name,
      sequence: this.sequence++,
      // Some follow each other within one millisecond, and then keep the order in which they were sent.
      timeMs: saysTime ? (this.lastTimeMs += chance.between(0, 1)) : undefined,
    }));
    const body = events
      .map(({ tenant, timeMs, ...origin }) => {
        const padding = 'x'.repeat(chance.happens(0.02) ? 20_000 : chance.between(0, 200));
        return JSON.stringify({
          ...(this.options.tenants.length > 1 ? { tenant } : {}),
          time: timeMs,
          message: messageOf({ tenant, ...origin }, padding),
          attributes: { deploymentId: name },
        });
      })
      .join('\n');
    return { body, events, key: `${this.options.tenants.join('-')}-${name}-${this.requests++}` };
  }

  private async send({ body, events, key }: Request): Promise<'done' | 'unknown' | 'not sent'> {
    const { chance, ingestUrls, repeats, sent, tenants } = this.options;
    const ingest = chance.pick(ingestUrls);
    const askedAt = Date.now();
    const path = tenants.length > 1 ? '/v1/events' : `/v1/tenants/${tenants[0] ?? ''}/events`;
    try {
      const response = await fetch(`${ingest}${path}?type=deployment`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${PLATFORM_KEY}`,
          'content-type': 'application/x-ndjson',
          ...(repeats ? { 'idempotency-key': key } : {}),
        },
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const answer = (await response.json()) as { code?: string; rejected?: { index: number }[] };
      if (response.status === 202) {
        this.yeses.push(askedAt);
        const refused = new Set(answer.rejected?.map(({ index }) => index));
        sent.note(
          events.filter((_, index) => !refused.has(index)),
          'acknowledged',
        );
        sent.note(
          events.filter((_, index) => refused.has(index)),
          'refused',
        );
        return 'done';
      }
      this.troubles.push({
        askedAt,
        atMs: Date.now(),
        ingest,
        what: `${response.status} ${answer.code ?? ''}`,
      });
      return isFinal(response.status) ? 'done' : 'unknown';
    } catch (error) {
      const what = reasonOf(error);
      this.troubles.push({ askedAt, atMs: Date.now(), ingest, what });
      return what === 'ECONNREFUSED' ? 'not sent' : 'unknown';
    }
  }
}

/** What asking again would not change. */
function isFinal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 429;
}

/** Node's own code, which fetch wraps. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (typeof code === 'string') return code;
  return error instanceof Error ? error.name : String(error);
}

import type { Secret } from '@logferry/runtime';

/** Well within the lease of whoever forwards, so that nobody else begins while a request is under way. */
const TIMEOUT_MS = 10_000;
/** A proxy may say an hour; what it kept away may be gone in a second. */
const RETRY_AFTER_MS_MAX = 60_000;

/** What became of a log event that was sent. */
export type SendOutcome =
  /** It is in Redis: now, or since it was sent before. */
  | { kind: 'accepted' }
  /** It would be refused however often it were sent. */
  | { kind: 'refused'; code: string }
  /** It was not taken now: this one alone, this tenant's, or nobody's. */
  | { kind: 'later'; concerns: Concerned; why: string; waitMs?: number };

type Concerned = 'log event' | 'tenant' | 'everybody';

interface OutgoingLogEvent {
  tenantId: string;
  logEvent: object;
  idempotencyKey: string;
}

interface Answer {
  code?: string;
  accepted?: number;
  rejected?: { code: string }[];
}

/** Problems that one tenant has, while ingest takes what is for others. */
const OF_TENANT = new Set(['tenant.backlog_full', 'tenant.unreadable', 'tenant.unknown']);

/** What ingest, or a proxy before it, says of a request that it does not like: others may be to its taste. */
const OF_REQUEST = new Set([400, 413, 415, 422]);

/** Sends log events to ingest, one a request: its verdict on each is told apart from that on any other. */
export class IngestClient {
  constructor(
    private readonly url: string,
    private readonly key: Secret,
  ) {}

  /** Never throws: what is not known to be accepted is to be sent again, with the same key and the same log event. */
  async send({ tenantId, logEvent, idempotencyKey }: OutgoingLogEvent): Promise<SendOutcome> {
    const base = this.url.endsWith('/') ? this.url : `${this.url}/`;
    try {
      const response = await fetch(new URL(`v1/tenants/${tenantId}/events`, base), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${this.key.reveal()}`,
          'content-type': 'application/json',
          'idempotency-key': idempotencyKey,
        },
        body: JSON.stringify(logEvent),
        // Whoever is sent on would take the key along.
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const answer = (await response.json().catch(() => ({}))) as Answer;
      return outcomeOf(response, answer);
    } catch (error) {
      return { kind: 'later', concerns: 'everybody', why: causeOf(error) };
    }
  }
}

function outcomeOf({ status, headers }: Response, answer: Answer): SendOutcome {
  if (status === 202 && answer.accepted === 1) return { kind: 'accepted' };
  const [rejected] = answer.rejected ?? [];
  if (status === 202 && rejected !== undefined) return { kind: 'refused', code: rejected.code };
  const code = String(answer.code ?? '').slice(0, 100);
  // Its first verdict was another one, which nobody has heard; with this key, none will be told any more.
  if (code === 'request.idempotency_key_reused') return { kind: 'refused', code };
  const seconds = Number(headers.get('retry-after') ?? NaN);
  return {
    kind: 'later',
    concerns: OF_TENANT.has(code) ? 'tenant' : OF_REQUEST.has(status) ? 'log event' : 'everybody',
    why: `${status} ${code}`.trim(),
    ...(seconds >= 0 ? { waitMs: Math.min(seconds * 1_000, RETRY_AFTER_MS_MAX) } : {}),
  };
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return 'no answer';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
}

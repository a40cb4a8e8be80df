import type { RefusalCode } from '@logferry/core';
import type { Secret } from '@logferry/runtime';

/** A proxy may say an hour; what it kept away may be gone in a second. */
const RETRY_AFTER_MS_MAX = 60_000;
const ANSWER_CHARS_MAX = 4 * 1024 * 1024;

/** What became of a page that was handed over. */
export type HandOver =
  /** All of it is in Redis, now or since it was sent before, but for what no destination wants, or is refused however often it were sent. */
  | { kind: 'accepted'; rejected: { index: number; code: string }[]; unwanted: number }
  /** The key came with other content before: the log events were other ones then. */
  | { kind: 'key_reused' }
  | { kind: 'too_large' }
  /** Not taken now. */
  | { kind: 'later'; why: string; isBacklog: boolean; waitMs?: number }
  /** Not taken at all, until whoever runs Logferry mends it. */
  | { kind: 'refused'; why: string };

export interface OutgoingPage {
  tenantId: string;
  type: string;
  scope: string;
  lines: readonly string[];
  idempotencyKey: string;
}

interface Answer {
  code?: string;
  accepted?: number;
  filtered?: number;
  rejected?: { index: number; code: string }[];
}

/** Answers of which another try may be answered otherwise; all else would be the same for ever. */
const LATER = new Set([408, 425, 429]);

/** Hands log events over to ingest, so that limits, quotas, routes and the ledger hold for them as for all others. */
export class IngestClient {
  constructor(
    private readonly options: { url: string; key: Secret; timeoutMs: number },
    private readonly stop?: AbortSignal,
  ) {}

  /** What is not known to be accepted is to be sent again, with the same key and the same lines. */
  async send(page: OutgoingPage): Promise<HandOver> {
    const { url, key, timeoutMs } = this.options;
    const base = url.endsWith('/') ? url : `${url}/`;
    const address = new URL(`v1/tenants/${page.tenantId}/events`, base);
    address.searchParams.set('type', page.type);
    if (page.scope !== '') address.searchParams.set('scope', page.scope);
    const late = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(address, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key.reveal()}`,
          'content-type': 'application/x-ndjson',
          'idempotency-key': page.idempotencyKey,
        },
        body: page.lines.join('\n'),
        // Whoever is sent on would take the key along.
        redirect: 'manual',
        signal: this.stop === undefined ? late : AbortSignal.any([late, this.stop]),
      });
      const text = await response.text();
      return handOverOf(response, readAnswer(text), page.lines.length);
    } catch (error) {
      this.stop?.throwIfAborted();
      return { kind: 'later', why: causeOf(error), isBacklog: false };
    }
  }
}

/** Of the tenant and not of the log event: in a moment it would be taken. The checkpoint must not move past it. */
const PASSING = new Set<string | undefined>([
  'event.tenant_backlog_full',
  'event.tenant_unreadable',
  'event.tenant_unknown',
] satisfies RefusalCode[]);

function handOverOf({ status, headers }: Response, answer: Answer, count: number): HandOver {
  const { accepted = 0, filtered: unwanted = 0, rejected = [] } = answer;
  const passing = rejected.find(({ code }) => PASSING.has(code));
  if (passing !== undefined)
    return { kind: 'later', why: passing.code, isBacklog: passing.code.endsWith('backlog_full') };
  if (status === 202 && accepted + rejected.length === count)
    return { kind: 'accepted', rejected, unwanted };
  const code = String(answer.code ?? '').slice(0, 100);
  if (code === 'request.idempotency_key_reused') return { kind: 'key_reused' };
  if (status === 413) return { kind: 'too_large' };
  const why = `${status} ${code}`.trim();
  if (status >= 400 && status < 500 && !LATER.has(status)) return { kind: 'refused', why };
  const seconds = Number(headers.get('retry-after') ?? NaN);
  return {
    kind: 'later',
    why,
    isBacklog: code === 'tenant.backlog_full',
    ...(seconds >= 0 ? { waitMs: Math.min(seconds * 1_000, RETRY_AFTER_MS_MAX) } : {}),
  };
}

function readAnswer(text: string): Answer {
  try {
    return text.length > ANSWER_CHARS_MAX ? {} : (Object(JSON.parse(text)) as Answer);
  } catch {
    return {};
  }
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return 'no answer';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
}

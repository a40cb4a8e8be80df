import { randomUUID } from 'node:crypto';

/** A log event as ingest takes it. */
export interface OutgoingEvent {
  type?: string;
  time?: string | number;
  message: unknown;
  [field: string]: unknown;
}

export interface SenderOptions {
  url: string;
  key: string;
  tenant: string;
  query: Record<string, string>;
  /** How long a batch is tried again before it is given up. */
  giveUpMs: number;
  /** Told before each wait, so that a person knows why nothing moves. */
  onWait?: (why: string, waitMs: number) => void;
}

export interface SendResult {
  accepted: number;
  rejected: { index: number; code: string; message: string }[];
  retries: number;
}

/** Thrown when ingest will not take a request, or has not taken it in time. */
export class NotSent extends Error {
  override readonly name = 'NotSent';
}

const FIRST_WAIT_MS = 250;
const WAIT_MS_MAX = 10_000;

/** Sends log events to ingest, and tries again while it says that it cannot take them now. */
export class EventSender {
  constructor(private readonly options: SenderOptions) {}

  /** @throws NotSent */
  async send(events: readonly (OutgoingEvent | string)[]): Promise<SendResult> {
    const body = events
      .map((event) => (typeof event === 'string' ? event : JSON.stringify(event)))
      .join('\n');
    // The same at every try: if only the answer was lost, the next one adds nothing.
    const idempotencyKey = randomUUID();
    const startedAt = Date.now();
    for (let retries = 0; ; retries++) {
      const answer = await this.post(body, idempotencyKey);
      if (!('again' in answer)) return { ...answer, retries };
      const waitMs =
        answer.waitMs ??
        Math.min(FIRST_WAIT_MS * 2 ** retries, WAIT_MS_MAX) * (0.5 + Math.random() / 2);
      if (Date.now() + waitMs - startedAt > this.options.giveUpMs) {
        throw new NotSent(
          `gave up after ${Math.round((Date.now() - startedAt) / 1_000)} s: ${answer.again}`,
        );
      }
      this.options.onWait?.(answer.again, waitMs);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  private async post(
    body: string,
    idempotencyKey: string,
  ): Promise<Omit<SendResult, 'retries'> | { again: string; waitMs: number | undefined }> {
    const { url, key, tenant, query } = this.options;
    const address = new URL(`/v1/tenants/${encodeURIComponent(tenant)}/events`, url);
    for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
    let response: Response;
    try {
      response = await fetch(address, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/x-ndjson',
          'idempotency-key': idempotencyKey,
        },
        body,
        signal: AbortSignal.timeout(30_000),
      });
    } catch (error) {
      return { again: `no answer from ${url} (${causeOf(error)})`, waitMs: undefined };
    }
    const answer = (await response.json().catch(() => ({}))) as { code?: string; message?: string };
    if (response.status === 202) return answer as unknown as Omit<SendResult, 'retries'>;
    const said = `${response.status} ${answer.code ?? ''}: ${answer.message ?? response.statusText}`;
    if (response.status !== 429 && response.status < 500) throw new NotSent(said);
    const seconds = Number(response.headers.get('retry-after') ?? NaN);
    return { again: said, waitMs: Number.isFinite(seconds) ? seconds * 1_000 : undefined };
  }
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error && 'code' in cause
    ? String(cause.code)
    : cause instanceof Error
      ? cause.message
      : String(cause);
}

import { Failure } from '@logferry/core';

/** What Auth0 answered, whole. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

interface CallOptions {
  method?: 'GET' | 'POST';
  headers?: Readonly<Record<string, string>>;
  body?: string;
  timeoutMs: number;
  bytesMax: number;
  /** What more than that is. */
  tooLarge?: 'source.page_too_large' | 'source.garbled';
  /** Ends the call at once. */
  signal?: AbortSignal | undefined;
}

/** A name that there is not; everything else on the way may be better in a moment. */
const UNKNOWN_NAME = new Set(['ENOTFOUND']);

/**
 * Asks, and reads the answer to its end within bounds of time and bytes. A redirect is not followed: whoever answers could send us, and
 * the token with us, anywhere.
 *
 * @throws Failure `source.unreachable`, `source.domain_unknown` or, for an answer beyond all bounds, `source.garbled` or what
 * `tooLarge` says; what `signal` says
 */
export async function boundedCall(url: URL, options: CallOptions): Promise<Answer> {
  const { method = 'GET', headers = {}, body, timeoutMs, signal } = options;
  const late = AbortSignal.timeout(timeoutMs);
  const ends = signal === undefined ? late : AbortSignal.any([late, signal]);
  try {
    const response = await fetch(url, {
      method,
      headers: { accept: 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
      redirect: 'manual',
      signal: ends,
    });
    const text = await boundedText(response, options);
    return { status: response.status, headers: response.headers, text };
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof Failure) throw cause;
    const detail = late.aborted ? 'no answer in time' : codeOf(cause);
    const code = UNKNOWN_NAME.has(detail) ? 'source.domain_unknown' : 'source.unreachable';
    throw new Failure(code, { cause, detail });
  }
}

async function boundedText(
  response: Response,
  { bytesMax, tooLarge = 'source.garbled' }: Pick<CallOptions, 'bytesMax' | 'tooLarge'>,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > bytesMax)
      throw new Failure(tooLarge, { detail: `an answer of more than ${bytesMax} bytes` });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function codeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return 'no answer';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
}

const RETRY_AFTER_MS_MAX = 600_000;

/** What time it was where an answer was given: a time that stands in it is meant by that clock, and ours may be wrong. */
export function answeredAtMs(headers: Headers, nowMs: number): number {
  const saidMs = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(saidMs) ? nowMs : saidMs;
}

/** How long an answer asks us to wait, in seconds or as a date. */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const said = headers.get('retry-after');
  if (said === null) return undefined;
  const ms = /^\d+$/.test(said)
    ? Number(said) * 1_000
    : Date.parse(said) - answeredAtMs(headers, nowMs);
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX);
}

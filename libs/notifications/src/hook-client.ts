import { lookup as lookUp, type LookupAddress } from 'node:dns';
import { request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './public-address';

export interface HookCall {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
}

export type HookAnswer =
  | { kind: 'answered'; status: number; retryAfterMs: number | undefined }
  /** It leads to where nothing may be sent. */
  | { kind: 'forbidden' }
  /** Nothing came in time. */
  | { kind: 'silent' }
  | { kind: 'unreachable'; why: string };

export interface HookClientOptions {
  /** Sends everything there instead, such as to a stand-in for trying; then no address is looked at. */
  endpointUrl?: string | undefined;
  timeoutMs?: number;
  /** Who says what address a name has; the system, unless a test does. */
  resolve?: (host: string) => Promise<LookupAddress[]>;
  /** Which addresses may be called; the public ones, unless a test has none of those. */
  isAllowed?: (address: string) => boolean;
}

const TIMEOUT_MS = 10_000;
/** What it says is not shown to anybody, and its status says all: its end is waited for out of politeness. */
const ANSWER_BYTES_MAX = 16_384;
const ANSWER_END_MS = 1_000;
const RETRY_AFTER_MS_MAX = 3_600_000;

/**
 * Calls an address that a customer has entered, from within our network: only where it leads to the public Internet.
 *
 * The address is judged in the look-up of the very connection that is made, since a name may lead elsewhere a moment later. A redirect
 * is an answer like any other, and not followed. Of the answer no more is read than a bounded part, for a bounded time.
 */
export class HookClient {
  constructor(private readonly options: HookClientOptions = {}) {}

  async post({ url, headers, body }: HookCall): Promise<HookAnswer> {
    const { timeoutMs = TIMEOUT_MS } = this.options;
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await this.send(new URL(url), { headers, body, signal });
      const { statusCode: status = 0 } = answer;
      const retryAfterMs = retryAfter(answer.headers['retry-after']);
      await readToEnd(answer);
      return { kind: 'answered', status, retryAfterMs };
    } catch (error) {
      if (error instanceof Forbidden) return { kind: 'forbidden' };
      if (signal.aborted) return { kind: 'silent' };
      return { kind: 'unreachable', why: codeOf(error) };
    }
  }

  private send(
    url: URL,
    { headers, body, signal }: { headers: HookCall['headers']; body: string; signal: AbortSignal },
  ): Promise<IncomingMessage> {
    const { endpointUrl } = this.options;
    const to = endpointUrl === undefined ? url : new URL(url.pathname + url.search, endpointUrl);
    const options: RequestOptions = {
      method: 'POST',
      agent: false, // a connection for itself: none that was judged for another name
      signal,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'Logferry',
        ...(endpointUrl === undefined ? {} : { 'x-forwarded-host': url.host }),
        ...headers,
      },
      ...(endpointUrl === undefined ? { lookup: this.publicLookup() } : {}),
    };
    return new Promise((resolve, reject) => {
      if (endpointUrl === undefined && !this.mayAsk(to)) throw new Forbidden();
      const request = (to.protocol === 'https:' ? tlsRequest : plainRequest)(to, options, resolve);
      request.on('error', reject);
      request.end(body);
    });
  }

  /** An address that is written as a number is not looked up. */
  private mayAsk({ protocol, hostname }: URL): boolean {
    const literal = hostname.replace(/^\[|\]$/g, '');
    return protocol === 'https:' && (isIP(literal) === 0 || this.isAllowed(literal));
  }

  private isAllowed(address: string): boolean {
    return (this.options.isAllowed ?? isPublicAddress)(address);
  }

  private publicLookup(): LookupFunction {
    const { resolve = resolveBySystem } = this.options;
    return (host, options, callback) => {
      resolve(host).then(
        (addresses) => {
          const [first] = addresses;
          // One that is not public among several is nobody's mistake: it would be taken when the others do not answer.
          if (first === undefined || !addresses.every(({ address }) => this.isAllowed(address)))
            return callback(new Forbidden(), []);
          if (options.all === true) return callback(null, addresses);
          return callback(null, first.address, first.family);
        },
        (error: unknown) => callback(error as NodeJS.ErrnoException, []),
      );
    };
  }
}

class Forbidden extends Error {}

function resolveBySystem(host: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) =>
    lookUp(host, { all: true }, (error, addresses) =>
      error === null ? resolve(addresses) : reject(error),
    ),
  );
}

/** The answer's end, or as much of it as is taken. What was taken and breaks off here must not be sent again for a day. */
async function readToEnd(answer: IncomingMessage): Promise<void> {
  const late = setTimeout(() => answer.destroy(), ANSWER_END_MS);
  try {
    let bytes = 0;
    for await (const chunk of answer) {
      bytes += (chunk as Buffer).length;
      if (bytes > ANSWER_BYTES_MAX) return;
    }
  } catch {
    // It is known what became of the message.
  } finally {
    clearTimeout(late);
    answer.destroy();
  }
}

/** In seconds, or as a time. */
function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX);
}

/** Never its message: that names the address. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'broken off';
}

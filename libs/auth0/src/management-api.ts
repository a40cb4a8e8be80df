import { AUTH0_PAGE_MAX, Failure } from '@logferry/core';
import { auth0Address, type Auth0Reach } from './auth0-address';
import { readLogs, readOneLog, type Auth0Log } from './auth0-log';
import { boundedCall, retryAfterMs, type Answer } from './bounded-call';
import { rateReading, type Pacer } from './pacer';

/** A hundred log events of the largest that were ever seen are a few of these. */
const PAGE_BYTES_MAX = 32 * 1024 * 1024;

export interface ManagementApiParts {
  reach: Auth0Reach;
  domain: string;
  /** @param refused a token that Auth0 has just refused, and does not want to see again */
  token: (refused?: string) => Promise<string>;
  /** Shared by everybody in this process who asks the same Auth0 tenant. */
  pacer: Pacer;
  timeoutMs: number;
  signal?: AbortSignal;
  onCall?: (call: { status: number }) => void;
  onWait?: (ms: number) => void;
  /** Waits; ends early, by throwing, if the signal says so. */
  wait: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** The log of an Auth0 tenant, by the Management API: each call within its rate, and every trouble a Failure. */
export class ManagementApi {
  constructor(private readonly parts: ManagementApiParts) {}

  /**
   * The log events behind one, in the order of their ids. The header Link names the next page by the last id of this one; we ask with
   * that id ourselves, so that no answer can send us elsewhere.
   *
   * @throws Failure `source.*`
   */
  async logsAfter(from: string, take: number): Promise<Auth0Log[]> {
    const logs = readLogs(await this.get('/api/v2/logs', { from, take: String(take) }));
    if (logs.length > AUTH0_PAGE_MAX || logs.some(({ id }) => id === from))
      throw new Failure('source.garbled', { detail: 'more than was asked for' });
    return logs;
  }

  /**
   * The oldest log events that there are, by their dates, in pages of a hundred from 0.
   *
   * @param sinceMs none before it
   */
  async oldestLogs(page: number, sinceMs?: number): Promise<Auth0Log[]> {
    return this.search({
      page: String(page),
      ...(sinceMs === undefined ? {} : { q: `date:[${new Date(sinceMs).toISOString()} TO *]` }),
      per_page: String(AUTH0_PAGE_MAX),
      sort: 'date:1',
    });
  }

  async newestLog(): Promise<Auth0Log | undefined> {
    const [newest] = await this.search({ page: '0', per_page: '1', sort: 'date:-1' });
    return newest;
  }

  /** One log event; nothing if Auth0 does not have it, or has it no more. */
  async log(id: string): Promise<Auth0Log | undefined> {
    const answer = await this.ask(`/api/v2/logs/${encodeURIComponent(id)}`, {});
    if (answer.status === 404) return undefined;
    return readOneLog(checked(answer).text);
  }

  private async search(query: Record<string, string>): Promise<Auth0Log[]> {
    return readLogs(await this.get('/api/v2/logs', query));
  }

  private async get(path: string, query: Record<string, string>): Promise<string> {
    return checked(await this.ask(path, query)).text;
  }

  /**
   * Once more with a fresh token if Auth0 does not take the one at hand: that is nobody's fault. The scopes of a token are those that its
   * client had when it was made, so what was granted since is known by a fresh one alone.
   */
  private async ask(path: string, query: Record<string, string>): Promise<Answer> {
    const token = await this.parts.token();
    const answer = await this.askWith(token, path, query);
    if (answer.status !== 401 && answer.status !== 403) return answer;
    return this.askWith(await this.parts.token(token), path, query);
  }

  private async askWith(
    token: string,
    path: string,
    query: Record<string, string>,
  ): Promise<Answer> {
    const { reach, domain, timeoutMs, signal, pacer, onCall } = this.parts;
    const url = auth0Address(reach, domain, path);
    url.search = new URLSearchParams(query).toString();
    await this.inTurn();
    let answer: Answer;
    try {
      answer = await boundedCall(url, {
        headers: { authorization: `Bearer ${token}` },
        timeoutMs,
        bytesMax: PAGE_BYTES_MAX,
        tooLarge: 'source.page_too_large',
        signal,
      });
    } catch (error) {
      pacer.failed();
      onCall?.({ status: 0 });
      throw error;
    }
    const { status, headers } = answer;
    onCall?.({ status });
    const reading = rateReading(headers, Date.now());
    if (status !== 429) {
      pacer.answered(performance.now(), reading);
      return answer;
    }
    const waitMs = retryAfterMs(headers, Date.now());
    pacer.refused(performance.now(), reading, waitMs);
    throw new Failure('source.throttled', waitMs === undefined ? {} : { retryAfterMs: waitMs });
  }

  private async inTurn(): Promise<void> {
    const { pacer, wait, onWait, signal } = this.parts;
    for (;;) {
      const waitMs = pacer.take(performance.now());
      if (waitMs === 0) return;
      onWait?.(waitMs);
      await wait(waitMs, signal);
    }
  }
}

/** @throws Failure `source.*` for everything but an answer as it should be; never with what Auth0 said in its own words */
function checked(answer: Answer): Answer {
  const { status } = answer;
  if (status === 200) return answer;
  const detail = `HTTP ${status}`;
  if (status === 401) throw new Failure('source.token_refused', { detail });
  if (status === 403) throw new Failure('source.scope_missing', { detail });
  if (status >= 400 && status < 500 && status !== 408)
    throw new Failure('source.request_refused', { detail });
  throw new Failure('source.unavailable', { detail });
}

import { Failure, TENANT_PLACEHOLDER } from '@logferry/core';
import type { Secret } from '@logferry/runtime';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { TokenSource } from './session-fetcher';

/** What STS takes at most. */
const TOKEN_CHARS_MAX = 20_000;
const ANSWER_CHARS_MAX = 64 * 1024;

const filled = (text: string, tenantId: string): string =>
  text.replaceAll(TENANT_PLACEHOLDER, tenantId);

const namesTenant = (text: string): boolean => text.includes(TENANT_PLACEHOLDER);

/** @param detail never the token, nor what an endpoint said in its own words */
const unavailable = (detail: string, cause?: unknown): Failure =>
  new Failure('credential.token_unavailable', { detail, cause });

/** An identity token that somebody else keeps in a file and replaces before it ends, as Kubernetes does. */
export class FileTokens implements TokenSource {
  readonly isPerTenant: boolean;

  /** @param subject what the tokens' subject is: one that names no tenant tells none apart, however many tokens there are */
  constructor(
    private readonly file: string,
    subject: string,
  ) {
    this.isPerTenant = [file, subject].every(namesTenant);
  }

  async tokenFor(tenantId: string): Promise<string> {
    const text = await readFile(filled(this.file, tenantId), 'utf8').catch((cause: unknown) => {
      throw unavailable('the file cannot be read', cause);
    });
    return checked(text.trim());
  }
}

interface HttpTokensOptions {
  url: string;
  clientId: string;
  clientSecret: Secret;
  /** Further parameters of the request, as a query is written. */
  parameters: string;
  /** What the tokens' subject is. */
  subject: string;
  timeoutMs: number;
}

const TokenAnswer = z.object({
  access_token: z.string().optional(),
  id_token: z.string().optional(),
  expires_in: z.number().positive().default(300),
});

interface Kept {
  token: string;
  refreshAt: number;
  endsAt: number;
}

/** A token is fetched anew when a fifth of its life is left. */
const REFRESH_SHARE = 0.2;
/** STS must still read it. */
const MARGIN_MS = 30_000;
const KEPT_MAX = 10_000;

/** Identity tokens of the platform's own token endpoint, by client credentials. https://www.rfc-editor.org/rfc/rfc6749#section-4.4 */
export class HttpTokens implements TokenSource {
  readonly isPerTenant: boolean;
  private readonly hasOneForEach: boolean;
  private readonly kept = new Map<string, Kept>();
  private readonly underWay = new Map<string, Promise<string>>();

  constructor(private readonly options: HttpTokensOptions) {
    // As it is sent, and not as it is written: `%7Btenant%7D` names the tenant too.
    this.hasOneForEach = [...new URLSearchParams(options.parameters).values()].some(namesTenant);
    this.isPerTenant = this.hasOneForEach && namesTenant(options.subject);
  }

  async tokenFor(tenantId: string, nowMs: number): Promise<string> {
    const key = this.hasOneForEach ? tenantId : '';
    const kept = this.kept.get(key);
    if (kept !== undefined && nowMs < kept.refreshAt) return kept.token;
    const fetched = this.fetchOnce(key, tenantId, nowMs);
    if (kept === undefined || nowMs > kept.endsAt - MARGIN_MS) return fetched;
    // The one at hand is good for a while yet, whatever becomes of the next.
    return fetched.catch(() => kept.token);
  }

  private fetchOnce(key: string, tenantId: string, nowMs: number): Promise<string> {
    const underWay = this.underWay.get(key);
    if (underWay !== undefined) return underWay;
    const fetched = this.fetch(tenantId)
      .then(({ token, lifeMs }) => {
        if (this.kept.size >= KEPT_MAX) this.kept.clear();
        const refreshAt = nowMs + lifeMs * (1 - REFRESH_SHARE);
        this.kept.set(key, { token, refreshAt, endsAt: nowMs + lifeMs });
        return token;
      })
      .finally(() => this.underWay.delete(key));
    this.underWay.set(key, fetched);
    return fetched;
  }

  private async fetch(tenantId: string): Promise<{ token: string; lifeMs: number }> {
    const { url, clientId, clientSecret, parameters, timeoutMs } = this.options;
    const body = new URLSearchParams({ grant_type: 'client_credentials' });
    for (const [name, value] of new URLSearchParams(parameters))
      body.append(name, filled(value, tenantId));
    const basic = [clientId, clientSecret.reveal()].map(encodeURIComponent).join(':');
    const headers = {
      authorization: `Basic ${Buffer.from(basic).toString('base64')}`,
      accept: 'application/json',
    };
    const signal = AbortSignal.timeout(timeoutMs);
    let text: string;
    try {
      // Nobody elsewhere is told the client's secret.
      const response = await fetch(url, {
        method: 'POST',
        headers,
        body,
        redirect: 'manual',
        signal,
      });
      if (response.status !== 200)
        throw unavailable(`the token endpoint answers HTTP ${response.status}`);
      text = await boundedText(response);
    } catch (error) {
      throw error instanceof Failure ? error : unavailable('the token endpoint does not answer');
    }
    const answer = TokenAnswer.safeParse(parseJson(text));
    const token = answer.success ? (answer.data.id_token ?? answer.data.access_token) : undefined;
    if (!answer.success || token === undefined)
      throw unavailable('the token endpoint answers without a token');
    return { token: checked(token), lifeMs: answer.data.expires_in * 1_000 };
  }
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > ANSWER_CHARS_MAX) throw unavailable('the token endpoint answers too much');
  }
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function checked(token: string): string {
  if (token.length > TOKEN_CHARS_MAX || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token))
    throw unavailable('what is there is no signed token');
  return token;
}

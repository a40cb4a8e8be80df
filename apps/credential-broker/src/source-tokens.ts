import { fetchClientToken, type Auth0Reach, type ClientToken } from '@logferry/auth0';
import { Failure, sourceKey, type Source } from '@logferry/core';
import { Unreadable } from '@logferry/store';
import { hash } from 'node:crypto';
import type { Sealing } from './sealing';

/** Where a source is looked up. */
export interface FindSource {
  source(tenantId: string, sourceId: string): Promise<Source | undefined>;
}

interface SourceTokensParts {
  directory: FindSource;
  sealing: Pick<Sealing, 'open'>;
  reach: Auth0Reach;
  timeoutMs: number;
  onRefreshError: (error: unknown) => void;
  now?: () => number;
  fetch?: typeof fetchClientToken;
}

interface Kept {
  token: ClientToken;
  hash: string;
  expiresAt: number;
  refreshAt: number;
}

export interface IssuedToken {
  accessToken: string;
  expiresAt: number;
  /** The `sourceKey` of the source as the broker knows it. */
  issuedFor: string;
}

/** A token is fetched anew when a fifth of its life is left, while the one at hand is still good. */
const REFRESH_SHARE = 0.2;
/** A call is made with it, and clocks differ. */
const MARGIN_MS = 30_000;
const REFRESH_RETRY_MS = 30_000;
const KEPT_MAX = 10_000;
/** How long a failure is the answer without asking again. A tenant's mistake is not mended in a second. */
const FAILURE_MS = { suspend: 15_000, defer: 2_000, retry: 1_000, reject: 15_000 } as const;

/**
 * Tokens of Auth0's Management API, by the client secrets that are sealed with the sources. In memory only; one call at a time for each,
 * and no token is handed out again that Auth0 has refused.
 */
export class SourceTokens {
  private readonly kept = new Map<string, Kept>();
  private readonly failed = new Map<string, { error: unknown; until: number }>();
  private readonly underWay = new Map<string, Promise<Kept>>();
  private readonly now: () => number;

  constructor(private readonly parts: SourceTokensParts) {
    this.now = parts.now ?? Date.now;
  }

  /**
   * @param refusedHash of a token that Auth0 refused, its SHA-256 in hex
   * @throws Failure `source.*` or `credential.*`
   */
  async get(tenantId: string, sourceId: string, refusedHash?: string): Promise<IssuedToken> {
    const source = await this.find(tenantId, sourceId);
    const issuedFor = sourceKey(source);
    const key = JSON.stringify([tenantId, sourceId, issuedFor]);
    const { token, expiresAt } = await this.good(key, { tenantId, source, refusedHash });
    return { accessToken: token.accessToken, expiresAt, issuedFor };
  }

  private async good(
    key: string,
    { refusedHash, ...of }: { tenantId: string; source: Source; refusedHash: string | undefined },
  ): Promise<Kept> {
    const kept = this.kept.get(key);
    const nowMs = this.now();
    if (kept !== undefined && kept.hash !== refusedHash && nowMs < kept.expiresAt - MARGIN_MS) {
      if (nowMs >= kept.refreshAt) {
        kept.refreshAt = nowMs + REFRESH_RETRY_MS;
        this.fetchOnce(key, of).catch(this.parts.onRefreshError);
      }
      return kept;
    }
    if (kept !== undefined) this.kept.delete(key);
    const failed = this.failed.get(key);
    if (failed !== undefined && nowMs < failed.until) throw failed.error;
    const fetched = await this.fetchOnce(key, of);
    // A call that was under way may bring the very token that was refused meanwhile.
    if (fetched.hash !== refusedHash) return fetched;
    this.kept.delete(key);
    const another = await this.fetchOnce(key, of);
    if (another.hash === refusedHash) throw new Failure('source.token_refused');
    return another;
  }

  private async find(tenantId: string, sourceId: string): Promise<Source> {
    const { directory } = this.parts;
    const source = await directory.source(tenantId, sourceId).catch((cause: unknown) => {
      throw cause instanceof Unreadable ? new Failure('source.unreadable', { cause }) : cause;
    });
    if (source === undefined) throw new Failure('source.missing');
    return source;
  }

  private fetchOnce(key: string, of: { tenantId: string; source: Source }): Promise<Kept> {
    const underWay = this.underWay.get(key);
    if (underWay !== undefined) return underWay;
    const fetching = this.fetch(key, of).finally(() => this.underWay.delete(key));
    this.underWay.set(key, fetching);
    return fetching;
  }

  private async fetch(
    key: string,
    { tenantId, source }: { tenantId: string; source: Source },
  ): Promise<Kept> {
    const { sealing, reach, timeoutMs, fetch = fetchClientToken } = this.parts;
    const { id: sourceId, domain, clientId, sealedSecret } = source;
    try {
      const clientSecret = sealing.open({ tenantId, sourceId }, sealedSecret);
      const askedAt = this.now();
      const token = await fetch(reach, { domain, clientId, clientSecret }, timeoutMs);
      const kept = {
        token,
        hash: hash('sha256', token.accessToken, 'hex'),
        expiresAt: askedAt + token.expiresInMs,
        refreshAt: askedAt + token.expiresInMs * (1 - REFRESH_SHARE),
      };
      this.failed.delete(key);
      makeRoom(this.kept);
      this.kept.set(key, kept);
      return kept;
    } catch (error) {
      makeRoom(this.failed);
      this.failed.set(key, { error, until: this.now() + failureMs(error) });
      throw error;
    }
  }
}

function failureMs(error: unknown): number {
  if (!(error instanceof Failure)) return FAILURE_MS.retry;
  return error.retryAfterMs ?? FAILURE_MS[error.disposition];
}

/** Drops the oldest, so that one more fits. */
function makeRoom(map: Map<string, unknown>): void {
  if (map.size < KEPT_MAX) return;
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}

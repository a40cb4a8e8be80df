import { randomBytes } from 'node:crypto';
import type { Auth0Client } from './auth0-client';
import { generatedLog, USUAL_LOG_TYPES } from './generated-log';
import { TenantLogs, type Auth0Log, type NewAuth0Log } from './tenant-logs';
import { TokenBucket, type RateLimit } from './token-bucket';

const DAY_MS = 86_400_000;

export interface Auth0TenantOptions {
  /** Such as `acme.eu.auth0.com`. */
  readonly domain: string;
  readonly clients?: readonly Auth0Client[];
  /** None unless said otherwise. */
  readonly rateLimit?: RateLimit;
  /** 30 days unless said otherwise, as Auth0 keeps those of an Enterprise tenant. */
  readonly retentionMs?: number;
  /** How long each answer of the Management API takes. */
  readonly latencyMs?: number;
  /** A day unless said otherwise, as at Auth0. */
  readonly tokenLifeSeconds?: number;
}

export interface FillOptions {
  /** Their types, in turn; the usual ones unless said otherwise. */
  readonly types?: readonly string[];
  /** The time between one and the next. */
  readonly everyMs?: number;
  /** What the n-th has beside. */
  readonly fields?: (n: number) => object;
}

/** One request and what was answered. */
export interface ApiCall {
  readonly atMs: number;
  readonly operation: ApiOperation;
  readonly query: Readonly<Record<string, string>>;
  /** 0 if the connection was broken instead. */
  httpStatus: number;
  /** Log events that were in it. */
  logs?: number;
  /** Requests that its rate limit had left after it. */
  remaining?: number;
}

/** `page`: by `from` and `take`; `search`: by `q` and `page`; `log`: one by its id. */
export type ApiOperation = 'token' | 'page' | 'search' | 'log' | 'unknown';

/** More than any test looks at. */
const CALLS_KEPT = 20_000;

/** A tenant of Auth0's: who may read its log, how fast, and the log itself. */
export class Auth0Tenant {
  readonly domain: string;
  readonly log: TenantLogs;
  readonly clients: Map<string, Auth0Client>;
  readonly calls: ApiCall[] = [];
  latencyMs: number;
  tokenLifeSeconds: number;
  /** What its tokens are signed with. */
  tokenKey = randomBytes(32);
  bucket: TokenBucket | undefined;

  constructor(
    options: Auth0TenantOptions,
    private readonly nowMs: () => number,
  ) {
    this.domain = options.domain;
    this.log = new TenantLogs(nowMs, options.retentionMs ?? 30 * DAY_MS);
    this.clients = new Map(options.clients?.map((client) => [client.clientId, client]));
    this.latencyMs = options.latencyMs ?? 0;
    this.tokenLifeSeconds = options.tokenLifeSeconds ?? 86_400;
    this.setRateLimit(options.rateLimit);
  }

  /** The audience of the tokens for its Management API. */
  get audience(): string {
    return `https://${this.domain}/api/v2/`;
  }

  setRateLimit(limit: RateLimit | undefined): void {
    this.bucket = limit === undefined ? undefined : new TokenBucket(limit, this.nowMs);
  }

  /** Adds log events; what they do not say is made up. */
  add(...logs: NewAuth0Log[]): Auth0Log[] {
    return logs.map((log) => this.log.add(log));
  }

  /** Adds so many generated ones, the last of them now. */
  fill(count: number, options: FillOptions = {}): Auth0Log[] {
    const { types = USUAL_LOG_TYPES, everyMs = 1_000, fields } = options;
    const { domain } = this;
    const endMs = this.nowMs();
    return Array.from({ length: count }, (_, n) => {
      const type = types[n % types.length] ?? 's';
      const takenAtMs = endMs - (count - 1 - n) * everyMs;
      const log = generatedLog(type, { domain, takenAtMs, seed: this.log.count + 1 });
      return this.log.add({ ...log, ...fields?.(n) }, takenAtMs);
    });
  }

  /** As if somebody had revoked every token. */
  revokeTokens(): void {
    this.tokenKey = randomBytes(32);
  }

  count(call: ApiCall): void {
    if (this.calls.length >= CALLS_KEPT) this.calls.shift();
    this.calls.push(call);
  }
}

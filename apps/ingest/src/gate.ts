import { RequestProblem, type Secret } from '@logferry/runtime';
import { mayUse, type StoredKey } from '@logferry/store';
import { InFlightBytes } from './in-flight-bytes';
import type { Amount, KeyRates, RatedKey } from './key-rates';
import type { RedisState } from './redis-watch';

/** Who sends: a platform for all of its tenants, or one tenant for itself. */
export type Sender = { kind: 'platform' } | { kind: 'tenant'; tenantId: string };

interface GateOptions {
  authenticate: (key: string) => Promise<StoredKey | undefined>;
  platformKey: Secret | undefined;
  redisState: () => RedisState;
  rates: Pick<KeyRates, 'waitMs' | 'take'>;
  onRateLimited?: () => void;
  /** Told of each key that opens something. */
  onKeyUsed?: (keyId: string) => void;
  bodyBytesMax: number;
  inFlightBytesMax: number;
}

/** A request that was let in. */
export interface Admission {
  sender: Sender;
  /**
   * Counts the body as what it has been inflated to.
   *
   * @throws RequestProblem if that is too much just now
   */
  grow: (bytes: number) => void;
  /** Counts it against the rate of its key. Returns what takes that back. */
  count: (amount: Amount) => () => void;
  /** When the request is answered, however it ended. */
  leave: () => void;
}

/** Decides about a request before its body is read, so that nobody without a key costs more than a header. */
export class Gate {
  private readonly inFlight: InFlightBytes;

  constructor(private readonly options: GateOptions) {
    this.inFlight = new InFlightBytes(options.inFlightBytesMax);
  }

  /** @throws RequestProblem */
  async admit(headers: {
    authorization?: string | undefined;
    'content-length'?: string | undefined;
  }): Promise<Admission> {
    const { sender, key } = await this.identify(headers.authorization);
    this.checkRedis();
    this.checkRate(key);
    const tenantId = sender.kind === 'tenant' ? sender.tenantId : undefined;
    let held = 0;
    const hold = (bytes: number): void => {
      if (!this.inFlight.hold(tenantId, held, bytes)) throw busy();
      held = bytes;
    };
    hold(this.announcedBytes(headers['content-length']));
    let left = false;
    return {
      sender,
      grow: (bytes) => {
        if (!left) hold(bytes);
      },
      count: (amount) => this.options.rates.take(key, amount),
      leave: () => {
        if (!left) hold(0);
        left = true;
      },
    };
  }

  private async identify(
    authorization: string | undefined,
  ): Promise<{ sender: Sender; key: RatedKey }> {
    const [scheme, key] = (authorization ?? '').split(' ', 2);
    if (key === undefined || scheme?.toLowerCase() !== 'bearer') {
      throw new RequestProblem(
        401,
        'auth.missing_key',
        'send a key as "Authorization: Bearer <key>"',
        {
          'www-authenticate': 'Bearer',
        },
      );
    }
    if (this.options.platformKey?.equals(key) === true)
      return { sender: { kind: 'platform' }, key: { id: 'platform' } };
    const found = await this.options.authenticate(key).catch(() => {
      throw redisAway(); // whether the key is right cannot be said now, so nothing may be said against it
    });
    if (found === undefined) {
      throw new RequestProblem(401, 'auth.unknown_key', 'the key is not known, or was revoked', {
        'www-authenticate': 'Bearer error="invalid_token"',
      });
    }
    this.options.onKeyUsed?.(found.id);
    if (!mayUse(found, 'send'))
      throw new RequestProblem(403, 'auth.scope_missing', 'this key may not send log events');
    const { tenantId } = found;
    return {
      sender: tenantId === undefined ? { kind: 'platform' } : { kind: 'tenant', tenantId },
      key: found,
    };
  }

  private checkRate(key: RatedKey): void {
    const waitMs = this.options.rates.waitMs(key);
    if (waitMs <= 0) return;
    this.options.onRateLimited?.();
    const seconds = Math.ceil(waitMs / 1_000);
    throw new RequestProblem(
      429,
      'key.rate_limited',
      `this key has sent as much as it may; come back in ${seconds} s`,
      { 'retry-after': String(seconds) },
    );
  }

  private checkRedis(): void {
    switch (this.options.redisState()) {
      case 'ok':
        return;
      default:
        throw redisAway();
      case 'full':
        throw new RequestProblem(
          429,
          'ingest.backlog_full',
          'too much waits to be delivered; come back later',
          { 'retry-after': '5' },
        );
    }
  }

  /** A body that does not say how long it is may be as long as any. */
  private announcedBytes(contentLength: string | undefined): number {
    const { bodyBytesMax } = this.options;
    const bytes = contentLength === undefined ? bodyBytesMax : Number(contentLength);
    if (!Number.isInteger(bytes) || bytes < 0)
      throw new RequestProblem(400, 'request.malformed', 'the Content-Length is not a number');
    if (bytes > bodyBytesMax) {
      throw new RequestProblem(
        413,
        'request.too_large',
        `the body has ${bytes} bytes; the most is ${bodyBytesMax}`,
      );
    }
    return bytes;
  }
}

function busy(): RequestProblem {
  return new RequestProblem(
    503,
    'ingest.busy',
    'too much is being taken in just now; come back in a second',
    { 'retry-after': '1' },
  );
}

export function redisAway(): RequestProblem {
  return new RequestProblem(
    503,
    'ingest.redis_unavailable',
    'the log events could not be stored, and nothing is acknowledged; send them again',
    {
      'retry-after': '1',
    },
  );
}

import { RequestProblem, type Secret } from '@logferry/runtime';
import type { StoredKey } from '@logferry/store';
import type { RedisState } from './redis-watch';

/** Who sends: a platform for all of its tenants, or one tenant for itself. */
export type Sender = { kind: 'platform' } | { kind: 'tenant'; tenantId: string };

interface GateOptions {
  authenticate: (key: string) => Promise<StoredKey | undefined>;
  platformKey: Secret | undefined;
  redisState: () => RedisState;
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
  /** When the request is answered, however it ended. */
  leave: () => void;
}

/** Decides about a request before its body is read, so that nobody without a key costs more than a header. */
export class Gate {
  private inFlightBytes = 0;

  constructor(private readonly options: GateOptions) {}

  /** @throws RequestProblem */
  async admit(headers: {
    authorization?: string | undefined;
    'content-length'?: string | undefined;
  }): Promise<Admission> {
    const sender = await this.identify(headers.authorization);
    this.checkRedis();
    let held = this.hold(0, this.announcedBytes(headers['content-length']));
    let left = false;
    return {
      sender,
      grow: (bytes) => {
        if (!left) held = this.hold(held, bytes);
      },
      leave: () => {
        if (!left) this.inFlightBytes -= held;
        left = true;
      },
    };
  }

  /** Holds so many bytes instead of those that are held already. One body alone may be larger than all together. */
  private hold(held: number, bytes: number): number {
    const others = this.inFlightBytes - held;
    if (others > 0 && others + bytes > this.options.inFlightBytesMax) {
      throw new RequestProblem(
        503,
        'ingest.busy',
        'too much is being taken in just now; come back in a second',
        { 'retry-after': '1' },
      );
    }
    this.inFlightBytes = others + bytes;
    return bytes;
  }

  private async identify(authorization: string | undefined): Promise<Sender> {
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
    if (this.options.platformKey?.equals(key) === true) return { kind: 'platform' };
    const found = await this.options.authenticate(key).catch(() => {
      throw redisAway(); // whether the key is right cannot be said now, so nothing may be said against it
    });
    if (found === undefined) {
      throw new RequestProblem(401, 'auth.unknown_key', 'the key is not known, or was revoked', {
        'www-authenticate': 'Bearer error="invalid_token"',
      });
    }
    return found.tenantId === undefined
      ? { kind: 'platform' }
      : { kind: 'tenant', tenantId: found.tenantId };
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

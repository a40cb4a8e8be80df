import type { Secret } from '@logferry/runtime';
import { createHmac, timingSafeEqual } from 'node:crypto';

const COOKIE = 'logferry_session';
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const TRIES_A_MINUTE = 10;
const ADDRESSES_MAX = 10_000;

interface LoginOptions {
  password: Secret;
  sessionHours: number;
  now?: () => number;
}

/**
 * Who may see the console: whoever knows its password. A session is a signed time, so that any console recognises it and none has to
 * remember it; its key is drawn from the password, so that a new password ends every session.
 */
export class Login {
  private readonly now: () => number;
  private readonly tries = new Map<string, { count: number; until: number }>();

  constructor(private readonly options: LoginOptions) {
    this.now = options.now ?? Date.now;
  }

  /** Whether one more password may be tried from an address: guessing must be slow. */
  mayTry(address: string): boolean {
    const known = this.tries.get(address);
    if (known === undefined || known.until < this.now()) {
      if (this.tries.size >= ADDRESSES_MAX) this.tries.clear();
      this.tries.set(address, { count: 1, until: this.now() + MINUTE_MS });
      return true;
    }
    known.count++;
    return known.count <= TRIES_A_MINUTE;
  }

  /** The session's cookie for the right password, and nothing for a wrong one. */
  open(password: string, isHttps: boolean): string | undefined {
    if (!this.options.password.equals(password)) return undefined;
    const seconds = (this.options.sessionHours * HOUR_MS) / 1_000;
    const until = this.now() + seconds * 1_000;
    return cookie(`${until}.${this.sign(until)}`, seconds, isHttps);
  }

  close(isHttps: boolean): string {
    return cookie('', 0, isHttps);
  }

  /** Whether a request shows a session that is still good, or the password itself as Basic authentication, as scripts do. */
  isOpen(headers: { cookie?: string | undefined; authorization?: string | undefined }): boolean {
    return this.hasSession(headers.cookie ?? '') || this.hasPassword(headers.authorization ?? '');
  }

  private hasSession(cookies: string): boolean {
    const value = cookies
      .split(';')
      .map((pair) => pair.trim())
      .find((pair) => pair.startsWith(`${COOKIE}=`))
      ?.slice(COOKIE.length + 1);
    const [until = '', signature = ''] = (value ?? '').split('.');
    const expected = this.sign(Number(until));
    if (signature.length !== expected.length) return false;
    return (
      timingSafeEqual(Buffer.from(signature), Buffer.from(expected)) && Number(until) > this.now()
    );
  }

  private hasPassword(authorization: string): boolean {
    const [scheme, credentials = ''] = authorization.split(' ', 2);
    if (scheme?.toLowerCase() !== 'basic') return false;
    const decoded = Buffer.from(credentials, 'base64').toString();
    return this.options.password.equals(decoded.slice(decoded.indexOf(':') + 1));
  }

  private sign(until: number): string {
    const key = createHmac('sha256', this.options.password.reveal())
      .update('console session')
      .digest();
    return createHmac('sha256', key).update(String(until)).digest('base64url');
  }
}

function cookie(value: string, seconds: number, isHttps: boolean): string {
  return `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${isHttps ? '; Secure' : ''}`;
}

import type { Secret } from '@logferry/runtime';
import { createHmac, timingSafeEqual } from 'node:crypto';

const COOKIE = 'logferry_login';
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const TRIES_A_MINUTE = 10;
/** A bound on what guessing costs us: at some 100 bytes an address, a megabyte. */
const ADDRESSES_MAX = 10_000;

interface LoginOptions {
  password: Secret;
  loginHours: number;
  now?: () => number;
}

/**
 * Who may see the console: whoever knows its password. A login is a signed time, so that any console recognises it and none has to
 * remember it; its key is drawn from the password, so that a new password ends every login.
 */
export class Login {
  private readonly now: () => number;
  private readonly tries = new Map<string, { count: number; until: number }>();

  constructor(private readonly options: LoginOptions) {
    this.now = options.now ?? Date.now;
  }

  /** Whether one more password may be tried from an address: guessing must be slow, whichever way it is done. */
  mayTry(address: string): boolean {
    return (this.failures(address)?.count ?? 0) < TRIES_A_MINUTE;
  }

  /** The login's cookie for the right password, and nothing for a wrong one. */
  open(password: string, address: string, isHttps: boolean): string | undefined {
    if (!this.isPassword(password, address)) return undefined;
    const seconds = (this.options.loginHours * HOUR_MS) / 1_000;
    const until = this.now() + seconds * 1_000;
    return cookie(`${until}.${this.sign(until)}`, seconds, isHttps);
  }

  close(isHttps: boolean): string {
    return cookie('', 0, isHttps);
  }

  /** Whether a request shows a login that is still good, or the password itself as Basic authentication, as scripts do. */
  isOpen(
    headers: { cookie?: string | undefined; authorization?: string | undefined },
    address: string,
  ): boolean {
    return (
      this.hasLogin(headers.cookie ?? '') || this.hasPassword(headers.authorization ?? '', address)
    );
  }

  private hasLogin(cookies: string): boolean {
    const value = cookies
      .split(';')
      .map((pair) => pair.trim())
      .find((pair) => pair.startsWith(`${COOKIE}=`))
      ?.slice(COOKIE.length + 1);
    const [until = '', signature = ''] = (value ?? '').split('.');
    const [shown, expected] = [Buffer.from(signature), Buffer.from(this.sign(Number(until)))];
    if (shown.length !== expected.length) return false;
    return timingSafeEqual(shown, expected) && Number(until) > this.now();
  }

  private hasPassword(authorization: string, address: string): boolean {
    const [scheme, credentials = ''] = authorization.split(' ', 2);
    if (scheme?.toLowerCase() !== 'basic') return false;
    const decoded = Buffer.from(credentials, 'base64').toString();
    return this.isPassword(decoded.slice(decoded.indexOf(':') + 1), address);
  }

  private isPassword(shown: string, address: string): boolean {
    if (!this.mayTry(address)) return false;
    if (this.options.password.equals(shown)) return true;
    const known = this.failures(address);
    if (known !== undefined) known.count++;
    else {
      this.tries.delete(address); // of an earlier minute: the newest must stand last
      if (this.tries.size >= ADDRESSES_MAX) this.forgetOldest();
      this.tries.set(address, { count: 1, until: this.now() + MINUTE_MS });
    }
    return false;
  }

  /** The wrong passwords of an address in the minute that the first of them began. */
  private failures(address: string): { count: number; until: number } | undefined {
    const known = this.tries.get(address);
    return known !== undefined && known.until > this.now() ? known : undefined;
  }

  /** Forgetting all of them would give whoever has ten thousand addresses ten new tries on each whenever the table is full. */
  private forgetOldest(): void {
    for (const address of this.tries.keys()) {
      this.tries.delete(address);
      return;
    }
  }

  private sign(until: number): string {
    const key = createHmac('sha256', this.options.password.reveal())
      .update('console login')
      .digest();
    return createHmac('sha256', key).update(String(until)).digest('base64url');
  }
}

function cookie(value: string, seconds: number, isHttps: boolean): string {
  return `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${isHttps ? '; Secure' : ''}`;
}

import { createPrng } from '../sandbox-aws/prng';

/** Who did what, where and with what: everything that a generated log event is told from. */
export interface Scene {
  readonly domain: string;
  readonly tenant: string;
  readonly atMs: number;
  readonly user: { readonly id: string; readonly name: string; readonly email: string };
  readonly client: { readonly id: string; readonly name: string };
  readonly connection: { readonly id: string; readonly name: string };
  readonly strategy: string;
  readonly strategyType: string;
  readonly organization: { readonly id: string; readonly name: string };
  readonly ip: string;
  readonly userAgent: string;
  readonly isMobile: boolean;
  readonly pick: <T>(of: readonly T[]) => T;
  /** A whole number from 0 on, below `end`. */
  readonly number: (end: number) => number;
  readonly hex: (length: number) => string;
  /** Letters and digits, such as Auth0 makes its ids of. */
  readonly text: (length: number) => string;
}

const GIVEN = ['ada', 'björn', 'chiara', 'dmitri', 'emeka', 'fatima', 'göran', '花子'] as const;
const FAMILY = ['lovelace', 'ström', 'rossi', 'okafor', 'o’neill', 'müller', '山田'] as const;
const CLIENTS = ['Shop', 'Back office', 'iOS app', 'Nightly jobs', 'Support desk'] as const;
const AGENTS = [
  ['Chrome 138.0.0 / Mac OS X 10.15.7', false],
  ['Firefox 140.0.0 / Windows 11.0.0', false],
  ['Mobile Safari 18.5.0 / iOS 18.5.0', true],
  ['Chrome Mobile 138.0.0 / Android 15.0.0', true],
  ['Other 0.0.0 / Other 0.0.0', false],
] as const;
const STRATEGIES = [
  ['auth0', 'database', 'Username-Password-Authentication'],
  ['google-oauth2', 'social', 'google-oauth2'],
  ['samlp', 'enterprise', 'acme-saml'],
  ['sms', 'passwordless', 'sms'],
] as const;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export function scene(domain: string, atMs: number, seed: number): Scene {
  const chance = createPrng(seed);
  const number = (end: number): number => Math.floor(chance() * end);
  const pick = <T>(of: readonly T[]): T => of[number(of.length)] as T;
  const letters = (alphabet: string, length: number): string =>
    Array.from({ length }, () => alphabet[number(alphabet.length)]).join('');
  const hex = (length: number): string => letters('0123456789abcdef', length);
  const text = (length: number): string => letters(ALPHABET, length);
  const [strategy, strategyType, connection] = pick(STRATEGIES);
  const [userAgent, isMobile] = pick(AGENTS);
  const given = pick(GIVEN);
  const name = `${given}.${pick(FAMILY)}`;
  const clientName = pick(CLIENTS);
  return {
    domain,
    tenant: domain.split('.')[0] ?? domain,
    atMs,
    user: { id: `${strategy}|${hex(24)}`, name, email: `${name}@customer.example` },
    client: { id: text(32), name: clientName },
    connection: { id: `con_${text(16)}`, name: connection },
    strategy,
    strategyType,
    organization: { id: `org_${text(16)}`, name: pick(['acme', 'globex', 'initech']) },
    ip: pick([`203.0.113.${number(256)}`, `198.51.100.${number(256)}`, `2001:db8::${hex(4)}`]),
    userAgent,
    isMobile,
    pick,
    number,
    hex,
    text,
  };
}

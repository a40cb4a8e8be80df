import type { KeyScope } from '@logferry/core';
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a key may send a second, over a time; 0 for as much as there is. */
export interface KeyRate {
  logEventsPerSecond?: number;
  bytesPerSecond?: number;
}

/** A key as it is stored: whoever reads the store learns whose it is and cannot use it. */
export interface StoredKey {
  id: string;
  name: string;
  /** The one tenant that the key may speak for; a platform key, which has none, may speak for all. */
  tenantId?: string;
  /** SHA-256 of the secret part. Enough for 256 random bits, which cannot be guessed at any speed. */
  hash: string;
  createdAt: number;
  /** Without them, it was made before there were any, and may send. */
  scopes?: readonly KeyScope[];
  /** If it has a rate of its own. */
  rate?: KeyRate;
}

const shape = /^lf_([0-9a-f]{12})_([\w-]{43})$/;

/** Makes a key. Its text is shown once and stored nowhere. */
export function mintKey(
  name: string,
  tenantId: string | undefined,
  nowMs: number,
  scopes: readonly KeyScope[] = ['send'],
): { text: string; key: StoredKey } {
  const id = randomBytes(6).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const key = { id, name, hash: hashOf(secret).toString('hex'), createdAt: nowMs, scopes };
  return { text: `lf_${id}_${secret}`, key: tenantId === undefined ? key : { ...key, tenantId } };
}

/** Whether it may be the id of a key. People put whole keys where ids belong, and those must be shown to nobody, Redis included. */
export function isKeyId(text: string): boolean {
  return /^[0-9a-f]{12}$/.test(text);
}

/** The two parts of a key's text, if it has the shape of one. */
export function splitKey(text: string): { id: string; secret: string } | undefined {
  const [, id, secret] = shape.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

export function keyMatches(key: StoredKey, secret: string): boolean {
  return timingSafeEqual(Buffer.from(key.hash, 'hex'), hashOf(secret));
}

/** Whoever may change the configuration may read it. */
export function mayUse({ scopes = ['send'] }: Pick<StoredKey, 'scopes'>, scope: KeyScope): boolean {
  return scopes.includes(scope) || (scope === 'read' && scopes.includes('admin'));
}

function hashOf(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

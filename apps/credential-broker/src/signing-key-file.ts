import { calculateJwkThumbprint, exportJWK, importPKCS8, type CryptoKey, type JWK } from 'jose';
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { linkSync, unlinkSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

export const signingAlgorithms = ['RS256', 'ES256'] as const;
export type SigningAlgorithm = (typeof signingAlgorithms)[number];

/** What RS256 asks for: jose would refuse to sign with less, and every session would fail. */
const MODULUS_BITS = 2_048;

/** A key that identity tokens are signed with. */
export interface SigningKey {
  algorithm: SigningAlgorithm;
  createdAt: number;
  privateKey: CryptoKey;
  /** Its public half, as the world may see it. */
  publicJwk: JWK;
  kid: string;
}

/** A file: when the key was made decides when it signs, and a file's own time changes when it is copied. */
const KeyFile = z.strictObject({
  algorithm: z.enum(signingAlgorithms),
  createdAt: z.iso.datetime().transform((time) => Date.parse(time)),
  privateKey: z.string(),
});

/** @throws Error with a sentence that says nothing of what the file holds */
export async function parseSigningKey(text: string): Promise<SigningKey> {
  const file = KeyFile.safeParse(parseJson(text));
  if (!file.success) throw new Error('is not a signing key with its algorithm and its time');
  const { algorithm, createdAt, privateKey: pem } = file.data;
  const privateKey = await importPKCS8(pem, algorithm).catch(() => {
    throw new Error(`holds no key for ${algorithm} in PKCS #8 PEM`);
  });
  const publicKey = createPublicKey(pem);
  if ((publicKey.asymmetricKeyDetails?.modulusLength ?? MODULUS_BITS) < MODULUS_BITS)
    throw new Error(`holds a key of less than ${MODULUS_BITS} bits`);
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  const publicJwk = { ...jwk, kid, alg: algorithm, use: 'sig' };
  return { algorithm, createdAt, privateKey, kid, publicJwk };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Makes a key, unless somebody was quicker: then theirs is the one of this name. */
export function makeSigningKey(file: string, algorithm: SigningAlgorithm, nowMs: number): void {
  const { privateKey } =
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: MODULUS_BITS })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const createdAt = new Date(nowMs).toISOString();
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `${JSON.stringify({ algorithm, createdAt, privateKey: pem }, null, 2)}\n`, {
    mode: 0o600,
  });
  try {
    // Fails if it is there: no broker ever reads half a key, or puts its own in the place of one that signs already.
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    unlinkSync(draft);
  }
}

import { ConfigError } from '@logferry/runtime';
import { calculateJwkThumbprint, exportJWK, importPKCS8, type CryptoKey, type JWK } from 'jose';
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export const SIGNING_ALGORITHM = 'RS256';
/** What RS256 asks for: jose would refuse to sign with less, and every session would fail. */
const MODULUS_BITS = 2_048;

/** The key that identity tokens are signed with. */
export interface SigningKey {
  privateKey: CryptoKey;
  /** Its public half, as the world may see it. */
  publicJwk: JWK;
  kid: string;
}

/** Reads the signing key, and makes one where there is none yet. Brokers that start together end up with the same. */
export async function loadSigningKey(file: string): Promise<SigningKey> {
  const pem = readKey(file) ?? makeKey(file);
  let privateKey: CryptoKey;
  try {
    privateKey = await importPKCS8(pem, SIGNING_ALGORITHM);
  } catch {
    throw unusable(file, 'is not an RSA key in PKCS #8 PEM');
  }
  const publicKey = createPublicKey(pem);
  if ((publicKey.asymmetricKeyDetails?.modulusLength ?? 0) < MODULUS_BITS)
    throw unusable(file, `is shorter than ${MODULUS_BITS} bits`);
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { privateKey, kid, publicJwk: { ...jwk, kid, alg: SIGNING_ALGORITHM, use: 'sig' } };
}

function unusable(file: string, why: string): ConfigError {
  return new ConfigError([`LOGFERRY_BROKER_SIGNING_KEY_FILE names ${file}, which ${why}`]);
}

function readKey(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw unusable(file, 'cannot be read');
  }
}

function makeKey(file: string): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: MODULUS_BITS });
  try {
    placeKey(file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unusable(file, `is not there and cannot be made: ${String(error)}`);
  }
}

/** Written beside its place and then linked to it, which fails if somebody was quicker: then theirs is the key. */
function placeKey(file: string, pem: string): void {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(draft, pem, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    unlinkSync(draft);
  }
}

import { ConfigError, type Secret } from '@logferry/runtime';
import { KEY_BYTES, type SealingKey } from './sealing';

const BASE64 = '[A-Za-z0-9+/_-]+={0,2}';
const PLAIN = new RegExp(`^([\\w-]{1,32}):(${BASE64})$`);
const WRAPPED = new RegExp(
  `^([\\w-]{1,32}):(arn:aws[\\w-]*:kms:[a-z0-9-]+:\\d{12}:key/[\\w-]+):(${BASE64})$`,
);

/** Opens what a key of KMS has wrapped. */
export type OpenWrapped = (wrapped: { kmsKeyArn: string; ciphertext: Buffer }) => Promise<Buffer>;

/**
 * Reads the keys that secrets are sealed with, several of them separated by commas or lines: `id:key`, the key as 32 bytes in base64, or
 * `id:arn:ciphertext`, one that is wrapped by a key of KMS.
 *
 * @throws ConfigError that names every entry that is amiss by its place, and shows nothing of it
 */
export async function readSealingKeys(
  secret: Secret | undefined,
  openWrapped: OpenWrapped,
): Promise<SealingKey[]> {
  const entries = (secret?.reveal() ?? '').split(/[,\s]+/).filter((entry) => entry !== '');
  const problems: string[] = [];
  const keys = await Promise.all(
    entries.map(async (entry, i): Promise<SealingKey> => {
      const amiss = (why: string): void => void problems.push(`number ${i + 1} ${why}`);
      const [, id = '', kmsKeyArn, wrapped = ''] = WRAPPED.exec(entry) ?? [];
      if (kmsKeyArn === undefined) return plainKey(entry, amiss);
      const ciphertext = Buffer.from(wrapped, 'base64');
      const bytes = await openWrapped({ kmsKeyArn, ciphertext }).catch((error: unknown) => {
        amiss(`does not open: ${error instanceof Error ? error.message : 'for no known reason'}`);
        return Buffer.alloc(KEY_BYTES);
      });
      if (bytes.length !== KEY_BYTES) amiss(`opens to ${bytes.length} bytes, not ${KEY_BYTES}`);
      return { id, bytes };
    }),
  );
  if (problems.length === 0 && new Set(keys.map(({ id }) => id)).size !== keys.length)
    problems.push('two keys have the same id');
  if (problems.length === 0) return keys;
  throw new ConfigError(problems.map((why) => `LOGFERRY_BROKER_SEALING_KEYS: ${why}`));
}

function plainKey(entry: string, amiss: (why: string) => void): SealingKey {
  const [, id = '', key = ''] = PLAIN.exec(entry) ?? [];
  const bytes = Buffer.from(key, 'base64');
  if (bytes.length !== KEY_BYTES)
    amiss(
      'is something other than id:key, the key as 32 bytes in base64, or id:arn:ciphertext, one wrapped by KMS',
    );
  return { id, bytes };
}

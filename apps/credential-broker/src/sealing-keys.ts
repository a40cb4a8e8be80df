import { ConfigError, type Secret } from '@logferry/runtime';
import { KEY_BYTES, type SealingKey } from './sealing';

const ENTRY = /^([\w-]{1,32}):([A-Za-z0-9+/_-]{43}=?)$/;

/**
 * Reads the keys that secrets are sealed with: `id:key`, the key as 32 bytes in base64, several of them separated by commas or lines.
 *
 * @throws ConfigError that names the entry by its place, and shows nothing of it
 */
export function readSealingKeys(secret: Secret | undefined): SealingKey[] {
  const entries = (secret?.reveal() ?? '').split(/[,\s]+/).filter((entry) => entry !== '');
  const keys = entries.map((entry, i): SealingKey => {
    const [, id = '', key = ''] = ENTRY.exec(entry) ?? [];
    const bytes = Buffer.from(key, 'base64');
    if (bytes.length !== KEY_BYTES)
      throw unusable(
        `holds as number ${i + 1} something other than id:key, the key as 32 bytes in base64`,
      );
    return { id, bytes };
  });
  if (new Set(keys.map(({ id }) => id)).size !== keys.length)
    throw unusable('gives two keys the same id');
  return keys;
}

const unusable = (why: string): ConfigError =>
  new ConfigError([`LOGFERRY_BROKER_SEALING_KEYS ${why}`]);

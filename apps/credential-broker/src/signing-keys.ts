import { assert } from '@logferry/core';
import { ConfigError } from '@logferry/runtime';
import type { JWK } from 'jose';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  makeSigningKey,
  parseSigningKey,
  type SigningAlgorithm,
  type SigningKey,
} from './signing-key-file';

interface SigningKeysOptions {
  /** Where they lie, one file each; the same place for all brokers. */
  dir: string;
  algorithm: SigningAlgorithm;
  /** For how long a key signs; 0: for ever. */
  rotateAfterMs: number;
  now?: () => number;
}

const HOUR_MS = 3_600_000;

/**
 * A key is published for this long before it signs. AWS does not say for how long it remembers an issuer's keys; where it says it of
 * others, an hour.
 */
export const PUBLISHED_AHEAD_MS = 24 * HOUR_MS;
/** … and for this long after it signed last. A token lives for minutes; a broker that has slept may be a while behind. */
export const PUBLISHED_AFTER_MS = 24 * HOUR_MS;

const FILE = /^key-(\d{6})\.json$/;

/** A key with its place in the order, and from when on it signs. */
interface Placed {
  number: number;
  key: SigningKey;
  signsFrom: number;
}

/**
 * The keys that identity tokens are signed with. Which of them signs and which are published follows from the times in their files and
 * from nothing else, so brokers that share the files agree without talking. They are made here, and deleted when nobody can need them
 * any more.
 */
export class SigningKeys {
  private placed: readonly Placed[] = [];
  private readonly now: () => number;

  private constructor(private readonly options: SigningKeysOptions) {
    this.now = options.now ?? Date.now;
  }

  /** @throws ConfigError if there is no key and none can be made, or one that cannot be read */
  static async open(options: SigningKeysOptions): Promise<SigningKeys> {
    const keys = new SigningKeys(options);
    try {
      mkdirSync(options.dir, { recursive: true, mode: 0o700 });
      await keys.refresh();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new ConfigError([`LOGFERRY_BROKER_SIGNING_KEYS_DIR is ${options.dir}: ${why}`]);
    }
    return keys;
  }

  /** The key that signs. */
  current(): SigningKey {
    const nowMs = this.now();
    const signing = this.placed.findLast(({ signsFrom }) => signsFrom <= nowMs) ?? this.placed[0];
    assert(signing !== undefined, 'there is always a key');
    return signing.key;
  }

  /** The public halves of the keys that sign, have just signed, or will. */
  published(): JWK[] {
    return this.placed.filter((_, i) => !this.isOutlived(i)).map(({ key }) => key.publicJwk);
  }

  /**
   * Reads the files again, makes the next key when it is time, and deletes those that are outlived.
   *
   * @throws Error with a sentence for whoever runs this; the keys at hand go on being used
   */
  async refresh(): Promise<void> {
    await this.read();
    const newest = this.placed.at(-1);
    if (newest === undefined || this.isDue(newest)) {
      const next = fileOf((newest?.number ?? 0) + 1);
      makeSigningKey(join(this.options.dir, next), this.options.algorithm, this.now());
      await this.read();
    }
    for (const [i, { number }] of this.placed.entries())
      if (this.isOutlived(i)) rmSync(join(this.options.dir, fileOf(number)), { force: true });
  }

  /** Not before the newest one signs: brokers with different settings must not make one after the other. */
  private isDue({ key, signsFrom }: Placed): boolean {
    const { algorithm, rotateAfterMs } = this.options;
    const signedMs = this.now() - signsFrom;
    if (signedMs < 0) return false;
    const isOld = rotateAfterMs > 0 && signedMs >= rotateAfterMs - PUBLISHED_AHEAD_MS;
    return isOld || key.algorithm !== algorithm;
  }

  /** Whether the key after it has been signing for long enough. */
  private isOutlived(i: number): boolean {
    const next = this.placed[i + 1];
    return next !== undefined && this.now() - next.signsFrom >= PUBLISHED_AFTER_MS;
  }

  private async read(): Promise<void> {
    const { dir } = this.options;
    const keys: { number: number; key: SigningKey }[] = [];
    for (const name of readdirSync(dir).sort()) {
      const number = Number(FILE.exec(name)?.[1]);
      const text = Number.isNaN(number) ? undefined : readIfThere(join(dir, name));
      if (text === undefined) continue;
      const key = await parseSigningKey(text).catch((error: unknown) => {
        throw new Error(`${name} ${error instanceof Error ? error.message : String(error)}`);
      });
      keys.push({ number, key });
    }
    this.placed = keys.map(({ number, key }, i) => {
      // The first one of all has nothing before it that could sign meanwhile, and nobody who remembers other keys.
      const isFirst = i === 0;
      return { number, key, signsFrom: key.createdAt + (isFirst ? 0 : PUBLISHED_AHEAD_MS) };
    });
  }
}

const fileOf = (number: number): string => `key-${String(number).padStart(6, '0')}.json`;

/** Another broker may have deleted it a moment ago. */
function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

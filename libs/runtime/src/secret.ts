import { timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

/** A value that must not be seen: wherever it is printed, it prints `[secret]`. `reveal()` is the one way to it, and easy to find. */
export class Secret {
  readonly #value: string;
  readonly #bytes: Buffer;

  constructor(value: string) {
    this.#value = value;
    this.#bytes = Buffer.from(value);
  }

  reveal(): string {
    return this.#value;
  }

  /** Compares without telling by its time how much was right; how long the secret is may be told. */
  equals(other: string): boolean {
    const bytes = Buffer.alloc(this.#bytes.length);
    bytes.write(other);
    const isSame = timingSafeEqual(this.#bytes, bytes);
    return isSame && Buffer.byteLength(other) === this.#bytes.length;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

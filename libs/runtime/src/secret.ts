import { hash, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

/** A value that must not be seen: wherever it is printed, it prints `[secret]`. `reveal()` is the one way to it, and easy to find. */
export class Secret {
  readonly #value: string;
  readonly #digest: Buffer;

  constructor(value: string) {
    this.#value = value;
    this.#digest = digest(value);
  }

  reveal(): string {
    return this.#value;
  }

  /** Compares without telling by its time how much was right. */
  equals(other: string): boolean {
    return timingSafeEqual(this.#digest, digest(other));
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

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

interface Waiter {
  key: string;
  bytes: number;
  admit: () => void;
}

/** Batches that take no more than this are let through: as many of them as a worker has slots fit beside the rest. */
const SMALL_BYTES = 1024 * 1024;

/**
 * What the batches of a worker may take of its memory together. Whoever wants more waits, and nobody has more than half of it while
 * others want some: a destination with large objects and a slow account must not keep those of others out.
 */
export class MemoryShare {
  private held = 0;
  private readonly heldBy = new Map<string, number>();
  private waiting: Waiter[] = [];

  constructor(private readonly bytesMax: number) {}

  /**
   * Holds a part of the memory while something is done with it.
   *
   * @param key of whom it is
   */
  async hold<T>(key: string, wanted: number, use: () => Promise<T>): Promise<T> {
    if (wanted <= SMALL_BYTES) return use();
    const bytes = Math.min(wanted, this.bytesMax);
    await new Promise<void>((admit) => {
      this.waiting.push({ key, bytes, admit });
      this.admitNext();
    });
    try {
      return await use();
    } finally {
      this.give(key, bytes);
    }
  }

  private give(key: string, bytes: number): void {
    this.held -= bytes;
    const left = (this.heldBy.get(key) ?? 0) - bytes;
    if (left === 0) this.heldBy.delete(key);
    else this.heldBy.set(key, left);
    this.admitNext();
  }

  private admitNext(): void {
    const still: Waiter[] = [];
    let isFull = false;
    for (const waiter of this.waiting) {
      const { key, bytes, admit } = waiter;
      const own = this.heldBy.get(key) ?? 0;
      const isOverItsHalf = own > 0 && own + bytes > this.bytesMax / 2;
      // Nobody overtakes who waits for the rest to make room: small wants would for ever.
      isFull ||= !isOverItsHalf && this.held + bytes > this.bytesMax;
      if (isFull || isOverItsHalf) {
        still.push(waiter);
        continue;
      }
      this.held += bytes;
      this.heldBy.set(key, own + bytes);
      admit();
    }
    this.waiting = still;
  }
}

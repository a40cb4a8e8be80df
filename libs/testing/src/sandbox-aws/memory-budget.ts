/** Something that takes memory and can be let go of: one stored batch of events, or one object's content. */
export interface Held {
  readonly bytes: number;
  drop(): void;
}

/** Keeps what is held within a number of bytes by dropping the oldest first, and counts what it dropped. */
export class MemoryBudget {
  private readonly held = new Set<Held>();
  // One iterator is kept because starting at the front again would step over every entry deleted since the last rehash.
  private oldest: Iterator<Held> = this.held.values();
  private bytes = 0;

  constructor(private readonly bytesMax: number) {}

  get bytesHeld(): number {
    return this.bytes;
  }

  hold(item: Held): void {
    this.held.add(item);
    this.bytes += item.bytes;
    while (this.bytes > this.bytesMax && this.held.size > 0) this.dropOldest();
  }

  /** Called when the owner lets go by itself, e.g. a deleted stream. */
  release(item: Held): void {
    if (this.held.delete(item)) this.bytes -= item.bytes;
  }

  private dropOldest(): void {
    let next = this.oldest.next();
    if (next.done) {
      this.oldest = this.held.values();
      next = this.oldest.next();
    }
    if (next.done) return;
    this.release(next.value);
    next.value.drop();
  }
}

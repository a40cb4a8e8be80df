import { destinationKey } from '@logferry/core';

/** Whose memory is held. */
export interface MemoryFor {
  tenantId: string;
  destinationId: string;
}

interface Waiter {
  who: MemoryFor;
  bytes: number;
  admit: () => void;
}

/** Batches that take no more than this are let through: as many of them as a worker has slots fit beside the rest. */
const SMALL_BYTES = 1024 * 1024;

/**
 * What the batches of a worker may take of its memory together. Whoever wants more waits.
 *
 * It is shared as the slots are, among tenants and among destinations: while one holds some, it is half of it at most, a third while
 * two do, and so on, if it is for more than one batch. Large objects and slow accounts, of however many destinations, must not keep
 * everybody else out.
 */
export class MemoryShare {
  private held = 0;
  private readonly ofTenants: Holdings;
  private readonly ofDestinations: Holdings;
  private waiting: Waiter[] = [];

  constructor(private readonly bytesMax: number) {
    this.ofTenants = new Holdings(bytesMax);
    this.ofDestinations = new Holdings(bytesMax);
  }

  /** Holds a part of the memory while something is done with it. */
  async hold<T>(who: MemoryFor, wanted: number, use: () => Promise<T>): Promise<T> {
    if (wanted <= SMALL_BYTES) return use();
    const bytes = Math.min(wanted, this.bytesMax);
    await new Promise<void>((admit) => {
      this.waiting.push({ who, bytes, admit });
      this.admitNext();
    });
    try {
      return await use();
    } finally {
      this.count(who, -bytes);
      this.admitNext();
    }
  }

  private count(who: MemoryFor, bytes: number): void {
    this.held += bytes;
    this.ofTenants.count(who.tenantId, bytes);
    this.ofDestinations.count(nameOf(who), bytes);
  }

  private admitNext(): void {
    const still: Waiter[] = [];
    let isFull = false;
    for (const waiter of this.waiting) {
      const { who, bytes, admit } = waiter;
      const isOverItsPart = !(
        this.ofTenants.hasRoom(who.tenantId, bytes) &&
        this.ofDestinations.hasRoom(nameOf(who), bytes)
      );
      // Nobody overtakes who waits for the rest to make room: small wants would for ever.
      isFull ||= !isOverItsPart && this.held + bytes > this.bytesMax;
      if (isFull || isOverItsPart) {
        still.push(waiter);
        continue;
      }
      this.count(who, bytes);
      admit();
    }
    this.waiting = still;
  }
}

const nameOf = ({ tenantId, destinationId }: MemoryFor): string =>
  destinationKey(tenantId, destinationId);

/** What each of several parties holds. */
class Holdings {
  private readonly heldBy = new Map<string, number>();

  constructor(private readonly bytesMax: number) {}

  /** Whether so much more is within a party's part. The first of all that it wants always is. */
  hasRoom(party: string, bytes: number): boolean {
    const own = this.heldBy.get(party) ?? 0;
    return own === 0 || own + bytes <= this.bytesMax / (this.heldBy.size + 1);
  }

  count(party: string, bytes: number): void {
    const left = (this.heldBy.get(party) ?? 0) + bytes;
    if (left === 0) this.heldBy.delete(party);
    else this.heldBy.set(party, left);
  }
}

import type { Lane } from './lane';

/** What a lane takes: 570 bytes with names of 56 characters, 1,560 with such of 1,020 (measured); of other alphabets, twice that. */
const LANE_BYTES = 450;
const CHAR_BYTES = 2;

/**
 * The lanes that were built once, of all destinations together. With a bound for each destination alone, memory would grow with
 * tenants times streams: a thousand tenants with ten thousand streams each would take more than 5 GB.
 */
export class LaneMemory {
  private readonly lanes = new Map<string, Lane>();
  private bytes = 0;
  private finders = 0;

  constructor(private readonly bytesMax = 64 * 1024 * 1024) {}

  /** What stands before the names of one finder, so that none finds the lanes of another. */
  newPrefix(): string {
    return `${this.finders++}\n`;
  }

  get size(): number {
    return this.lanes.size;
  }

  find(key: string): Lane | undefined {
    return this.lanes.get(key);
  }

  /** Most lanes are quiet, and building one costs little: when there is no room, all begin anew. */
  keep(key: string, lane: Lane): void {
    const bytes = LANE_BYTES + CHAR_BYTES * key.length;
    if (this.bytes + bytes > this.bytesMax) {
      this.lanes.clear();
      this.bytes = 0;
    }
    this.bytes += bytes;
    this.lanes.set(key, lane);
  }
}

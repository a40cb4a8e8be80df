interface Destination {
  taken: number;
  /** Those who wait for a slot, first come first served. */
  line: (() => void)[];
  /** When a slot of it was taken or given back last: a destination that moves is only busy. */
  movedAt: number;
}

/**
 * Shares a worker's slots among the destinations that are at work: of `total` slots each may hold its part, and one part is always
 * left for whoever comes next. A destination whose calls hang holds its part for as long as they do, and no more.
 */
export class FairSlots {
  private readonly destinations = new Map<string, Destination>();

  constructor(private readonly total: number) {}

  /** Resolves with true when the slot is taken, or with false when none of that destination's has moved for `stuckMs`. */
  take(key: string, stuckMs: number): Promise<boolean> {
    const destination = this.destinations.get(key) ?? { taken: 0, line: [], movedAt: 0 };
    if (!this.hasRoom(destination)) return this.wait(destination, stuckMs);
    this.destinations.set(key, destination);
    this.hold(destination);
    return Promise.resolve(true);
  }

  /** Gives a slot back that was taken. */
  give(key: string): void {
    const destination = this.destinations.get(key);
    if (destination === undefined) return;
    destination.taken--;
    destination.movedAt = performance.now();
    if (this.hasRoom(destination)) destination.line.shift()?.();
    if (destination.taken === 0) this.destinations.delete(key);
  }

  /** For how long none of a destination's slots has moved. */
  stillMs(key: string): number {
    const destination = this.destinations.get(key);
    return destination === undefined ? 0 : performance.now() - destination.movedAt;
  }

  /** A destination that has to wait holds a slot already, so it stays known until its line is empty. */
  private wait(destination: Destination, stuckMs: number): Promise<boolean> {
    const stuckForMs = performance.now() - destination.movedAt;
    if (stuckForMs >= stuckMs) return Promise.resolve(false);
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout;
      const called = (): void => {
        clearTimeout(timer);
        this.hold(destination);
        resolve(true);
      };
      const look = (): void => {
        const stillMs = performance.now() - destination.movedAt;
        if (stillMs < stuckMs) {
          timer = setTimeout(look, stuckMs - stillMs);
          return;
        }
        destination.line.splice(destination.line.indexOf(called), 1);
        resolve(false);
      };
      timer = setTimeout(look, stuckMs - stuckForMs);
      destination.line.push(called);
    });
  }

  private hold(destination: Destination): void {
    destination.taken++;
    destination.movedAt = performance.now();
  }

  private hasRoom({ taken }: Destination): boolean {
    const atWork = this.destinations.size + (taken === 0 ? 1 : 0);
    return taken < Math.max(1, Math.floor(this.total / (atWork + 1)));
  }
}

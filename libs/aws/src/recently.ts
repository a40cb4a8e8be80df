/** What happened a moment ago. The oldest are forgotten first, so that it cannot grow. */
export class Recently {
  private readonly atMs = new Map<string, number>();

  constructor(
    private readonly keptMs: number,
    private readonly keysMax: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  note(key: string): void {
    this.atMs.delete(key); // and back in below, as the newest
    for (const [oldest, atMs] of this.atMs) {
      if (this.atMs.size < this.keysMax && this.nowMs() - atMs < this.keptMs) break;
      this.atMs.delete(oldest);
    }
    this.atMs.set(key, this.nowMs());
  }

  has(key: string): boolean {
    const atMs = this.atMs.get(key);
    return atMs !== undefined && this.nowMs() - atMs < this.keptMs;
  }

  forget(key: string): void {
    this.atMs.delete(key);
  }
}

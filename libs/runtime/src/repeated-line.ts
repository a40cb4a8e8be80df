/**
 * A log line for what happens to thousands at the same moment: the first at once, and then one an interval, with how many there were.
 * Those of the last interval before the process ends stay untold.
 */
export class RepeatedLine<T> {
  private times = 0;
  private latest: T | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    /** @param latest of those that are told together */
    private readonly tell: (times: number, latest: T) => void,
    private readonly intervalMs: number,
  ) {}

  add(what: T): void {
    if (this.timer === undefined) {
      this.tell(1, what);
      this.wait();
      return;
    }
    this.times++;
    this.latest = what;
  }

  private wait(): void {
    this.timer = setTimeout(() => {
      this.timer = undefined;
      const { times, latest } = this;
      if (times === 0) return;
      this.times = 0;
      this.latest = undefined;
      this.tell(times, latest as T);
      this.wait();
    }, this.intervalMs);
    this.timer.unref();
  }
}

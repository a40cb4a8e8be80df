/** Something to be committed together with others. */
interface Waiting<T, R> {
  item: T;
  bytes: number;
  done: (outcome: R) => void;
  failed: (error: unknown) => void;
}

/** What an item of so many bytes adds to the group that the items before it make. */
export type Weigh<T> = (item: T, bytes: number) => number;

interface GroupCommitOptions<T, R> {
  /** Resolves when the items are committed, with what became of each: an error, if it is not though others are. */
  commit: (items: T[]) => Promise<(item: T) => R | Error>;
  /** How long the first of a group waits for company while nothing is under way. */
  lingerMs: number;
  /** A group is committed at once when it holds this much. */
  groupBytesMax: number;
  /** Says what each next item adds to a group, where items share some of their bytes. */
  weigher?: () => Weigh<T>;
  /** More than this waiting or under way, and adding is refused: memory is bounded even when Redis is slow. */
  pendingBytesMax: number;
  /** How many commits may be under way at once. */
  concurrency: number;
  /**
   * Whether a commit that failed so would fail for everybody: who waits behind it would only wait as long again. Not asked if another
   * one was committed meanwhile.
   */
  isHopeless?: (error: unknown) => boolean;
}

/** Thrown by `add` when too much is pending; nothing of the item was taken. */
export class TooMuchPending extends Error {
  override readonly name = 'TooMuchPending';
}

/**
 * Commits what arrives at the same time together: one round trip to Redis for many requests.
 *
 * While commits are under way the next group gathers, so groups grow with the load by themselves and the linger only matters when
 * there is little to do. An item is never split between two groups: a request is committed whole or not at all.
 */
export class GroupCommit<T, R = void> {
  private waiting: Waiting<T, R>[] = [];
  private waitingBytes = 0;
  private weigh: Weigh<T>;
  private pendingBytes = 0;
  private underWay = 0;
  /** How many groups were. */
  private committed = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: GroupCommitOptions<T, R>) {
    this.weigh = this.newWeigher();
  }

  private newWeigher(): Weigh<T> {
    return this.options.weigher?.() ?? ((_, bytes) => bytes);
  }

  /** Resolves when the item is committed; rejects with the commit's error. */
  add(item: T, bytes: number): Promise<R> {
    if (this.pendingBytes > 0 && this.pendingBytes + bytes > this.options.pendingBytesMax) {
      return Promise.reject(new TooMuchPending());
    }
    this.pendingBytes += bytes;
    this.waitingBytes += this.weigh(item, bytes);
    const committed = new Promise<R>((done, failed) =>
      this.waiting.push({ item, bytes, done, failed }),
    );
    if (this.waitingBytes >= this.options.groupBytesMax) this.flush();
    else if (this.underWay === 0)
      this.timer ??= setTimeout(() => this.flush(), this.options.lingerMs);
    return committed;
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.waiting.length === 0 || this.underWay >= this.options.concurrency) return;
    void this.run(this.takeGroup());
  }

  private async run(group: Waiting<T, R>[]): Promise<void> {
    this.underWay++;
    const committedBefore = this.committed;
    let tell: (waiting: Waiting<T, R>) => void;
    try {
      const outcomeOf = await this.options.commit(group.map(({ item }) => item));
      this.committed++;
      tell = ({ item, done, failed }) => {
        const outcome = outcomeOf(item);
        if (outcome instanceof Error) failed(outcome);
        else done(outcome);
      };
    } catch (error) {
      tell = ({ failed }) => failed(error);
      if (this.committed === committedBefore && this.options.isHopeless?.(error) === true)
        group = group.concat(this.take(this.waiting.length));
    }
    this.underWay--;
    for (const { bytes } of group) this.pendingBytes -= bytes;
    group.forEach(tell);
    this.flush();
  }

  /** As many items as fit a group, at least one, oldest first. */
  private takeGroup(): Waiting<T, R>[] {
    const weigh = this.newWeigher();
    let bytes = 0;
    let count = 0;
    for (const next of this.waiting) {
      bytes += weigh(next.item, next.bytes);
      if (count > 0 && bytes > this.options.groupBytesMax) break;
      count++;
    }
    return this.take(count);
  }

  private take(count: number): Waiting<T, R>[] {
    const taken = this.waiting.splice(0, count);
    this.weigh = this.newWeigher();
    this.waitingBytes = this.waiting.reduce(
      (sum, left) => sum + this.weigh(left.item, left.bytes),
      0,
    );
    return taken;
  }
}

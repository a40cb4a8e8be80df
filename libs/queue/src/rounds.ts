interface RoundsParts {
  /** How long it is until the first round, and until each other one, unless the one before says otherwise. */
  everyMs: number;
  /** @returns how long it is until the next one, if that is another time than usual */
  round: () => Promise<number | undefined | void>;
  onError: (error: unknown) => void;
}

/** Does something again and again, and never twice at once, until it is stopped. What goes wrong is told, and ends nothing. */
export class Rounds {
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(private readonly parts: RoundsParts) {
    this.schedule(parts.everyMs);
  }

  /** A round that is under way goes on; what goes wrong with it is not told, since what it needs may be closed by then. */
  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private schedule(delayMs: number): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => void this.next().then((ms) => this.schedule(ms)), delayMs);
  }

  private async next(): Promise<number> {
    const { everyMs, round, onError } = this.parts;
    try {
      return (await round()) ?? everyMs;
    } catch (error) {
      if (!this.isStopped) onError(error);
      return everyMs;
    }
  }
}

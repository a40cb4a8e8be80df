import type { Append, AppendOutcome } from '@logferry/queue';
import type { Appender } from './accept-log-events';

/** Thrown when Redis has taken an append, and nobody knows whether it is on a disk. */
export class NotDurable extends Error {
  override readonly name = 'NotDurable';
}

/** Appends, and is done only if Redis keeps it as it has to. */
export class DurableAppender implements Appender {
  constructor(
    private readonly appender: Appender,
    private readonly watch: { readonly keepsWhatItTook: boolean },
  ) {}

  async append(append: Append, bytes: number): Promise<AppendOutcome> {
    const outcome = await this.appender.append(append, bytes);
    // Asked afterwards: after a failover, the one that took it may be one that nobody has looked at yet.
    if (!this.watch.keepsWhatItTook) throw new NotDurable('Redis was lost meanwhile');
    return outcome;
  }
}

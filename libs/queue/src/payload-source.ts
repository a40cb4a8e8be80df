import type { BatchPayload } from './payload';

/** The log events of a batch that lie in Redis until they are asked for. */
export class PayloadSource {
  private loaded: Promise<BatchPayload> | undefined;

  constructor(private readonly read: () => Promise<BatchPayload>) {}

  /**
   * All of them in memory; the same ones however often it is asked.
   *
   * @throws UnreadableBatch, BatchSettled
   */
  load(): Promise<BatchPayload> {
    this.loaded ??= this.read();
    return this.loaded;
  }
}

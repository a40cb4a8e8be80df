import type { BatchPayload } from './payload';

/** The log events of a batch that lie in Redis until they are asked for. */
export class PayloadSource {
  private loaded: Promise<BatchPayload> | undefined;

  constructor(
    private readonly read: () => Promise<BatchPayload>,
    private readonly open: () => AsyncIterable<Buffer> = () => wholeOf(this.load()),
  ) {}

  /**
   * All of them in memory; the same ones however often it is asked.
   *
   * @throws UnreadableBatch, BatchSettled
   */
  load(): Promise<BatchPayload> {
    this.loaded ??= this.read();
    return this.loaded;
  }

  /**
   * All of them as text, each with a newline behind it, read bit by bit; anew each time it is asked. They are in order of time, as
   * long as those that overlap fit into a bounded memory.
   *
   * @throws UnreadableBatch, BatchSettled when it is read
   */
  stream(): AsyncIterable<Buffer> {
    return this.open();
  }
}

async function* wholeOf(payload: Promise<BatchPayload>): AsyncGenerator<Buffer, void, void> {
  yield (await payload).body('', '\n');
}

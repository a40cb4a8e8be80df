import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Answer } from './answer';
import type { FaultedExchange } from './faults';

/** One request and its answer on the wire, and what a fault may do to them. */
export class Exchange implements FaultedExchange {
  readonly requestId = randomUUID();
  readonly closed: AbortSignal;
  private isAnswerLost = false;
  private answerDelayMs = 0;

  constructor(
    readonly message: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly nowMs: () => number,
  ) {
    const closed = new AbortController();
    this.closed = closed.signal;
    response.once('close', () => {
      // A reason of its own spares every request the making of an exception.
      closed.abort('closed');
    });
  }

  loseAnswer(): void {
    this.isAnswerLost = true;
  }

  delayAnswer(byMs: number): void {
    this.answerDelayMs += byMs;
  }

  /** The client finds its connection reset, with nothing said. */
  reset(): void {
    this.message.socket.resetAndDestroy();
  }

  drop(): void {
    this.message.socket.destroy();
  }

  async send(answer: Answer): Promise<void> {
    if (this.answerDelayMs > 0)
      await delay(this.answerDelayMs, undefined, { signal: this.closed }).catch(() => undefined);
    if (this.closed.aborted) return;
    if (this.isAnswerLost) {
      this.drop();
      return;
    }
    const body = Buffer.isBuffer(answer.body) ? answer.body : Buffer.from(answer.body, 'utf8');
    // The date is the sandbox's own: clients correct their clocks by it, as they do by AWS's.
    this.response.sendDate = false;
    this.response.writeHead(answer.httpStatus, {
      date: new Date(this.nowMs()).toUTCString(),
      'content-length': String(body.length),
      ...answer.headers,
    });
    this.response.end(this.message.method === 'HEAD' ? undefined : body);
  }
}

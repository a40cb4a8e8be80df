import {
  readCorrection,
  type Corrected,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetters,
  type Redriven,
} from '@logferry/queue';
import { RequestProblem } from '@logferry/runtime';
import type { DiscardedManyView, RedrivenManyView } from './dead-letter-view';
import { walkCursor, type WalkPlace, type WalkRequest } from './dead-letter-request';

/** One answer within what people and proxies wait; the cursor goes on from there. */
const WALK_MS = 10_000;

/** What may be done with dead letters, one or many, by the API and by the pages alike. */
export class DeadLetterDesk {
  constructor(
    readonly deadLetters: DeadLetters,
    private readonly readOnly: boolean,
  ) {}

  /** @throws RequestProblem if there is no such dead letter */
  async find(id: string): Promise<DeadLetter> {
    const found = await this.deadLetters.find(id);
    if (found === undefined) throw unknown();
    return found;
  }

  /** @throws RequestProblem */
  async redrive(id: string): Promise<Redriven> {
    this.mayWrite();
    const outcome = await this.deadLetters.redrive(await this.find(id));
    if (outcome === 'gone') throw unknown();
    if (outcome === 'busy') throw busy();
    return outcome;
  }

  async redriveAll({
    filter,
    from,
  }: Pick<WalkRequest, 'filter' | 'from'>): Promise<RedrivenManyView> {
    this.mayWrite();
    const { untilMs, after } = await this.start(from);
    const { tally, next } = await this.deadLetters.redriveAll(filter, {
      untilMs,
      after,
      deadlineMs: Date.now() + WALK_MS,
    });
    const { redriven, queued, busy: inHand } = tally;
    return { redriven, queued, busy: inHand, cursor: cursorAt(next, untilMs) };
  }

  /** @throws RequestProblem */
  async discard(id: string): Promise<void> {
    this.mayWrite();
    if (!(await this.deadLetters.discard(await this.find(id)))) throw notDead();
  }

  /**
   * Discards what matches, if whoever asks knows how much that is: a filter with a slip in it matches more than was meant.
   *
   * @throws RequestProblem
   */
  async discardAll({ filter, confirm, from }: WalkRequest): Promise<DiscardedManyView> {
    this.mayWrite();
    const { untilMs, after } = await this.start(from);
    if (from === undefined) await this.checkConfirmed(filter, untilMs, confirm);
    const { tally, next } = await this.deadLetters.discardAll(filter, {
      untilMs,
      after,
      deadlineMs: Date.now() + WALK_MS,
    });
    const { batches, logEvents } = tally;
    return { discarded: batches, logEvents, cursor: cursorAt(next, untilMs) };
  }

  private async checkConfirmed(
    filter: DeadLetterFilter,
    untilMs: number,
    confirm: number | undefined,
  ): Promise<void> {
    const toMs = Math.min(filter.toMs ?? untilMs, untilMs);
    const { batches, logEvents } = await this.deadLetters.count({ ...filter, toMs });
    if (confirm === batches) return;
    throw new RequestProblem(
      409,
      'dead_letter.confirm_needed',
      `${batches} dead letters of ${logEvents} log events match, and would be deleted for good; confirm must be ${batches}`,
    );
  }

  /**
   * Puts corrected log events in the place of a dead letter's.
   *
   * @throws RequestProblem
   */
  async correct(id: string, text: string): Promise<DeadLetter> {
    this.mayWrite();
    const deadLetter = await this.find(id);
    const correction = readCorrection(deadLetter, text, Date.now());
    if (correction.kind === 'problem')
      throw new RequestProblem(422, 'dead_letter.invalid_correction', correction.message);
    const outcome = await this.deadLetters.correct(deadLetter, correction.chunks);
    if (outcome !== 'corrected') throw notCorrected(outcome);
    return this.find(id);
  }

  private async start(
    from: WalkPlace | undefined,
  ): Promise<Partial<WalkPlace> & { untilMs: number }> {
    return from ?? { untilMs: await this.deadLetters.nowMs() };
  }

  private mayWrite(): void {
    if (!this.readOnly) return;
    throw new RequestProblem(405, 'console.read_only', 'this console only shows');
  }
}

function cursorAt(next: WalkPlace['after'] | undefined, untilMs: number): string | null {
  return next === undefined ? null : walkCursor({ untilMs, after: next });
}

function unknown(): RequestProblem {
  return new RequestProblem(
    404,
    'dead_letter.unknown',
    'there is no such dead letter: it was redriven, discarded, or never was',
  );
}

function busy(): RequestProblem {
  return new RequestProblem(
    409,
    'dead_letter.busy',
    'a worker has it in its hands at this moment; ask again in a few seconds',
    { 'retry-after': '5' },
  );
}

function notDead(): RequestProblem {
  return new RequestProblem(
    409,
    'dead_letter.redriven',
    'it is no dead letter any more: a worker has taken it back',
  );
}

function notCorrected(outcome: Exclude<Corrected, 'corrected'>): RequestProblem {
  switch (outcome) {
    case 'gone':
      return unknown();
    case 'waiting':
      return notDead();
    case 'count':
      return new RequestProblem(
        422,
        'dead_letter.invalid_correction',
        'the dead letter has another number of log events',
      );
    case 'maybe_written':
      return new RequestProblem(
        409,
        'dead_letter.maybe_written',
        'an object with its log events may lie in the bucket already: redrive it as it is, or discard it',
      );
  }
}

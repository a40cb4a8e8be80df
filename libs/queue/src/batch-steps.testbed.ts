// The steps that random programs of the batch protocol are made of: what ingest, the workers and people do, and where they may die.
import type { Lane } from '@logferry/core';
import { aLogEvent } from '@logferry/testing';
import fc from 'fast-check';
import type { Batch } from './batch';
import {
  aLane,
  checkEverything,
  idOf,
  lanes,
  nameOf,
  NOW_MS,
  readAll,
  type Held,
  type Model,
  type Real,
} from './batch-protocol.testbed';
import type { Keeping } from './batch-store';
import { jobData } from './catalog';
import { buildChunks } from './chunk';
import { encodeFragment } from './fragment';
import { liveKey } from './keys';
import type { BatchPayload } from './payload';
import { addJobs, newBatchId } from './producer';
import { sweepPage } from './sweep';

export type Step = fc.AsyncCommand<Model, Real>;

/** Log events arrive for some lanes; the process may die before it has given new batches their jobs. */
export class AppendStep implements Step {
  constructor(
    private readonly events: readonly { lane: number; offsetMs: number; chars: number }[],
    private readonly crash: boolean,
  ) {}
  check = () => true;
  toString = () => `append(${JSON.stringify(this.events)}${this.crash ? ', crash' : ''})`;

  async run(model: Model, real: Real): Promise<void> {
    const byLane = new Map<Lane, ReturnType<typeof encodeFragment>[]>();
    for (const { lane: n, offsetMs, chars } of this.events) {
      const lane = lanes[n] ?? aLane(0);
      const id = `e${model.nextId++}`;
      model.accepted.set(id, lane);
      const fragment = encodeFragment(
        lane,
        aLogEvent({ timeMs: NOW_MS + offsetMs, message: `${id} ${'x'.repeat(chars)}` }),
      );
      byLane.set(lane, [...(byLane.get(lane) ?? []), fragment]);
    }
    const lanesOfFlush = [...byLane].map(([lane, fragments]) => ({
      lane,
      chunks: buildChunks(lane, fragments),
    }));
    const { changes } = await real.store.append({
      id: newBatchId(),
      sections: [{ lanes: lanesOfFlush, filteredByTenant: new Map() }],
    });
    if (!this.crash) {
      const opened = changes.filter(({ change }) => change === 'opened');
      await addJobs(
        real.queue,
        opened.map(({ batchId, lane, tenantBatches }) => ({
          batchId,
          data: jobData(lane),
          delayMs: lane.lingerMs,
          tenantBatches,
        })),
      );
    }
    await checkEverything(model, real);
  }
}

export type Outcome =
  | 'delivered'
  | 'some refused'
  | 'all refused'
  | 'dead'
  | 'suspended'
  | 'strike'
  | 'crash before put'
  | 'crash after put';

/** A worker takes a job, maybe one that is done or that another worker still believes to hold, and then time passes. */
export class BeginStep implements Step {
  constructor(private readonly pick: number) {}
  check = () => true;
  toString = () => `begin(${this.pick})`;

  async run(model: Model, real: Real): Promise<void> {
    const jobs = (await real.queue.getJobs()).map((job) => job.id ?? '');
    const known = [...jobs, ...real.finished];
    const batchId = known[this.pick % Math.max(known.length, 1)];
    if (batchId !== undefined) await begin(batchId, real);
    await checkEverything(model, real);
  }
}

async function begin(batchId: string, real: Real): Promise<void> {
  const { redis: client, queue: jobs } = real;
  // A job that had failed comes to a worker only since somebody retried it.
  if ((await client.zrem(jobs.toKey('failed'), batchId)) === 1)
    await client.zadd(jobs.toKey('prioritized'), 1, batchId);
  const begun = await real.store.begin(batchId);
  if (begun === undefined) await finish(batchId, real);
  else if (begun.verdict === 'park') await failJob(batchId, real);
  else if (begun.verdict === 'go' || begun.verdict === 'probe') {
    const isProbe = begun.verdict === 'probe';
    real.held.push({ batch: begun.batch, payload: await begun.payload.load(), isProbe });
  }
}

async function failJob(batchId: string, { redis: client, queue: jobs }: Real): Promise<void> {
  if ((await jobs.getJob(batchId)) === undefined) return;
  for (const set of ['delayed', 'prioritized']) await client.zrem(jobs.toKey(set), batchId);
  await client.zadd(jobs.toKey('failed'), Date.now(), batchId);
}

async function finish(batchId: string, real: Real): Promise<void> {
  await real.queue.remove(batchId);
  real.finished.push(batchId);
}

/** A worker that began a batch some time ago goes on with it, or dies. */
export class EndStep implements Step {
  constructor(
    private readonly pick: number,
    private readonly outcome: Outcome,
    private readonly crashBeforeJobIsDone: boolean,
  ) {}
  check = (model: Readonly<Model>) => model.accepted.size > 0;
  toString = () =>
    `end(${this.pick}, ${this.outcome}${this.crashBeforeJobIsDone ? ', crash' : ''})`;

  async run(model: Model, real: Real): Promise<void> {
    const [held] = real.held.splice(this.pick % Math.max(real.held.length, 1), 1);
    if (held !== undefined && this.outcome !== 'crash before put')
      await this.end(held, model, real);
    await checkEverything(model, real);
  }

  private async end({ batch, payload, isProbe }: Held, model: Model, real: Real): Promise<void> {
    if (this.outcome === 'suspended' || this.outcome === 'strike') {
      const code = 'cloudwatch.access_denied';
      await real.holds.fail(batch.id, { code, countsAttempt: true, says: this.outcome, isProbe });
      return;
    }
    if (this.outcome === 'dead') {
      await real.store.deadLetter(batch.id, 'cloudwatch.unavailable');
      if (!this.crashBeforeJobIsDone) await failJob(batch.id, real);
      return;
    }
    const refused =
      this.outcome === 'all refused' ? batch.logEvents : this.outcome === 'some refused' ? 1 : 0;
    if (refused < batch.logEvents) {
      const sent = payload.slice(refused, batch.logEvents).text.toString();
      for (const id of sent.split(',\n').map((event) => nameOf(idOf(event), batch.replay?.id)))
        model.sink.set(id, (model.sink.get(id) ?? 0) + 1);
    }
    if (this.outcome === 'crash after put') {
      model.repeatsMax += batch.logEvents;
      return;
    }
    const slices = refused === 0 ? [] : [payload.slice(0, refused)];
    const settled = await real.store.settle(batch, {
      keep: this.keeping(batch, payload, refused),
      rejected: slices.map((slice) => ({
        code: 'cloudwatch.log_event_too_old',
        batchId: newBatchId(),
        slice,
      })),
    });
    if (!settled) model.repeatsMax += batch.logEvents; // another worker had been quicker
    if (!this.crashBeforeJobIsDone) await finish(batch.id, real);
  }

  /** One of the two destinations keeps a few batches. */
  private keeping(batch: Batch, payload: BatchPayload, refused: number): Keeping | undefined {
    const { destinationId, replay, logEvents } = batch;
    if (destinationId !== 'd0' || replay !== undefined || refused === logEvents) return undefined;
    const slice =
      refused === 0 ? undefined : payload.without([{ from: 0, to: refused }], logEvents);
    return { bytesMax: 5_000, tenantBytesMax: 1e9, isEvent: false, slice };
  }
}

/** BullMQ fails a job by itself, since its workers died too often; nobody had a hand in it, and its batch may still be open. */
export class GiveUpStep implements Step {
  constructor(private readonly pick: number) {}
  check = () => true;
  toString = () => `giveUp(${this.pick})`;

  async run(model: Model, real: Real): Promise<void> {
    const jobs = await real.queue.getJobs();
    const job = jobs[this.pick % Math.max(jobs.length, 1)];
    if (job?.id !== undefined) await failJob(job.id, real);
    await checkEverything(model, real);
  }
}

/** Somebody sends a dead letter back; a worker may take it up, or another may be at it. */
export class RedriveStep implements Step {
  constructor(private readonly pick: number) {}
  check = () => true;
  toString = () => `redrive(${this.pick})`;

  async run(model: Model, real: Real): Promise<void> {
    const ids = await real.redis.zrange(liveKey(0, 'cloudwatch'), '0', '-1');
    const batchId = ids[this.pick % Math.max(ids.length, 1)];
    if (batchId !== undefined) await real.deadLetters.redrive([batchId]);
    await checkEverything(model, real);
  }
}

/** Somebody, or its age or size, deletes a dead letter; who did may die before its job is removed. */
export class DiscardStep implements Step {
  constructor(
    private readonly pick: number,
    private readonly how: 'by hand' | 'by age' | 'by size',
    private readonly crash: boolean,
  ) {}
  check = () => true;
  toString = () => `discard(${this.pick}, ${this.how}${this.crash ? ', crash' : ''})`;

  async run(model: Model, real: Real): Promise<void> {
    const before = await readAll(real);
    const ids = before.map(({ id }) => id);
    const batchId = ids[this.pick % Math.max(ids.length, 1)];
    const most = this.pick % 3;
    if (this.how === 'by hand' && batchId !== undefined) await real.deadLetters.discard([batchId]);
    if (this.how === 'by age') await real.deadLetters.expireByAge(0, most);
    if (this.how === 'by size') await real.deadLetters.expireBySize('acme', 2_500 * most, 100);
    const left = new Set((await readAll(real)).map(({ id }) => id));
    for (const { id, state, ids: events } of before) {
      if (left.has(id)) continue;
      expect(['dead', 'refused']).toContain(state);
      events.forEach((event) => model.discarded.add(event));
    }
    if (!this.crash) {
      await real.deadLetters.removeJobs();
      const jobs = (await real.queue.getJobs()).map(({ id }) => id);
      for (const { id } of before) if (!left.has(id)) expect(jobs).not.toContain(id);
    }
    await checkEverything(model, real);
  }
}

/** Somebody corrects the log events of a batch: of a dead letter, and with as many as there were, or nothing happens. */
export class CorrectStep implements Step {
  constructor(
    private readonly pick: number,
    private readonly more: number,
  ) {}
  check = () => true;
  toString = () => `correct(${this.pick}, ${this.more})`;

  async run(model: Model, real: Real): Promise<void> {
    const stored = await readAll(real);
    const batch = stored[this.pick % Math.max(stored.length, 1)];
    if (batch !== undefined) {
      const lane = lanes.find(({ id }) => id === batch.lane) ?? aLane(0);
      const events = [...batch.ids, ...batch.ids].slice(0, batch.ids.length + this.more);
      const fragments = events.map((id, i) =>
        encodeFragment(lane, aLogEvent({ timeMs: NOW_MS + i, message: `${id} mended` })),
      );
      const dead = batch.state === 'dead' || batch.state === 'refused';
      const expected = !dead ? 'waiting' : this.more === 0 ? 'corrected' : 'count';
      const chunks = buildChunks(lane, fragments);
      expect(await real.deadLetters.correct(batch.id, chunks)).toBe(expected);
    }
    await checkEverything(model, real);
  }
}

/** A worker looks after what was put aside: it is time for a probe, or what waited longest has waited long enough. */
export class TendStep implements Step {
  constructor(private readonly expires: boolean) {}
  check = () => true;
  toString = () => `tend(${this.expires ? 'expires' : ''})`;

  async run(model: Model, real: Real): Promise<void> {
    for (const destinationId of ['d0', 'd1'])
      await real.holds.probeNow('cloudwatch', `acme/${destinationId}`);
    const { released, expired } = await real.holds.tend(
      'cloudwatch',
      this.expires ? -1_000 : Infinity,
      this.expires ? 0 : Infinity,
    );
    await real.holds.release(released);
    for (const { batchId, code } of expired) {
      expect(await real.store.deadLetter(batchId, code, true)).toBe(true);
      expect(await real.store.begin(batchId)).toMatchObject({ verdict: 'park' });
      await failJob(batchId, real);
    }
    await checkEverything(model, real);
  }
}

/** The sweep finds what has no job, and what BullMQ gave up. */
export class SweepStep implements Step {
  check = () => true;
  toString = () => 'sweep()';
  async run(model: Model, real: Real): Promise<void> {
    await sweepAll(real);
    const jobs = new Set((await real.queue.getJobs()).map((job) => job.id));
    for (const id of await real.redis.zrange(liveKey(0, 'cloudwatch'), '0', '-1'))
      expect(jobs).toContain(id);
    await checkEverything(model, real);
  }
}

/** Healthy workers take whatever has a job, and AWS takes all of it. */
export class DeliverStep implements Step {
  check = (model: Readonly<Model>) => model.accepted.size > 0;
  toString = () => 'deliver()';

  async run(model: Model, real: Real): Promise<void> {
    for (const job of await real.queue.getJobs()) await begin(job.id ?? '', real);
    while (real.held.length > 0) await new EndStep(0, 'delivered', false).run(model, real);
  }
}

export async function sweepAll(real: Real): Promise<void> {
  let cursor = '0';
  do {
    ({ cursor } = await sweepPage(real.store, real.queue, {
      sink: 'cloudwatch',
      cursor,
      ageMsMin: -1_000,
    }));
  } while (cursor !== '0');
}

/** A log event of some lane. */
const anEvent = fc.record({ lane: fc.nat(2), offsetMs: fc.nat(2_500), chars: fc.nat(40) });

export const anAppend: fc.Arbitrary<Step> = fc
  .tuple(fc.array(anEvent, { minLength: 1, maxLength: 12 }), fc.boolean())
  .map(([events, crash]) => new AppendStep(events, crash));

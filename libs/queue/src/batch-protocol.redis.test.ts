// Goal: no interleaving of appends, deliveries, crashes and repetitions loses a log event, counts one twice or passes a limit.
// Method: random programs of atomic steps against a real Redis and real BullMQ queues; a crash is a program that stops between two
// steps. After every step everything in Redis is read and counted again, and compared with what the ledger says and with what was
// put in. What may be asserted: the ledger's law, each log event's whereabouts, the limits of every batch.
import fc from 'fast-check';
import { BatchPrograms } from './batch-programs.testbed';
import { checkEverything } from './batch-protocol.testbed';
import {
  anAppend,
  BeginStep,
  CorrectStep,
  DiscardStep,
  EndStep,
  GiveUpStep,
  RedriveStep,
  SweepStep,
  TendStep,
  type Outcome,
  type Step,
} from './batch-steps.testbed';
import { joblessKey } from './keys';

const programs = new BatchPrograms();
beforeAll(() => programs.start());
afterAll(() => programs.stop());

const discards = fc
  .tuple(fc.nat(1_000), fc.constantFrom('by hand', 'by age', 'by size'), fc.boolean())
  .map(([pick, how, crash]) => new DiscardStep(pick, how, crash));
const steps: fc.Arbitrary<Step>[] = [
  anAppend,
  fc.nat(1_000).map((pick) => new BeginStep(pick)),
  fc
    .tuple(
      fc.nat(1_000),
      fc.constantFrom<Outcome>(
        'delivered',
        'delivered',
        'some refused',
        'all refused',
        'dead',
        'suspended',
        'strike',
        'strike',
        'crash before put',
        'crash after put',
      ),
      fc.boolean(),
    )
    .map(([pick, outcome, crash]) => new EndStep(pick, outcome, crash)),
  fc.nat(1_000).map((pick) => new GiveUpStep(pick)),
  fc.nat(1_000).map((pick) => new RedriveStep(pick)),
  discards,
  discards, // twice, since dead letters are rare
  fc.tuple(fc.nat(1_000), fc.nat(1)).map(([pick, more]) => new CorrectStep(pick, more)),
  fc.constant(new SweepStep()),
  fc.boolean().map((expires) => new TendStep(expires)),
];

test('whatever the interleaving, every log event is in one place, counted once, and within the limits', async () => {
  const seen = { delivered: 0, discarded: 0 };
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 40, size: 'large' }), async (program) => {
      const { model, real } = await programs.fresh();
      await fc.asyncModelRun(() => ({ model, real }), program);

      // However the program ended: after a sweep and healthy workers nothing waits, and nothing is missing.
      real.held = [];
      await programs.settleDown(model, real, 30);
      seen.delivered += model.accepted.size;
      for (const id of model.accepted.keys())
        if (!model.discarded.has(id)) expect(model.sink.get(id) ?? 0).toBeGreaterThan(0);
      const { store, deadLetters, queue, redis } = real;
      expect((await store.totals()).delivered).toBe(model.accepted.size - model.discarded.size);
      await deadLetters.removeJobs();
      await checkEverything(model, real);
      expect(await redis.smembers(joblessKey(0, 'cloudwatch'))).toEqual([]);
      expect(await queue.getJobs()).toEqual([]);
      seen.discarded += model.discarded.size;
    }),
    { numRuns: 80 },
  );
  expect(seen.delivered).toBeGreaterThan(300); // the programs did something
  expect(seen.discarded).toBeGreaterThan(0);
}, 300_000);

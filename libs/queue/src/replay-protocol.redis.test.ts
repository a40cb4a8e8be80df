// Goal: whoever dies, and whatever is given up meanwhile, a replay accepts each kept batch anew once, and the ledger balances.
// Method: as for the batch protocol itself, with programs in which much is delivered and kept.
import fc from 'fast-check';
import { BatchPrograms } from './batch-programs.testbed';
import {
  anAppend,
  BeginStep,
  DeliverStep,
  EndStep,
  SweepStep,
  type Outcome,
  type Step,
} from './batch-steps.testbed';
import {
  BeginReplayStep,
  checkReplays,
  replaySteps,
  TakeReplaysStep,
} from './replay-steps.testbed';

const programs = new BatchPrograms();
beforeAll(() => programs.start());
afterAll(() => programs.stop());

const outcomes: Outcome[] = ['delivered', 'some refused', 'dead', 'strike', 'crash after put'];
const steps: fc.Arbitrary<Step>[] = [
  anAppend,
  anAppend,
  fc.constant(new DeliverStep()),
  fc.constant(new DeliverStep()),
  fc.nat(1_000).map((pick) => new BeginStep(pick)),
  fc
    .tuple(fc.nat(1_000), fc.constantFrom(...outcomes), fc.boolean())
    .map(([pick, outcome, crash]) => new EndStep(pick, outcome, crash)),
  fc.constant(new SweepStep()),
  ...replaySteps,
];

test('whatever the interleaving, each kept batch is replayed once, whole or not at all, and none is lost', async () => {
  let replayed = 0;
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 40, size: 'large' }), async (program) => {
      const { model, real } = await programs.fresh();
      await fc.asyncModelRun(() => ({ model, real }), program);
      real.held = [];
      await programs.settleDown(model, real, 3);
      await new BeginReplayStep().run(model, real);
      // What AWS refused goes on being refused until somebody redrives it; replays end all the same.
      for (let round = 0; round < 6; round++) {
        await new TakeReplaysStep(false).run(model, real);
        await programs.settleDown(model, real, 1);
      }
      replayed += await checkReplays(model, real);
    }),
    { numRuns: 25 },
  );
  expect(replayed).toBeGreaterThan(20); // a hundred, mostly
}, 300_000);

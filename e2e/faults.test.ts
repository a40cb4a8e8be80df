// Goal: nothing that was acknowledged is lost, whatever goes wrong. Method: e2e/faults/oracle.ts compares what producers were told with
// where every log event is, after each scenario. docs/DELIVERY.md, "What is tested", has the scenarios and what must hold.
// `npm run test:faults` runs the long form; what is drawn by chance is drawn from a seed, which is printed.
import { forms, type Form } from './faults/form';
import { stages } from './faults/stages';
import type { Outcome } from './faults/stage';

const form: Form = forms[process.env.LOGFERRY_FAULTS_FORM === 'long' ? 'long' : 'short'];
const seed = Number(process.env.LOGFERRY_FAULTS_SEED ?? Math.floor(Math.random() * 1_000_000));
const only = process.env.LOGFERRY_FAULTS_SCENARIO?.split(',');
const rounds = Number(process.env.LOGFERRY_FAULTS_ROUNDS ?? form.killRounds);

/** Waiting for locks and time-outs is most of what scenarios do, so that some can wait side by side. */
const LANES = 3;

const possible = stages.filter(({ lacks }) => lacks === undefined);
const impossible = stages.flatMap(({ lacks, scenarios: its }) =>
  lacks === undefined ? [] : its.map(({ name }) => [name, lacks] as const),
);
const scenarios = possible
  .flatMap((stage) => stage.scenarios)
  .filter(({ name }) => only?.includes(name) ?? true);
const outcomes = new Map(
  scenarios.map(({ name }) => [name, Promise.withResolvers<Outcome>()] as const),
);

function tell(name: string, outcome: Outcome): void {
  const mark = outcome.problems.length === 0 ? 'holds' : 'BROKEN';
  process.stderr.write(`faults: ${name} (seed ${seed}) ${mark}: ${outcome.summary}\n`);
  // At once, since the long form goes on for a while before Jest says so.
  for (const problem of outcome.problems)
    process.stderr.write(`faults: ${name}: ${problem.slice(0, 2_000)}\n`);
  outcomes.get(name)?.resolve(outcome);
}

let ended: Promise<unknown>;

beforeAll(() => {
  const waiting = [...possible];
  const plan = {
    seed,
    form: { ...form, killRounds: rounds },
    wanted: (name: string) => outcomes.has(name),
    tell,
  };
  const lane = async (): Promise<void> => {
    for (let stage = waiting.shift(); stage !== undefined; stage = waiting.shift()) {
      const { scenarios: its } = stage;
      await stage.run(plan).catch((error: unknown) => {
        for (const { name } of its)
          tell(name, { problems: [String(error)], summary: 'could not be run' });
      });
    }
  };
  ended = Promise.all(Array.from({ length: LANES }, lane));
});

afterAll(async () => {
  await ended;
}, 60_000);

test.each(scenarios.map(({ name, promise }) => [name, promise]))(
  '%s: %s',
  async (name) => {
    const outcome = await outcomes.get(name)?.promise;
    expect({ seed, problems: outcome?.problems }).toEqual({ seed, problems: [] });
  },
  form.name === 'short' ? 240_000 : 7_200_000,
);

if (impossible.length > 0)
  test.skip.each(impossible)('%s is skipped: this machine lacks %s', () => undefined);

// Runs scenarios one after another in one world, and has the oracle judge after each.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chance } from './chance';
import type { Form } from './form';
import { Load } from './load';
import { judge, tenantsWithout, type Allowance, type Verdict } from './oracle';
import type { Scenario } from './scenario';
import { SentLogEvents } from './sent-log-events';
import type { World, WorldRedis } from './world';

export interface Outcome {
  problems: string[];
  /** One line for whoever watches. */
  summary: string;
}

export interface RunPlan {
  seed: number;
  form: Form;
  /** Which scenarios of the stage run. */
  wanted: (scenario: string) => boolean;
  tell: (scenario: string, outcome: Outcome) => void;
}

/** Scenarios that share a kind of world. */
export interface Stage {
  scenarios: readonly { name: string; promise: string }[];
  /** What this machine lacks for it, if anything. */
  lacks: string | undefined;
  run(plan: RunPlan): Promise<void>;
}

export function stage<R extends WorldRedis>(
  startWorld: (seed: number) => Promise<World<R>>,
  scenarios: readonly Scenario<R>[],
  lacks?: string,
): Stage {
  return {
    scenarios,
    lacks,
    run: async ({ seed, form, wanted, tell }) => {
      let world: World<R> | undefined;
      let sent = new SentLogEvents();
      for (const scenario of scenarios) {
        if (!wanted(scenario.name)) continue;
        const run = new Run(scenario, form, new Chance(seed, scenario.name));
        try {
          if (world === undefined) sent = new SentLogEvents();
          world ??= await startWorld(seed);
          await run.play(world, sent);
        } catch (error) {
          run.problems.push(describe(error));
        }
        const outcome = run.outcome();
        // What is broken now must not be laid at the next one's door.
        if (outcome.problems.length > 0 || run.changesWhatIsPromised) {
          if (outcome.problems.length > 0) keepOutputs(scenario.name, world);
          await world?.stop();
          world = undefined;
        }
        tell(scenario.name, outcome);
      }
      await world?.stop();
    },
  };
}

/** One scenario in one world. */
class Run<R extends WorldRedis> {
  readonly problems: string[] = [];
  private readonly remarks: string[] = [];
  private readonly beganAt = Date.now();
  private allowance: Allowance | undefined;
  private verdict: Verdict | undefined;

  constructor(
    private readonly scenario: Scenario<R>,
    private readonly form: Form,
    private readonly chance: Chance,
  ) {}

  /** What it allowed to be lost stays lost, and would be laid at the next one's door. */
  get changesWhatIsPromised(): boolean {
    return this.allowance !== undefined;
  }

  async play(world: World<R>, sent: SentLogEvents): Promise<void> {
    const { scenario, form, chance } = this;
    const load = new Load({
      name: scenario.name,
      ingestUrls: world.of('ingest').map(({ url }) => url),
      chance: chance.for('load'),
      sent,
      pauseMsMax: form.pauseMsMax,
    });
    try {
      await load.more(form.between);
      await world.delivering();
      await scenario.run({
        world,
        load,
        sent,
        chance,
        form,
        check: (holds, otherwise) => {
          if (!holds) this.problems.push(otherwise);
        },
        remark: (text) => this.remarks.push(text),
        allow: (allowance) => (this.allowance = { ...this.allowance, ...allowance }),
      });
      await world.mend();
      await load.more(form.between);
    } catch (error) {
      this.problems.push(describe(error));
      await world.mend();
    } finally {
      await load.stop();
    }
    await world
      .settled({ haste: form.haste, timeoutMs: form.settleMs })
      .catch((error: unknown) => this.problems.push(describe(error)));
    this.verdict = await judge(world, sent, this.allowance);
    this.problems.push(...this.verdict.problems);
    const without = tenantsWithout(sent);
    if (without.length > 0) this.problems.push(`nothing was accepted for ${without.join(', ')}`);
  }

  outcome(): Outcome {
    const { problems, verdict, remarks } = this;
    const seconds = Math.round((Date.now() - this.beganAt) / 1_000);
    const counts =
      verdict === undefined
        ? []
        : [
            `${verdict.acknowledged} acknowledged`,
            `${verdict.delivered} delivered to both kinds of destinations`,
            ...(verdict.deadLettered > 0 ? [`${verdict.deadLettered} dead letters`] : []),
            `CloudWatch Logs has ${verdict.twice} twice, by ${verdict.repeatedCalls} calls put again`,
            ...(verdict.lost > 0 ? [`${verdict.lost} lost as allowed`] : []),
            ...(verdict.twiceInS3 > 0 ? [`${verdict.twiceInS3} twice in S3 as allowed`] : []),
          ];
    const summary = [...counts, ...remarks, `${seconds} s`].join('; ');
    return { problems, summary };
  }
}

/** What the processes have said, for whoever looks for the reason. */
function keepOutputs(scenario: string, world: World | undefined): void {
  const dir = mkdtempSync(join(tmpdir(), `logferry-${scenario}-`));
  for (const { name, output } of world?.members ?? [])
    writeFileSync(join(dir, `${name}.log`), output);
  process.stderr.write(`faults: what the processes of ${scenario} have said is in ${dir}\n`);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

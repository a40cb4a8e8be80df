import type { Trouble } from '../producer';
import type { Scenario } from '../scenario';

const DEADLINE_MS = 20_000;

/** What an upgrade does: each process is told to stop and started anew, one after another, under load. */
export const rollingRestarts: Scenario = {
  name: 'rolling-restarts',
  promise: 'a rolling restart loses nothing, doubles nothing and fails no request',
  async run({ world, load, chance, form, check, remark }) {
    const troublesBefore = load.troubles.length;
    const repeatsAllowed = world.cutOffs.length;
    let slowestMs = 0;
    const starts: { url: string; fromMs: number; toMs: number }[] = [];
    // So that there is always a call under way when a worker is told to stop.
    for (const service of ['logs', 's3'] as const)
      world.aws.addFault({ match: { service }, action: { kind: 'late-answer', forMs: 200 } });
    for (let round = 0; round < form.restartRounds; round++) {
      for (const member of chance.shuffled(world.members)) {
        const { code, tookMs, output } = await member.stop();
        slowestMs = Math.max(slowestMs, tookMs);
        check(code === 0, `${member.name} ended with ${code}: ${output.slice(-500)}`);
        check(tookMs < DEADLINE_MS, `${member.name} took ${tookMs} ms to stop`);
        await load.more(chance.between(1, 50));
        const fromMs = Date.now();
        await member.start();
        starts.push({ url: member.url, fromMs, toMs: Date.now() });
        await load.more(chance.between(1, form.between));
      }
    }
    const isStarting = ({ ingest, askedAt }: Trouble): boolean =>
      starts.some(
        ({ url, fromMs, toMs }) => url === ingest && askedAt >= fromMs && askedAt <= toMs,
      );
    // A process that has just begun to listen says 503 until it is ready; whoever spreads requests asks /health/ready before.
    const failed = load.troubles
      .slice(troublesBefore)
      .filter((trouble) => trouble.what !== 'ECONNREFUSED')
      .filter((trouble) => !(trouble.what.startsWith('503') && isStarting(trouble)));
    check(failed.length === 0, `requests failed: ${JSON.stringify(failed.slice(0, 5))}`);
    check(world.cutOffs.length === repeatsAllowed, 'nothing was cut off');
    remark(`the slowest stop took ${slowestMs} ms`);
  },
};

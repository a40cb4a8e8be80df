import { named, openSession, readArgs, type Command } from './command';
import type { ConsoleClient } from './console-client';

interface Failed {
  tenantId: string;
  kind: string;
  id: string;
  code: string;
}

interface Resealed {
  resealed: number;
  unchanged: number;
  failed: Failed[];
  cursor: string | null;
}

export const resealCommand: Command = {
  name: 'reseal',
  summary: "seals all stored secrets with the credential broker's newest key",
  help: `  npx logferry reseal

For a change of LOGFERRY_BROKER_SEALING_KEYS: put the new key in front of the old one at every broker, start them again, and run
this. When it says so, the old key may be taken out. What it has done it does not do again, so it may be run at any time.

Exit code: 0 if no secret needs an older key any more, 1 if one does.
`,
  async run(args) {
    const { values, positionals } = readArgs(args, {});
    named(positionals);
    const { terminal, console } = openSession(values);
    let resealed = 0;
    let walk = await walkAll(console);
    // Somebody may have written a record as it was a moment before; a walk that finds nothing more to do is the proof.
    while (walk.resealed > 0) {
      resealed += walk.resealed;
      terminal.note(`${resealed} secrets sealed anew …`);
      walk = await walkAll(console);
    }
    const { unchanged, failed } = walk;
    const mayGo = failed.length === 0;
    if (terminal.isJson) {
      terminal.json({ resealed, sealed: unchanged, failed, olderKeysMayGo: mayGo });
      return mayGo ? 0 : 1;
    }
    for (const { tenantId, kind, id, code } of failed)
      terminal.line(`${kind} ${id} of ${tenantId}: not sealed anew (${code})`);
    terminal.line(`${resealed} of ${unchanged + failed.length} secrets were sealed anew.`);
    terminal.line(
      mayGo
        ? 'The older keys may be taken out of LOGFERRY_BROKER_SEALING_KEYS.'
        : 'Keep the older keys: enter these secrets anew, or delete what they belong to, and run this again.',
    );
    return mayGo ? 0 : 1;
  },
};

async function walkAll(console: ConsoleClient): Promise<Omit<Resealed, 'cursor'>> {
  const sum = { resealed: 0, unchanged: 0, failed: [] as Failed[] };
  let cursor: string | undefined;
  do {
    const part = await console.post<Resealed>('/v1/reseal', { query: { cursor } });
    sum.resealed += part.resealed;
    sum.unchanged += part.unchanged;
    sum.failed.push(...part.failed);
    cursor = part.cursor ?? undefined;
  } while (cursor !== undefined);
  return sum;
}

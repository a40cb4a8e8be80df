import { setTimeout as delay } from 'node:timers/promises';
import { Misuse } from '../misuse';
import { assertWanted, named, openSession, readArgs, type Command } from './command';
import { path, type ConsoleClient } from './console-client';
import type { Terminal } from './terminal';

interface Replay {
  id: string;
  state: 'running' | 'done' | 'cancelled';
  by: string;
  from: string;
  to: string;
  createdAt: string;
  total: { batches: number; logEvents: number };
  replayed: { batches: number; logEvents: number };
  underWay: number;
  deadLettered: number;
}

interface Replays {
  kept: { batches: number; logEvents: number; bytes: number; since: string | null };
  replays: Replay[];
}

const EVERY_MS = 1_000;
const MIB = 1024 * 1024;

export const replayCommand: Command = {
  name: 'replay',
  summary: 'delivers again what a destination keeps of what was delivered',
  help: `  npx logferry replay TENANT DESTINATION
  npx logferry replay TENANT DESTINATION --from TIME [--to TIME] [--by time] [--mark] [--no-wait]
  npx logferry replay TENANT DESTINATION --watch REPLAY
  npx logferry replay TENANT DESTINATION --cancel REPLAY

Without a time it tells what is kept, since when, and which replays there were. With one it asks, and delivers again whole batches,
oldest first, behind everything that is live: their log events are in the customer's account once more. Progress is told until the end;
Ctrl-C ends the telling and not the replay.

  --from TIME, --to TIME  which: delivered then, both included; ISO 8601 with a time zone, and without --to, until now
  --by time               the times are those of the log events, and not of their delivery
  --mark                  what is delivered says that it was replayed, where it can: see docs/DELIVERY.md
  --no-wait               ends when the replay has begun
  --watch REPLAY          tells the progress of one that has begun
  --cancel REPLAY         ends one; what of it was accepted already is delivered
  --yes                   does it without asking
`,
  async run(args) {
    const { values, positionals } = readArgs(args, {
      from: { type: 'string' },
      to: { type: 'string' },
      by: { type: 'string' },
      mark: { type: 'boolean', default: false },
      'no-wait': { type: 'boolean', default: false },
      watch: { type: 'string' },
      cancel: { type: 'string' },
      yes: { type: 'boolean', default: false },
    });
    const [tenant = '', destination = ''] = named(positionals, 'TENANT', 'DESTINATION');
    const { from, to, by, mark, watch, cancel } = values;
    if ([from, watch, cancel].filter((value) => value !== undefined).length > 1)
      throw new Misuse('say one of --from, --watch and --cancel');
    if (from === undefined && (to !== undefined || by !== undefined || mark))
      throw new Misuse('--from is missing');
    const { terminal, console } = openSession(values);
    const address = path`/v1/tenants/${tenant}/destinations/${destination}/replays`;
    if (watch !== undefined) return follow(terminal, console, address + path`/${watch}`);
    if (cancel !== undefined) {
      const ended = await console.post<Replay>(address + path`/${cancel}/cancel`, {});
      tellEnd(terminal, ended);
      return 0;
    }
    if (from === undefined) {
      tellKept(terminal, await console.get<Replays>(address));
      return 0;
    }
    const question = `Deliver again what ${tenant}/${destination} keeps from ${from} to ${to ?? 'now'}?`;
    if (!(await assertWanted(terminal, values.yes, question))) return 1;
    const body = { from, to, by, mark };
    const replay = await console.post<Replay>(address, { body });
    const { batches, logEvents } = replay.total;
    terminal.note(`Replay ${replay.id}: ${batches} batches with ${logEvents} log events.`);
    if (!values['no-wait']) return follow(terminal, console, address + path`/${replay.id}`);
    if (terminal.isJson) terminal.json(replay);
    return 0;
  },
};

/** @returns the exit code: 0 if it is done */
async function follow(
  terminal: Terminal,
  console: ConsoleClient,
  address: string,
): Promise<number> {
  let told = -1;
  for (;;) {
    const replay = await console.get<Replay>(address);
    const { state, replayed, total } = replay;
    if (state !== 'running') {
      tellEnd(terminal, replay);
      return state === 'done' ? 0 : 1;
    }
    if (replayed.batches !== told)
      terminal.note(
        `${replayed.batches} of ${total.batches} batches, ${replayed.logEvents} of ${total.logEvents} log events …`,
      );
    told = replayed.batches;
    await delay(EVERY_MS);
  }
}

function tellEnd(terminal: Terminal, replay: Replay): void {
  if (terminal.isJson) {
    terminal.json(replay);
    return;
  }
  const { id, state, replayed, total, underWay, deadLettered } = replay;
  const missed = state === 'done' ? total.batches - replayed.batches : 0;
  const parts = [
    `Replay ${id} is ${state}: ${replayed.batches} of ${total.batches} batches, ${replayed.logEvents} log events`,
    ...(underWay > 0 ? [`${underWay} of them under way`] : []),
    ...(deadLettered > 0 ? [`${deadLettered} became dead letters`] : []),
    ...(missed > 0 ? [`${missed} were given up before their turn came`] : []),
  ];
  terminal.line(`${parts.join('; ')}.`);
}

function tellKept(terminal: Terminal, shown: Replays): void {
  if (terminal.isJson) {
    terminal.json(shown);
    return;
  }
  const { batches, logEvents, bytes, since } = shown.kept;
  terminal.line(
    since === null
      ? 'Nothing is kept.'
      : `${batches} batches with ${logEvents} log events are kept, delivered since ${since}: ${(bytes / MIB).toFixed(1)} MiB of Redis.`,
  );
  if (shown.replays.length === 0) return;
  terminal.table(
    ['REPLAY', 'STATE', 'BY', 'FROM', 'TO', 'BATCHES'],
    shown.replays.map(({ id, state, by, from, to, replayed, total }) => [
      ...[id, state, by, from, to],
      `${replayed.batches} of ${total.batches}`,
    ]),
  );
}

import { setTimeout as delay } from 'node:timers/promises';
import { whole } from '../misuse';
import { named, openSession, readArgs, type Command } from './command';
import { ConsoleProblem, path } from './console-client';
import { Happenings, type Happening } from './happenings';
import { LedgerChanges } from './ledger-changes';
import type { Terminal } from './terminal';

export const tailCommand: Command = {
  name: 'tail',
  summary:
    'follows what happens to a tenant: where its log events are, changes, dead letters, what is held',
  help: `  npx logferry tail TENANT [DESTINATION] [--every SECONDS]

Until Ctrl-C. It tells of each destination how many log events were accepted, and how many of them are delivered, rejected,
dead-lettered and waiting, now and whenever that changes; what is changed in the configuration and by whom; what becomes a dead letter
and why; and which destinations are held or work again. The last two are not told to a tenant's own key. Log events themselves are not
shown: they are in the customer's account.

  --every SECONDS  how often the console is asked (default: 2)
`,
  async run(args) {
    const { values, positionals } = readArgs(args, { every: { type: 'string', default: '2' } });
    const [tenant = '', destination] = named(positionals, 'TENANT', 'DESTINATION?');
    const everyMs = whole('--every', values.every, 1, 3_600) * 1_000;
    const { terminal, console } = openSession(values);
    // What is mistyped would be followed for ever without a word.
    await console.get(
      destination === undefined
        ? path`/v1/tenants/${tenant}`
        : path`/v1/tenants/${tenant}/destinations/${destination}`,
    );
    const happenings = new Happenings(console, { tenant, destination });
    const ledgers = new LedgerChanges(console, { tenant, destination });
    tell(terminal, [...(await happenings.begin()), ...(await ledgers.next())]);
    if (!happenings.tellsDeliveries)
      terminal.note(
        'Which log events are dead letters, and what is held, is told to keys of the platform only.',
      );
    terminal.note(`Following ${destination === undefined ? tenant : `${tenant}/${destination}`} …`);
    let isAway = false;
    for (;;) {
      await delay(everyMs);
      try {
        tell(terminal, [...(await happenings.next()), ...(await ledgers.next())]);
        if (isAway) terminal.note('The console answers again.');
        isAway = false;
      } catch (error) {
        if (!(error instanceof ConsoleProblem) || !isPassing(error)) throw error;
        if (!isAway) terminal.note(`${error.message}; asking on`);
        isAway = true;
      }
    }
  },
};

function isPassing({ status }: ConsoleProblem): boolean {
  return status === 0 || status >= 500;
}

function tell(terminal: Terminal, happenings: readonly Happening[]): void {
  for (const happening of happenings) {
    const { at, where, what } = happening;
    if (terminal.isJson) terminal.line(JSON.stringify(happening));
    else terminal.line(`${terminal.style('dim', at)}  ${terminal.style('bold', where)}  ${what}`);
  }
}

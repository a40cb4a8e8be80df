import { Misuse } from '../misuse';
import { assertWanted, named, openSession, readArgs, type Command } from './command';

interface Redriven {
  redriven: number;
  queued: number;
  busy: number;
  cursor: string | null;
}

export const redriveCommand: Command = {
  name: 'redrive',
  summary: 'takes dead letters back and delivers them again',
  help: `  npx logferry redrive [--tenant TENANT] [--destination DESTINATION] [--sink SINK] [--reason CODE] [--from TIME] [--to TIME]
  npx logferry redrive --all

Says how many match, asks, and redrives those. What fails again becomes a dead letter again.

  --tenant TENANT            of this tenant
  --destination DESTINATION  of this destination; its id is unique only within its tenant
  --sink SINK                cloudwatch or s3
  --reason CODE              that have failed for this, a code of docs/reference/errors.md
  --from TIME, --to TIME     that became dead letters then, both included: ISO 8601 with a time zone
  --all                      all that there are
  --dry-run                  only says how many match
  --yes                      does it without asking
`,
  async run(args) {
    const { values, positionals } = readArgs(args, {
      tenant: { type: 'string' },
      destination: { type: 'string' },
      sink: { type: 'string' },
      reason: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      all: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
    });
    named(positionals);
    const { tenant, destination, sink, reason, from, to } = values;
    const filter = { tenant, destination, sink, reason, from, to };
    const isFiltered = Object.values(filter).some((field) => field !== undefined);
    if (isFiltered === values.all) throw new Misuse('say which dead letters, or --all');
    const { terminal, console } = openSession(values);
    const counted = await console.get<{ deadLetters: number; logEvents: number }>(
      '/v1/dead-letters/count',
      { query: filter },
    );
    const { deadLetters, logEvents } = counted;
    const what = `${deadLetters} dead letters with ${logEvents} log events`;
    if (values['dry-run'] || deadLetters === 0) {
      if (terminal.isJson) terminal.json(counted);
      else terminal.line(`${what} match.`);
      return 0;
    }
    if (!(await assertWanted(terminal, values.yes, `Redrive ${what}?`))) return 1;
    const sum = { redriven: 0, queued: 0, busy: 0 };
    let cursor: string | undefined;
    do {
      const body = { filter, cursor };
      const part = await console.post<Redriven>('/v1/dead-letters/redrive', { body });
      sum.redriven += part.redriven;
      sum.queued += part.queued;
      sum.busy += part.busy;
      cursor = part.cursor ?? undefined;
      if (cursor !== undefined) terminal.note(`${sum.redriven} redriven so far …`);
    } while (cursor !== undefined);
    if (terminal.isJson) terminal.json(sum);
    else
      terminal.line(
        `${sum.redriven} redriven, ${sum.queued} were on their way, ${sum.busy} in a worker's hands.`,
      );
    return sum.busy === 0 ? 0 : 1;
  },
};

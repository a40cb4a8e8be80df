import { Misuse } from '../misuse';
import { named, openSession, readArgs, type Command } from './command';
import { path } from './console-client';
import { linesOf } from './ndjson';
import { deleteRecord, listRecords, showRecord, type OnRecord } from './record-actions';

interface ShownSource {
  id: string;
  unreadable?: true;
  domain?: string;
  schedule?: string;
  timeZone?: string;
  enabled?: boolean;
}

interface ShownRun {
  id: string;
  kind: string;
  state: string;
  startedAt: string;
  read: number;
  accepted: number;
  unwanted: number;
  filtered: number;
  checkpoint: string | null;
  error: { message: string } | null;
}

interface LogLine {
  at?: string;
  level?: string;
  text?: string;
  run?: ShownRun;
}

/** A log is followed as long as the console lets it, and a little longer. */
const FOLLOW_TIMEOUT_MS = 11 * 60_000;

const options = {
  failed: { type: 'boolean', default: false },
  after: { type: 'string' },
  at: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  mark: { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
} as const;

type Given = ReturnType<typeof readArgs<typeof options>>['values'];

export const sourcesCommand: Command = {
  name: 'sources',
  summary: "lists a tenant's sources, has them run, and shows and replays what they pulled",
  help: `  npx logferry sources list TENANT
  npx logferry sources get TENANT SOURCE
  npx logferry sources status TENANT SOURCE
  npx logferry sources pause|resume|run TENANT SOURCE
  npx logferry sources runs TENANT SOURCE [--failed]
  npx logferry sources log|cancel TENANT SOURCE RUN
  npx logferry sources checkpoint TENANT SOURCE --after ID | --at ID
  npx logferry sources replay TENANT SOURCE --after ID | --at ID | --from TIME [--to ID|TIME] [--mark]
  npx logferry sources delete TENANT SOURCE [--yes]

They are made and changed by npx logferry apply, or made by npx logferry import. A paused source keeps its checkpoint. log follows a run
that is under way until it has ended.

  --after ID   the last log event that is not sent again
  --at ID      the first log event that is
  --from TIME  a time, such as 2026-11-20T00:00:00Z
  --to         the last log event, or a time; without it, what there is when the replay begins
  --mark       has the log events of a replay say that they are of one
  --failed     only runs that failed
  --yes        deletes it without asking, with its checkpoint and its runs
`,
  async run(args) {
    const { values, positionals } = readArgs(args, options);
    const session = openSession(values);
    const [action = '', ...rest] = positionals;
    if (action === 'list') {
      const [tenant = ''] = named(rest, 'TENANT');
      return listRecords(session, {
        address: path`/v1/tenants/${tenant}/sources`,
        field: 'sources',
        head: ['SOURCE', 'DOMAIN', 'SCHEDULE', 'TIME ZONE', 'ENABLED'],
        rowOf,
      });
    }
    const isOfRun = action === 'log' || action === 'cancel';
    const [tenant = '', source = '', run = ''] = isOfRun
      ? named(rest, 'TENANT', 'SOURCE', 'RUN')
      : named(rest, 'TENANT', 'SOURCE');
    const address = path`/v1/tenants/${tenant}/sources/${source}`;
    const on = { ...session, address, title: `source ${tenant}/${source}` };
    return isOfRun ? ofRun(on, action, run) : ofSource(on, action, values);
  },
};

async function ofSource(on: OnRecord, action: string, values: Given): Promise<number> {
  const { console, address, title } = on;
  switch (action) {
    case 'get':
      return showRecord(on);
    case 'status':
      return showRecord({ ...on, address: `${address}/status` });
    case 'pause':
    case 'resume':
      await console.post(`${address}/${action}`, {});
      return say(on, { outcome: `${action}d` }, `${title}: ${action}d`);
    case 'run':
      return asked(on, await console.post(`${address}/run`, {}));
    case 'runs':
      return runs(on, values.failed);
    case 'checkpoint': {
      const status = await console.put<object>(`${address}/checkpoint`, { body: placeOf(values) });
      return say(on, status, `${title}: goes on from there`);
    }
    case 'replay':
      return asked(on, await console.post(`${address}/replay`, { body: replayOf(values) }));
    case 'delete':
      return deleteRecord(on, { isSaid: values.yes });
    default:
      throw new Misuse(
        'say list, get, status, pause, resume, run, runs, log, cancel, checkpoint, replay or delete',
      );
  }
}

async function ofRun(on: OnRecord, action: 'log' | 'cancel', run: string): Promise<number> {
  const { terminal, console, address } = on;
  const at = `${address}${path`/runs/${run}`}`;
  if (action === 'cancel')
    return say(
      on,
      await console.post<object>(`${at}/cancel`, {}),
      `run ${run}: ends before its next page`,
    );
  const accept = 'application/x-ndjson';
  const answer = await console.ask('GET', `${at}/log`, { accept, timeoutMs: FOLLOW_TIMEOUT_MS });
  for await (const text of linesOf(answer)) {
    const line = JSON.parse(text) as LogLine;
    if (terminal.isJson) terminal.line(text);
    else if (line.run === undefined) terminal.line(`${line.at} ${line.level} ${line.text}`);
    else terminal.line(`${line.run.state}: ${countsOf(line.run)}`);
  }
  return 0;
}

function rowOf({ id, domain = '', schedule = '', timeZone = '', enabled }: ShownSource): string[] {
  return [id, domain, schedule, timeZone, enabled === false ? 'no' : 'yes'];
}

async function runs(
  { terminal, console, address }: OnRecord,
  onlyFailed: boolean,
): Promise<number> {
  const query = { filter: onlyFailed ? 'failed' : undefined };
  const page = await console.get<{ runs: ShownRun[] }>(`${address}/runs`, { query });
  if (terminal.isJson) terminal.json(page.runs);
  else
    terminal.table(
      ['RUN', 'KIND', 'STATE', 'STARTED', 'LOG EVENTS', 'CHECKPOINT'],
      page.runs.map((run) => [
        run.id,
        run.kind,
        run.state,
        run.startedAt,
        countsOf(run),
        run.error?.message ?? run.checkpoint ?? '',
      ]),
    );
  return 0;
}

const countsOf = ({ read, accepted, unwanted, filtered }: ShownRun): string =>
  [
    `${accepted} of ${read}`,
    ...(filtered > 0 ? [`${filtered} filtered`] : []),
    ...(unwanted > 0 ? [`${unwanted} unwanted`] : []),
  ].join(', ');

function say({ terminal }: OnRecord, answer: object, text: string): number {
  terminal.result(answer, text);
  return 0;
}

function asked(on: OnRecord, answer: { runId: string }): number {
  return say(on, answer, `${on.title}: run ${answer.runId} is asked for`);
}

function placeOf({ after, at }: Given): object {
  if ((after === undefined) === (at === undefined)) throw new Misuse('say --after or --at');
  return after === undefined ? { at } : { after };
}

function replayOf(values: Given): object {
  const { from, to, mark } = values;
  const isTime = to !== undefined && /^\d{4}-\d{2}-\d{2}T/.test(to);
  return {
    from: from === undefined ? placeOf(values) : { time: from },
    ...(to === undefined ? {} : { to: isTime ? { time: to } : { at: to } }),
    isMarked: mark,
  };
}

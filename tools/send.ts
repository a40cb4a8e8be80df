// npm run send -- FILE --tenant demo --type deployment: ships a log file, or standard input, to ingest.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { parseArgs } from 'node:util';
import { EventSender, NotSent, type OutgoingEvent, type SendResult } from './event-sender';
import { lineTimeMs } from './line-time';
import { readLocalStart } from './local-start';
import { logLines, type LogLine } from './log-lines';
import { Misuse, MISUSE_EXIT_CODE, misuseLine, oneOf, whole } from './misuse';
import { SendProgress, type Tally } from './send-progress';

const HELP = `Ships a log file to Logferry, line by line, and waits until every line is acknowledged or refused.

  npm run send -- FILE --tenant TENANT [options]
  … | npm run send -- - --tenant TENANT [options]

  FILE                   the file; - or nothing for standard input
  --tenant TENANT        whose log it is (required)
  --type TYPE            deployment, audit, task, … (default: deployment)
  --time line|arrival    the time in the line, or the time it arrives (default: line). A line without a time has that of
                         the line before it; times without a zone are UTC. CloudWatch Logs takes no log event that is
                         older than 14 days: old logs want --time arrival, or become dead letters with that reason.
  --format lines|ndjson  plain lines, or one log event in JSON a line (default: by the file's ending, else lines)
  --attribute NAME=VALUE a fact that names can use; may be given again. Unless given, deploymentId is the file's name.
  --scope SCOPE          where in the tenant's hierarchy, such as project/web/environment/prod
  --level LEVEL          the level of all lines
  --batch N              lines a request (default: 500)
  --parallel N           requests at once (default: 4; with 1, lines of the same millisecond keep their order)
  --give-up SECONDS      how long to try again while ingest is not there or asks to wait (default: 120)
  --url URL              where ingest is (default: the one of npm start, else http://127.0.0.1:8080)
  --key KEY              the key to send with (default: $LOGFERRY_SEND_KEY, else the one of npm start)
  --quiet                no progress, only the tally

A line ends with a newline or a carriage return and a newline, which are not part of it; everything else is sent byte for
byte. Empty lines are counted and left out, since CloudWatch Logs takes no empty log event.

Exit code: 0 if every line was accepted, 1 if not, 2 if the command makes no sense.
`;

interface SendOptions {
  file: string;
  tenant: string;
  url: string;
  key: string;
  isNdjson: boolean;
  usesLineTime: boolean;
  query: Record<string, string>;
  event: Record<string, unknown>;
  batch: number;
  parallel: number;
  giveUpMs: number;
  isQuiet: boolean;
}

function readOptions(): SendOptions | 'help' {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      tenant: { type: 'string' },
      type: { type: 'string', default: 'deployment' },
      time: { type: 'string', default: 'line' },
      format: { type: 'string' },
      attribute: { type: 'string', multiple: true, default: [] },
      scope: { type: 'string' },
      level: { type: 'string' },
      batch: { type: 'string', default: '500' },
      parallel: { type: 'string', default: '4' },
      'give-up': { type: 'string', default: '120' },
      url: { type: 'string' },
      key: { type: 'string' },
      quiet: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const [file = '-', ...more] = positionals;
  if (more.length > 0) throw new Misuse(`one file at a time, not also ${more.join(' ')}`);
  if (file !== '-' && !existsSync(file)) throw new Misuse(`there is no file ${file}`);
  const local = readLocalStart();
  const key = values.key ?? process.env.LOGFERRY_SEND_KEY ?? local?.key;
  if (key === undefined)
    throw new Misuse('give a key with --key or LOGFERRY_SEND_KEY, or run npm start first');
  const format = oneOf('--format', values.format ?? formatOf(file), ['lines', 'ndjson']);
  return {
    file,
    key,
    tenant: needed('--tenant', values.tenant),
    url: values.url ?? local?.url ?? 'http://127.0.0.1:8080',
    isNdjson: format === 'ndjson',
    usesLineTime: oneOf('--time', values.time, ['line', 'arrival']) === 'line',
    query: { type: values.type, ...(values.scope === undefined ? {} : { scope: values.scope }) },
    event: {
      ...(values.level === undefined ? {} : { level: values.level }),
      attributes: attributesOf(values.attribute, file),
    },
    batch: whole('--batch', values.batch, 1, 10_000),
    parallel: whole('--parallel', values.parallel, 1, 64),
    giveUpMs: whole('--give-up', values['give-up'], 0, 86_400) * 1_000,
    isQuiet: values.quiet,
  };
}

function formatOf(file: string): string {
  return ['.ndjson', '.jsonl'].includes(extname(file)) ? 'ndjson' : 'lines';
}

function attributesOf(given: readonly string[], file: string): Record<string, string> {
  const name = file === '-' ? 'stdin' : basename(file, extname(file));
  const attributes: Record<string, string> = { deploymentId: name };
  for (const pair of given) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new Misuse(`--attribute wants NAME=VALUE, not ${pair}`);
    attributes[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return attributes;
}

function needed(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new Misuse(`${name} is missing`);
  return value;
}

/** Reads, sends a few batches at a time, and adds up. */
async function ship(options: SendOptions, progress: SendProgress): Promise<Tally> {
  const tally: Tally = {
    lines: 0,
    accepted: 0,
    empty: 0,
    damaged: 0,
    retries: 0,
    rejected: new Map(),
  };
  const sender = new EventSender({
    ...options,
    onWait: (why, waitMs) => progress.waiting(why, waitMs),
  });
  const underWay = new Set<Promise<void>>();
  let failed: Error | undefined;
  const sendBatch = (batch: Batch): void => {
    const sent: Promise<void> = sender
      .send(batch.events)
      .then((result) => addUp(tally, batch, result))
      .then(() => progress.sent(batch.bytes, tally.accepted))
      .catch((error: unknown) => {
        failed ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => underWay.delete(sent));
    underWay.add(sent);
  };
  for await (const batch of batches(options, tally)) {
    if (failed !== undefined) break;
    sendBatch(batch);
    if (underWay.size >= options.parallel) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  if (failed !== undefined) throw failed;
  return tally;
}

interface Batch {
  events: (OutgoingEvent | string)[];
  /** The line of the file that each came from, from 1. */
  lineNumbers: number[];
  bytes: number;
}

async function* batches(options: SendOptions, tally: Tally): AsyncGenerator<Batch> {
  const input = options.file === '-' ? process.stdin : createReadStream(options.file);
  const toEvent = eventMaker(options);
  let batch: Batch = { events: [], lineNumbers: [], bytes: 0 };
  for await (const line of logLines(input as AsyncIterable<Buffer>)) {
    tally.lines++;
    if (line.isDamaged) tally.damaged++;
    batch.bytes += line.bytes;
    if (line.text === '') {
      tally.empty++;
      continue;
    }
    batch.events.push(toEvent(line));
    batch.lineNumbers.push(tally.lines);
    if (batch.events.length >= options.batch) {
      yield batch;
      batch = { events: [], lineNumbers: [], bytes: 0 };
    }
  }
  if (batch.events.length > 0) yield batch;
}

function eventMaker({
  isNdjson,
  usesLineTime,
  event,
}: SendOptions): (line: LogLine) => OutgoingEvent | string {
  if (isNdjson) return ({ text }) => text; // a log event already; ingest judges it
  let lastMs: number | undefined;
  return ({ text }) => {
    lastMs = usesLineTime ? (lineTimeMs(text) ?? lastMs) : undefined;
    return { ...event, message: text, ...(lastMs === undefined ? {} : { time: lastMs }) };
  };
}

function addUp(
  tally: Tally,
  { lineNumbers }: Batch,
  { accepted, rejected, retries }: SendResult,
): void {
  tally.accepted += accepted;
  tally.retries += retries;
  for (const { index, code, message } of rejected) {
    const known = tally.rejected.get(code);
    if (known === undefined)
      tally.rejected.set(code, { count: 1, firstLine: lineNumbers[index] ?? 0, message });
    else known.count++;
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const totalBytes = options.file === '-' ? undefined : statSync(options.file).size;
  const progress = new SendProgress(options.isQuiet ? undefined : process.stderr, totalBytes);
  const tally = await ship(options, progress).finally(() => progress.end());
  process.stdout.write(progress.tally(tally));
  return tally.rejected.size === 0 ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const misuse = misuseLine(error, 'npm run send --');
    if (misuse === undefined && !(error instanceof NotSent)) throw error;
    process.stderr.write(misuse ?? `${error instanceof Error ? error.message : ''}\n`);
    process.exitCode = misuse === undefined ? 1 : MISUSE_EXIT_CODE;
  },
);

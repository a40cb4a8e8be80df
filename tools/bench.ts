// npm run bench: measures what a log event costs from the request to AWS.
import { parseArgs } from 'node:util';
import type { BenchPlan } from './bench/plan';
import { describeMachine, describeResult } from './bench/report';
import { runBench, type BenchResult } from './bench/run';
import { describeScenario, type ScenarioOptions, type ScenarioResult } from './bench/scenario';
import { scenarioSets, type ScenarioSet } from './bench/scenarios';
import { Misuse, MISUSE_EXIT_CODE, misuseLine, oneOf, whole } from './misuse';

const HELP = `Measures what a log event costs from the request to AWS, on this machine.

  npm run bench                 the standard runs; under two minutes
  npm run bench -- [options]    one run
  npm run bench -- --scenario flood|dead|linger|fairness  whether one tenant's trouble reaches another's; see below
  npm run bench -- --scenario auth0                       how near a source comes to Auth0's own limit

Each run has its own Redis, one process each of ingest, worker and broker, a counting AWS that is never the bottleneck and
counts every log event by its id, and a load generator. Nothing goes over TLS. CPU is user plus system time of the process,
per million delivered log events. For scale, each run begins with the same load on a bare Node server that only parses it.

  --events N            log events (default: 1000000)
  --warm-up N           log events before anything is measured (default: 200000)
  --size BYTES          of each message, 64 at least since the id has to fit (default: 256)
  --message text|json   a string, or an object of that size when written (default: text)
  --text logs|same|words  lines as a deployment writes them, one sentence again and again, or words by chance (default: logs)
  --tenants N           (default: 1)
  --per-request N       log events a request (default: 100)
  --order runs|interleaved  a request is of one tenant, or every log event of the next one (default: runs)
  --latency-ms MS       how long AWS takes (default: 0)
  --sink cloudwatch|s3  (default: cloudwatch)
  --fsync no|everysec|always  Redis's appendfsync (default: everysec)
  --connections N       (default: 32)
  --rate N              log events a second that are offered (default: as many as go)
  --repeat N            the same run again (default: 1)
  --json                results as JSON, one a line

Scenarios measure how long log events take from the moment they are due to be sent until AWS has them, with one worker as it is set
when nothing is set. The AWS double does what it is told for each account. No standard run is among them, and none of them is a
standard run. Each says what was held, or NOT held.

  flood     200 quiet tenants with a log event a second each, alone and by turns beside a tenant that floods with 10 times as many
            batches as a worker's slots can deliver; then beside one that sends as fast as it goes, for information; some 4 minutes
  dead      100 destinations, of which 50 hang from one moment on, of 100 tenants and of 4, until all that was sent to them arrives
            after they recovered; some 7 minutes
  linger    100 lanes with a log event every 4 s beside that flood; a minute
  fairness  all of these
  auth0     a source with 100,000 log events behind an Auth0 that takes 50 ms and allows 16 requests a second and 50 at once: how long
            until AWS has all of them, beside what that limit takes alone; a minute and a half

  --seconds N           how long a phase lasts (default: 20; of dead, five times as long)
  --linger-ms MS        of all destinations (default: 1000)
  --logs N              log events of auth0 (default: 100000)
  --strict              what is NOT held is a failure too; without, since machines are noisy, only what is lost

Exit code: 0 if every log event arrived, 1 if not, 2 if the command makes no sense.
`;

const standard: BenchPlan = {
  name: 'one tenant',
  sink: 'cloudwatch',
  events: 1_000_000,
  warmUpEvents: 200_000,
  eventBytes: 256,
  message: 'text',
  text: 'logs',
  tenants: 1,
  eventsPerRequest: 100,
  order: 'runs',
  awsLatencyMs: 0,
  connections: 32,
  rate: 0,
  fsync: 'everysec',
};

/** What the README shows. */
const standardRuns: BenchPlan[] = [
  standard,
  { ...standard, name: 'one tenant, 1 KB', eventBytes: 1_024, events: 400_000 },
  { ...standard, name: 'one tenant, JSON', message: 'json' },
  { ...standard, name: 'acknowledgement', rate: 20_000, events: 200_000 },
  {
    ...standard,
    name: 'a thousand tenants',
    tenants: 1_000,
    order: 'interleaved',
    awsLatencyMs: 20,
    connections: 64,
    events: 300_000,
    warmUpEvents: 100_000,
  },
  { ...standard, name: 'S3, 1 KB', sink: 's3', eventBytes: 1_024, events: 400_000 },
];

interface Wanted {
  json: boolean;
  plans: BenchPlan[];
  scenarios?: { set: ScenarioSet; options: ScenarioOptions; strict: boolean };
}

function readWanted(): Wanted | 'help' {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      json: { type: 'boolean', default: false },
      events: { type: 'string' },
      'warm-up': { type: 'string' },
      size: { type: 'string' },
      message: { type: 'string' },
      text: { type: 'string' },
      tenants: { type: 'string' },
      'per-request': { type: 'string' },
      order: { type: 'string' },
      'latency-ms': { type: 'string' },
      sink: { type: 'string' },
      fsync: { type: 'string' },
      connections: { type: 'string' },
      rate: { type: 'string' },
      repeat: { type: 'string' },
      scenario: { type: 'string' },
      seconds: { type: 'string' },
      'linger-ms': { type: 'string' },
      logs: { type: 'string' },
      strict: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { json, repeat, scenario, seconds, 'linger-ms': linger, logs, strict, ...given } = values;
  if (scenario !== undefined) {
    refuse({ ...given, repeat, help: undefined }, 'is not for scenarios');
    const options: ScenarioOptions = {
      seconds: whole('--seconds', seconds ?? '20', 1, 60),
      lingerMs: whole('--linger-ms', linger ?? '1000', 0, 60_000),
      logs: whole('--logs', logs ?? '100000', 6_000, 1_000_000),
    };
    const set = oneOf('--scenario', scenario, Object.keys(scenarioSets) as ScenarioSet[]);
    return { json, plans: [], scenarios: { set, options, strict } };
  }
  refuse({ seconds, 'linger-ms': linger, logs, strict: strict || undefined }, 'is for scenarios');
  const number = (name: keyof typeof given, standardValue: number, min = 1): number => {
    const text = given[name];
    return typeof text === 'string' ? whole(`--${name}`, text, min) : standardValue;
  };
  const times = whole('--repeat', repeat ?? '1', 1);
  if (Object.values({ ...given, help: undefined }).every((value) => value === undefined)) {
    return { plans: Array.from({ length: times }, () => standardRuns).flat(), json };
  }
  const plan: BenchPlan = {
    name: 'run',
    events: number('events', standard.events),
    warmUpEvents: number('warm-up', standard.warmUpEvents, 0),
    eventBytes: number('size', standard.eventBytes, 64),
    message: oneOf('--message', given.message ?? standard.message, ['text', 'json']),
    text: oneOf('--text', given.text ?? standard.text, ['logs', 'same', 'words']),
    tenants: number('tenants', standard.tenants),
    eventsPerRequest: number('per-request', standard.eventsPerRequest),
    order: oneOf('--order', given.order ?? standard.order, ['runs', 'interleaved']),
    awsLatencyMs: number('latency-ms', standard.awsLatencyMs, 0),
    sink: oneOf('--sink', given.sink ?? standard.sink, ['cloudwatch', 's3']),
    fsync: oneOf('--fsync', given.fsync ?? standard.fsync, ['everysec', 'no', 'always']),
    connections: number('connections', standard.connections),
    rate: number('rate', standard.rate, 0),
  };
  return { plans: Array.from({ length: times }, () => plan), json };
}

function refuse(given: Record<string, unknown>, why: string): void {
  const [name] = Object.keys(given).filter((option) => given[option] !== undefined);
  if (name !== undefined) throw new Misuse(`--${name} ${why}`);
}

async function main(): Promise<number> {
  const wanted = readWanted();
  if (wanted === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  if (!wanted.json)
    process.stdout.write(`${describeMachine()}\nCounting AWS on loopback, plain HTTP\n`);
  return wanted.scenarios === undefined
    ? runPlans(wanted)
    : runScenarios(wanted.scenarios, wanted.json);
}

async function runPlans({ plans, json }: Wanted): Promise<number> {
  const results: BenchResult[] = [];
  for (const plan of plans) {
    if (process.stderr.isTTY) process.stderr.write(`${plan.name} …\r`);
    const result = await runBench(plan);
    results.push(result);
    write(result, json ? undefined : describeResult(result));
  }
  return results.every(({ lost, refusedRequests }) => lost === 0 && refusedRequests === 0) ? 0 : 1;
}

async function runScenarios(
  { set, options, strict }: NonNullable<Wanted['scenarios']>,
  json: boolean,
): Promise<number> {
  const results: ScenarioResult[] = [];
  for (const run of scenarioSets[set]) {
    const result = await run(options);
    results.push(result);
    write(result, json ? undefined : describeScenario(result));
  }
  const isGood = ({ lost, verdicts, isForInformation }: ScenarioResult): boolean =>
    lost === 0 && (!strict || isForInformation === true || verdicts.every(({ held }) => held));
  return results.every(isGood) ? 0 : 1;
}

function write(result: object, text: string | undefined): void {
  process.stdout.write(
    text === undefined
      ? `${JSON.stringify({ machine: describeMachine(), ...result })}\n`
      : `\n${text}\n`,
  );
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const misuse = misuseLine(error, 'npm run bench --');
    process.stderr.write(misuse ?? `${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(misuse === undefined ? 1 : MISUSE_EXIT_CODE);
  },
);

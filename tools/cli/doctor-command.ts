import { named, openSession, readArgs, type Command } from './command';
import { checkedUrl, secretOf } from './connection';
import { examine, type Patient } from './examination';
import type { Finding } from './finding';
import { ownVersion } from './own-version';
import { readLocalStart } from '../local-start';
import type { Terminal } from './terminal';

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'checks an installation, and says for everything that is wrong what to do',
  help: `  npx logferry doctor [--ingest URL] [--broker URL] [--worker URL]… [--poller URL]

Whether each process lives and has what it needs (Redis and its settings among it), whether all are of one version, whether their clocks
are right, whether the key is good, whether AWS can read the issuer's documents, and what is held or dead. Only what there is an
address of is checked; where the console is on this machine, the others are looked for where npm start has them, or at their usual
ports. Elsewhere a process tells its version to whoever shows its LOGFERRY_METRICS_TOKEN (or LOGFERRY_METRICS_TOKEN_FILE).

  --ingest URL  where ingest is
  --broker URL  where the credential broker's HTTP is
  --worker URL  where a worker's health is; may be given again
  --poller URL  where the health of the poller of Auth0's logs is

Exit code: 0 if nothing is wrong, though there may be warnings; 1 if something is.
`,
  async run(args) {
    const { values, positionals } = readArgs(args, {
      ingest: { type: 'string' },
      broker: { type: 'string' },
      poller: { type: 'string' },
      worker: { type: 'string', multiple: true, default: [] },
    });
    named(positionals);
    const { terminal, console } = openSession(values);
    const patients = patientsOf(console.url, values);
    const findings: Finding[] = [];
    const metricsToken = secretOf('LOGFERRY_METRICS_TOKEN', process.env);
    const examiner = { ownVersion: ownVersion(), metricsToken };
    for await (const finding of examine(console, patients, examiner)) {
      findings.push(finding);
      if (!terminal.isJson) tell(terminal, finding);
    }
    const faults = findings.filter(({ state }) => state === 'wrong').length;
    const warnings = findings.filter(({ state }) => state === 'warning').length;
    if (terminal.isJson) terminal.json({ healthy: faults === 0, findings });
    else terminal.line(`${faults} wrong, ${warnings} to look at.`);
    return faults === 0 ? 0 : 1;
  },
};

interface Given {
  ingest?: string | undefined;
  broker?: string | undefined;
  poller?: string | undefined;
  worker: string[];
}

function patientsOf(consoleUrl: string, { ingest, broker, poller, worker }: Given): Patient[] {
  const { hostname, protocol } = new URL(consoleUrl);
  const isHere = /^(localhost|127\..*|\[::1\])$/.test(hostname);
  const local = readLocalStart();
  const started = local?.console?.url === consoleUrl ? local.processes : undefined;
  const usual = (name: string, port: number): string | undefined =>
    started?.[name] ?? (isHere ? `${protocol}//${hostname}:${port}` : undefined);
  const at = (given: string | undefined, name: string, port: number): string | undefined =>
    given === undefined ? usual(name, port) : checkedUrl(given);
  const workers =
    worker.length > 0
      ? worker.map((url) => ({ name: 'worker', url: checkedUrl(url) }))
      : [
          { name: 'cloudwatch-worker', url: usual('cloudwatch-worker', 8084) },
          { name: 's3-worker', url: usual('s3-worker', 8085) },
        ];
  const isOptional = poller === undefined;
  return [
    { name: 'console', url: consoleUrl, flag: 'url' },
    { name: 'ingest', url: at(ingest, 'ingest', 8080), flag: 'ingest' },
    { name: 'credential-broker', url: at(broker, 'credential-broker', 8082), flag: 'broker' },
    ...workers.map((one) => ({ ...one, flag: 'worker' })),
    { name: 'auth0-poller', url: at(poller, 'auth0-poller', 8086), flag: 'poller', isOptional },
  ];
}

const SIGNS = { good: '✓', warning: '!', wrong: '✗', unknown: '?' } as const;
const STYLES = { good: 'green', warning: 'yellow', wrong: 'red', unknown: 'dim' } as const;

function tell(terminal: Terminal, { state, about, message, remedy }: Finding): void {
  terminal.line(`${terminal.style(STYLES[state], SIGNS[state])} ${about}: ${message}`);
  if (remedy !== undefined) terminal.line(`    ${remedy}`);
}

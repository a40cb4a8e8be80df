// npm run test:faults: the fault suite in its long form.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MISUSE_EXIT_CODE, misuseLine, whole } from './misuse';

const ROOT = join(__dirname, '..', '..');

const HELP = `Breaks everything that can break, under load, and checks that nothing acknowledged is lost. Takes about a quarter of an hour.

  npm run test:faults                 all scenarios, in their long form
  npm run test:faults -- [options]

Each scenario has real processes, a Redis of its own and the sandbox AWS. docs/DELIVERY.md, "What is tested", lists the scenarios.
What is drawn by chance is drawn from a seed, which is printed; moments still differ from run to run.

  --scenario NAME[,NAME]  only these
  --seed N                the seed of an earlier run (default: another each time)
  --rounds N              how often processes are killed (default: 20)
  --short                 the form that npm test runs

Exit code: 0 if everything holds, 1 if not, 2 if the command makes no sense.
`;

function readEnvironment(): Record<string, string> | 'help' {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      scenario: { type: 'string' },
      seed: { type: 'string' },
      rounds: { type: 'string' },
      short: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { scenario, seed, rounds, short } = values;
  return {
    LOGFERRY_FAULTS_FORM: short ? 'short' : 'long',
    ...(scenario === undefined ? {} : { LOGFERRY_FAULTS_SCENARIO: scenario }),
    ...(seed === undefined ? {} : { LOGFERRY_FAULTS_SEED: String(whole('--seed', seed, 0)) }),
    ...(rounds === undefined
      ? {}
      : { LOGFERRY_FAULTS_ROUNDS: String(whole('--rounds', rounds, 1)) }),
  };
}

function run(environment: Record<string, string>): void {
  const jest = join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  // Nest's packages are ES modules; Jest loads them only with this flag.
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, jest, 'e2e/faults.test.ts'], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => void child.kill(signal));
  child.on('exit', (code) => process.exit(code ?? 1));
}

try {
  const environment = readEnvironment();
  if (environment === 'help') process.stdout.write(HELP);
  else run(environment);
} catch (error) {
  const line = misuseLine(error, 'npm run test:faults --');
  if (line === undefined) throw error;
  process.stderr.write(line);
  process.exitCode = MISUSE_EXIT_CODE;
}

import { named, openSession, readArgs, type Command } from './command';
import { ConsoleProblem, path } from './console-client';
import { linesOf } from './ndjson';
import type { Terminal } from './terminal';

/** One step of the test; the last line has the outcome of all of them. */
interface Step {
  step?: string;
  outcome: string;
  message?: string;
  code?: string;
  remedies?: { to: string; add: object }[];
}

/** AWS is asked many things one after the other, and each may take its time. */
const TIMEOUT_MS = 5 * 60_000;

export const testCommand: Command = {
  name: 'test',
  summary: 'tests the connection to a destination, step by step',
  help: `  npx logferry test TENANT DESTINATION

Does what delivering does: gets a session in the customer's account, writes one marked log event or object, and tries whether the
role would let anybody else in. Each step is told when it is done; of one that fails, what to change, ready to paste.

Exit code: 0 if the destination works, 1 if a step failed.
`,
  async run(args) {
    const { values, positionals } = readArgs(args, {});
    const [tenant = '', destination = ''] = named(positionals, 'TENANT', 'DESTINATION');
    const { terminal, console } = openSession(values);
    const address = path`/v1/tenants/${tenant}/destinations/${destination}/test`;
    const accept = 'application/x-ndjson';
    const answer = await console.ask('POST', address, { accept, timeoutMs: TIMEOUT_MS });
    let outcome: string | undefined;
    for await (const line of linesOf(answer)) {
      const step = JSON.parse(line) as Step;
      if (terminal.isJson) terminal.line(line);
      else tell(terminal, step);
      outcome = step.step === undefined ? step.outcome : undefined;
    }
    if (outcome === undefined)
      throw new ConsoleProblem(0, 'no_answer', 'the console went away before the test had ended');
    return outcome === 'passed' ? 0 : 1;
  },
};

const SIGNS = new Map([
  ['ok', '✓'],
  ['failed', '✗'],
  ['skipped', '-'],
]);

/** Of these there is one, which is not added to. */
const REPLACED = new Map([
  ['trust_policy', 'make this the trust policy of the role'],
  ['identity_provider', 'make this identity provider'],
]);

function tell(
  terminal: Terminal,
  { step, outcome, message = '', code, remedies = [] }: Step,
): void {
  if (step === undefined) {
    terminal.line(`The test has ${outcome}.`);
    return;
  }
  const sign = SIGNS.get(outcome) ?? '?';
  const style = outcome === 'ok' ? 'green' : outcome === 'failed' ? 'red' : 'dim';
  const why = code === undefined ? '' : ` (${code})`;
  terminal.line(`${terminal.style(style, sign)} ${step}: ${message}${why}`);
  for (const { to, add } of remedies) {
    terminal.line(`    ${REPLACED.get(to) ?? `add to the ${to.replaceAll('_', ' ')}`}:`);
    const text = JSON.stringify(add, null, 2);
    for (const line of text.split('\n')) terminal.line(`      ${line}`);
  }
}

// npx logferry: what may be done with a running Logferry, by its console's API alone.
import { Misuse, misuseLine } from '../misuse';
import { commands } from './commands';
import { ConsoleProblem } from './console-client';
import { helpOf, overview } from './help';
import { ownVersion } from './own-version';

/** That of the other commands, 2, says here that there is something to change. This is the EX_USAGE of sysexits.h. */
const MISUSE = 64;

async function main(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    (name === undefined ? process.stderr : process.stdout).write(overview(commands));
    return name === undefined ? MISUSE : 0;
  }
  if (name === '--version') {
    process.stdout.write(`${ownVersion()}\n`);
    return 0;
  }
  const command = commands.find((one) => one.name === name);
  if (command === undefined) throw new Misuse(`there is no command ${name}`);
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(helpOf(command));
    return 0;
  }
  return command.run(rest);
}

/** Whoever reads our output may have read enough. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const args = process.argv.slice(2);
main(args).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const known = commands.find(({ name }) => name === args[0]);
    const misuse = misuseLine(error, `npx logferry${known === undefined ? '' : ` ${known.name}`}`);
    if (misuse !== undefined) {
      process.stderr.write(misuse);
      process.exitCode = MISUSE;
    } else if (error instanceof ConsoleProblem) {
      const problems = error.problems.map(({ path, message }) => `  - ${path}: ${message}\n`);
      process.stderr.write(`${error.message} (${error.code})\n${problems.join('')}`);
      process.exitCode = 1;
    } else throw error;
  },
);

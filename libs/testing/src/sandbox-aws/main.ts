// The sandbox AWS as a process of its own. Stops on SIGINT and SIGTERM and, where it was started with an IPC channel, when its
// parent goes away; that parent is told the port as soon as it is listening.
import { HELP, readCommandLine, startFromCommandLine, UsageError } from './command-line';

async function main(): Promise<void> {
  const { isHelpWanted, options } = await readCommandLine(process.argv.slice(2));
  if (isHelpWanted) {
    process.stdout.write(HELP);
    return;
  }
  const sandbox = await startFromCommandLine(options);
  process.stdout.write(`Sandbox AWS is listening on ${sandbox.url}\n`);
  const stop = (): void => {
    void sandbox.stop().then(() => {
      if (process.connected) process.disconnect();
    });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  process.once('disconnect', stop);
  process.send?.({ type: 'ready', port: sandbox.port });
}

if (process.env['JEST_WORKER_ID'] === undefined) {
  main().catch((error: unknown) => {
    const text = error instanceof UsageError ? error.message : String((error as Error).stack);
    process.stderr.write(`${text}\n`);
    process.exitCode = 1;
    if (process.connected) process.disconnect();
  });
}

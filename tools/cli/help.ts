import { COMMON_HELP, type Command } from './command';

export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `Tends a running Logferry through its console.

  npx logferry COMMAND [arguments]
  npx logferry COMMAND --help
  npx logferry --version

${list.join('\n')}

Every command takes:

${COMMON_HELP}
Exit code: 0 if it is done, 1 if not, 2 if apply --dry-run found something to change, 64 if the command makes no sense.
`;
}

export function helpOf({ summary, help }: Command): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.

${help}
${COMMON_HELP}`;
}

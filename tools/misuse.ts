/** A command that makes no sense: told in one line that says where to read more, with an exit code that scripts know it by. */
export class Misuse extends Error {
  override readonly name = 'Misuse';
}

export const MISUSE_EXIT_CODE = 2;

/**
 * The line for whoever typed it, or undefined if the error is something else. Node's own `parseArgs` throws a `TypeError`.
 *
 * @param invocation how the command is called, such as `npm run send --`
 */
export function misuseLine(error: unknown, invocation: string): string | undefined {
  const isParse =
    error instanceof TypeError && 'code' in error && /^ERR_PARSE_ARGS_/.test(String(error.code));
  if (!isParse && !(error instanceof Misuse)) return undefined;
  // Node goes on with advice about dashes; the help says it better.
  const [what = ''] = error.message.split(/\. To specify|\n/);
  return `${what}; see ${invocation} --help\n`;
}

/** The given value, if it is one of those that there are. */
export function oneOf<T extends string>(name: string, given: string, values: readonly T[]): T {
  const found = values.find((value) => value === given);
  if (found === undefined) throw new Misuse(`${name} is ${values.join(' or ')}, not ${given}`);
  return found;
}

/** The given number, if it is whole and within its bounds. */
export function whole(name: string, given: string, min: number, max = Infinity): number {
  const value = /^\d+$/.test(given) ? Number(given) : NaN;
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  const bounds = max === Infinity ? `from ${min}` : `from ${min} to ${max}`;
  throw new Misuse(`${name} is a whole number ${bounds}, not ${given}`);
}

// What a schema has to say against a value, in words for the one who wrote it.
import type { z } from 'zod';

const TEXT_CHARS_MAX = 300;

export interface SchemaProblem {
  path: readonly PropertyKey[];
  message: string;
}

/** Everything that is wrong; nothing if the value is good. The value must have been parsed with `reportInput`. */
export function schemaProblems(error: z.ZodError): SchemaProblem[] {
  return error.issues.flatMap(problemsOf);
}

function problemsOf(issue: z.core.$ZodIssue): SchemaProblem[] {
  const path = issue.path;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => problem([...path, key], 'is not a field that there is'));
    case 'invalid_union': {
      const options = (issue as { options?: unknown[] }).options;
      return [
        options === undefined
          ? problem(path, issue.message)
          : problem(path, `must be one of ${options.join(', ')}`),
      ];
    }
    case 'invalid_type':
      return [
        problem(
          path,
          issue.input === undefined
            ? 'is missing'
            : `must be ${KINDS.get(issue.expected) ?? issue.expected}`,
        ),
      ];
    case 'too_small':
      return [problem(path, sizeMessage(issue, issue.minimum, ['more', 'more than']))];
    case 'too_big':
      return [problem(path, sizeMessage(issue, issue.maximum, ['less', 'less than']))];
    case 'invalid_value':
      return [
        problem(path, /^Invalid option: /.test(issue.message) ? choice(issue) : issue.message),
      ];
    default:
      return [problem(path, issue.message)];
  }
}

const KINDS = new Map<string, string>([
  ['int', 'a whole number'],
  ['number', 'a number'],
  ['string', 'a string'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'an object'],
  ['record', 'an object'],
]);
const COUNTED = new Map<string, string>([
  ['string', 'character'],
  ['array', 'member'],
]);

function choice({ input, values }: z.core.$ZodIssueInvalidValue): string {
  const options = values.map(String).join(', ');
  return input === undefined ? `is missing: one of ${options}` : `must be one of ${options}`;
}

/** In our words, where the schema has none of its own. */
function sizeMessage(
  { message, origin, inclusive = true }: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig,
  bound: number | bigint,
  [or, than]: readonly [or: string, than: string],
): string {
  if (!/^Too (?:small|big): /.test(message)) return message;
  const counted = COUNTED.get(origin);
  if (counted !== undefined)
    return `must have ${bound} ${counted}${Number(bound) === 1 ? '' : 's'} or ${or}`;
  return inclusive ? `must be ${bound} or ${or}` : `must be ${than} ${bound}`;
}

function problem(path: readonly PropertyKey[], message: string): SchemaProblem {
  return { path, message: message.slice(0, TEXT_CHARS_MAX) };
}

/** A JSONPath, such as `$.filter.types[0]`. */
export function jsonPath(path: readonly PropertyKey[]): string {
  const steps = path.map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    const name = String(step).slice(0, TEXT_CHARS_MAX);
    return /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
  });
  return `$${steps.join('')}`.slice(0, 2 * TEXT_CHARS_MAX);
}

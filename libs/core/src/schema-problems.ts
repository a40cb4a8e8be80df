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
        problem(path, issue.input === undefined ? 'is missing' : `must be ${issue.expected}`),
      ];
    default:
      return [problem(path, issue.message)];
  }
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

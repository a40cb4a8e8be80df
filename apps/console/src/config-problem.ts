// What is wrong with what was sent, all of it at once: whoever writes a configuration wants to correct it once.
import { inspectJson, jsonPath, schemaProblems } from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import type { z } from 'zod';

/** Enough to correct a configuration by, and a bound on what a hostile one makes us answer. */
const PROBLEMS_MAX = 100;
/** A destination with all that may stand in it has some 30 kB. */
const BODY_CHARS_MAX = 64 * 1024;
/** Far more than a configuration has. What is nested deeper may be too deep to be measured. */
const BODY_DEPTH_MAX = 64;

export interface Problem {
  /** A JSONPath, such as `$.filter.types[0]`. */
  path: string;
  message: string;
}

/** @throws RequestProblem with everything that is wrong */
export function parseConfig<T>(schema: z.ZodType<T>, value: unknown): T {
  const { problems, data } = readConfig(schema, value);
  if (problems !== undefined) throw invalid(problems);
  return data;
}

type Read<T> = { problems: Problem[]; data?: undefined } | { problems?: undefined; data: T };

/**
 * The same for whoever has more to say of what is wrong.
 *
 * @throws RequestProblem where it is not looked at further
 */
export function readConfig<T>(schema: z.ZodType<T>, value: unknown): Read<T> {
  if (inspectJson(value, BODY_DEPTH_MAX) === 'too_deep')
    throw invalid([{ path: '$', message: `is nested deeper than ${BODY_DEPTH_MAX} levels` }]);
  if (JSON.stringify(value ?? null).length > BODY_CHARS_MAX)
    throw invalid([{ path: '$', message: `is larger than ${BODY_CHARS_MAX} characters` }]);
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return { data: parsed.data };
  const problems = schemaProblems(parsed.error);
  return { problems: problems.map(({ path, message }) => ({ path: jsonPath(path), message })) };
}

export function invalid(problems: readonly Problem[]): RequestProblem {
  const shown = problems.slice(0, PROBLEMS_MAX);
  const more = problems.length - shown.length;
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return new RequestProblem(
    422,
    'config.invalid',
    `nothing was written: ${count}${more > 0 ? `, of which the first ${PROBLEMS_MAX} are told` : ''}`,
  ).with({ problems: shown });
}

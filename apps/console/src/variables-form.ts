// The form of what is set at a scope: a line for each variable, as a file of them would have it.
import { SECRET_VARIABLE } from '@logferry/core';
import type { RequestProblem } from '@logferry/runtime';
import { z } from 'zod';
import { invalid, type Problem } from './config-problem';
import type { Entered } from './form-fields';
import { parseQuery } from './page-request';
import type { VariablesView } from './variables-view';

const text = z.string('must be one text').default('');

const variablesFields = z.strictObject({
  scope: text,
  version: text,
  variables: text,
  secret: text,
  forget: text,
  region: text,
  force: text,
});
export type VariablesFields = z.infer<typeof variablesFields>;
export type VariablesEntered = Entered<keyof VariablesFields>;

/** @throws RequestProblem if it is no such form */
export function readVariablesForm(fields: unknown): VariablesFields {
  return parseQuery(variablesFields, fields ?? {});
}

/** What is set there, without its secret. */
export function variablesEntered({
  scope,
  variables,
  region,
  version,
}: VariablesView): VariablesEntered {
  const lines = Object.entries(variables).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${value}`],
  );
  const fields = {
    ...{ scope, variables: lines.join('\n'), region: region ?? '' },
    version: String(version),
  };
  return { fields, problems: new Map(), others: [] };
}

/**
 * What was entered, as the API takes it.
 *
 * @throws RequestProblem with each line that is none
 */
export function variablesBody({
  version,
  variables,
  secret,
  forget,
  region,
}: VariablesFields): object {
  const all: Record<string, string | null> = {};
  const problems: Problem[] = [];
  for (const [i, line] of variables.split('\n').entries()) {
    if (line.trim() === '') continue;
    const [, name, value = ''] = /^\s*([A-Za-z]\w*)\s*=(.*)$/.exec(line) ?? [];
    if (name === undefined) problems.push(atLine(i, 'is not NAME=value'));
    else if (Object.hasOwn(all, name)) problems.push(atLine(i, `sets ${name} once more`));
    else if (name === SECRET_VARIABLE.name)
      problems.push(atLine(i, `has the secret ${name}: it has a field of its own`));
    else all[name] = value.trim();
  }
  if (problems.length > 0) throw invalid(problems);
  if (forget === 'yes') all[SECRET_VARIABLE.name] = null;
  else if (secret !== '') all[SECRET_VARIABLE.name] = secret;
  return {
    variables: all,
    ...(region.trim() === '' ? {} : { region: region.trim() }),
    version: Number(version),
  };
}

function atLine(index: number, message: string): Problem {
  return { path: '$.variables', message: `line ${index + 1} ${message}` };
}

/** The form as it was sent, and why it was not taken. Its secret and what it may say by mistake of one are for nobody to see. */
export function refusedVariables(
  problem: RequestProblem,
  { secret: _, ...fields }: VariablesFields,
): VariablesEntered {
  const problems = new Map<string, string[]>();
  const others: string[] = [];
  const found = (problem.details.problems ?? []) as readonly Problem[];
  for (const { path, message } of found) {
    const [, name = '', variable] = /^\$\.(\w+)(?:\.(\w+))?/.exec(path) ?? [];
    const field = variable === SECRET_VARIABLE.name ? 'secret' : name;
    const said = variable === undefined ? message : `${variable} ${message}`;
    if (!['variables', 'secret', 'region'].includes(field)) others.push(`${path} ${message}`);
    else problems.set(field, [...(problems.get(field) ?? []), said]);
  }
  if (problem.code === 'config.version_conflict')
    others.push(
      'Somebody has changed the variables since the form was opened, so nothing was written. Open the form anew to see what they are now.',
    );
  else if (found.length === 0) others.push(problem.message);
  return { fields, problems, others };
}

// Variables as the API takes them and tells them.
import {
  effectiveVariables,
  Region,
  scopesAbove,
  variableSets,
  type Derivation,
  type TenantVariables,
} from '@logferry/core';
import { z } from 'zod';

const VALUE_CHARS_MAX = 2_048;
const NAMES_MAX = 100;

/** All that is set at a scope: a variable that is not there is set no more, but for a secret, which stays. */
export const VariablesBody = z.strictObject({
  variables: z
    .record(
      z.string(),
      z.string('must be a text, as variables are').max(VALUE_CHARS_MAX).nullable(),
    )
    .refine((all) => Object.keys(all).length <= NAMES_MAX, `has more than ${NAMES_MAX} variables`)
    .describe(
      'by name; `null` is the same as leaving it out, and takes a secret away, which otherwise stays',
    ),
  region: Region.optional().describe(
    'the AWS Region that what is of this scope runs in, for variables whose default it is',
  ),
});
export type VariablesBody = z.infer<typeof VariablesBody>;

const ProblemView = z.strictObject({
  kind: z.enum(['unknown', 'invalid', 'missing', 'ignored']),
  scope: z.string(),
  name: z.string(),
  message: z.string(),
});

const version = z.int().min(0).describe("of all of the tenant's variables; 0 if there are none");

export const VariablesView = z.strictObject({
  scope: z.string(),
  variables: z
    .record(z.string(), z.string().nullable())
    .describe('what is set here; `null` stands for a secret'),
  region: z.string().nullable(),
  effective: z
    .record(z.string(), z.strictObject({ value: z.string().nullable(), scope: z.string() }))
    .describe('what holds here, and the scope that it comes from'),
  destinations: z
    .array(
      z.strictObject({
        id: z.string(),
        preset: z.string(),
        type: z.string(),
        enabled: z.boolean(),
        scope: z.string().describe('the nearest that makes one'),
        types: z.array(z.string()),
      }),
    )
    .describe('where log events of this scope go, as far as variables say so'),
  problems: z.array(ProblemView),
  version,
});
export type VariablesView = z.infer<typeof VariablesView>;

export const ScopesView = z.strictObject({
  scopes: z.array(z.strictObject({ scope: z.string(), variables: z.array(z.string()) })),
  problems: z.array(ProblemView),
  version,
});
export type ScopesView = z.infer<typeof ScopesView>;

/** What is known of a tenant's variables. */
export interface KnownVariables {
  all: TenantVariables;
  derivation: Derivation;
  version: number;
}

export function variablesView(
  scope: string,
  { all, derivation, version: of }: KnownVariables,
): VariablesView {
  const own = Object.hasOwn(all, scope) ? all[scope] : undefined;
  const above = [...scopesAbove(scope)];
  const destinations = nearest(above, derivation);
  const secrets = destinations.flatMap(({ set, scope: at }) =>
    Object.entries(variableSets[set].variables)
      .filter(([, { isSecret }]) => isSecret === true)
      .map(([name]) => ({ name, at })),
  );
  const values = [...effectiveVariables(all, scope)].map(
    ([name, { value, origin }]) => [name, { value, scope: origin }] as const,
  );
  return {
    scope,
    variables: {
      ...own?.variables,
      ...Object.fromEntries(
        secrets.filter(({ at }) => at === scope).map(({ name }) => [name, null]),
      ),
    },
    region: own?.region ?? null,
    effective: {
      ...Object.fromEntries(values),
      ...Object.fromEntries(secrets.map(({ name, at }) => [name, { value: null, scope: at }])),
    },
    destinations: destinations.map(({ id, scope: at, entered }) => ({
      id,
      preset: entered.preset ?? '',
      type: entered.type,
      enabled: entered.enabled,
      scope: at,
      types: entered.filter.types ?? [],
    })),
    problems: derivation.problems.filter((problem) => above.includes(problem.scope)),
    version: of,
  };
}

/** Of each set, the destination of the nearest scope. */
function nearest(above: readonly string[], { destinations }: Derivation) {
  const found = new Map<string, Derivation['destinations'][number]>();
  for (const scope of above) {
    for (const destination of destinations)
      if (destination.scope === scope && !found.has(destination.set))
        found.set(destination.set, destination);
  }
  return [...found.values()];
}

// What variables on a tenant's scopes come to: the nearest scope wins, variable by variable, and each scope at which something is set
// has a destination of its own, made from all that holds there.
import { z } from 'zod';
import { DestinationInput, Region } from './destination';
import { fnv1a } from './naming';
import { Scope, scopesAbove, TENANT_SCOPE } from './scope';
import {
  SOURCE_VARIABLES,
  variableSetNames,
  variableSets,
  type Variable,
  type VariableSet,
  type VariableSetName,
} from './variable-set';

/** Ours: a destination for each scope and set is stored, and a change of the tenant's scope makes all of them anew. */
export const SCOPES_MAX = 100;
export const DERIVED_MAX = 200;
/** Of all variables of a tenant as JSON: they are one record. */
export const VARIABLES_CHARS_MAX = 64 * 1024;
const VALUE_CHARS_MAX = 2_048;
const SHOWN_CHARS_MAX = 64;

/** What is set at one scope. Secrets are not in it. */
export const ScopeVariables = z.strictObject({
  variables: z.record(z.string(), z.string().max(VALUE_CHARS_MAX)).default({}),
  /** The AWS Region that what is of this scope runs in, as the platform knows it: the default of variables that say so. */
  region: Region.optional(),
});
export type ScopeVariables = z.infer<typeof ScopeVariables>;

/** All variables of a tenant, by scope. */
export const TenantVariables = z.record(Scope, ScopeVariables);
export type TenantVariables = z.infer<typeof TenantVariables>;

/**
 * - `unknown`, `invalid`: a fault in what is set, with which nothing is saved
 * - `missing`: something that the scope's destination needs is set nowhere
 * - `ignored`: something that is set has no effect
 */
export interface VariableProblem {
  kind: 'unknown' | 'invalid' | 'missing' | 'ignored';
  scope: string;
  name: string;
  message: string;
}

/** A value, and the scope that it is set at. */
export interface Effective {
  value: string;
  origin: string;
  /** The name that it is set by there, if that is another one of the variable's. */
  alias?: string;
}

/** A destination that a scope's variables make, without its secret. */
export interface DerivedDestination {
  id: string;
  set: VariableSetName;
  scope: string;
  entered: DestinationInput;
}

/** Told which destination it is asked for. */
export type HasSecret = (of: Pick<DerivedDestination, 'id' | 'set' | 'scope'>) => boolean;

export interface Derivation {
  destinations: DerivedDestination[];
  problems: VariableProblem[];
}

export const DERIVED_PREFIX = 'vars.';

/** Whether a destination is made from variables, by its id: those are changed by their variables and by nothing else. */
export function isDerivedId(destinationId: string): boolean {
  return destinationId.startsWith(DERIVED_PREFIX);
}

function derivedId(set: VariableSetName, scope: string): string {
  const digest =
    scope === TENANT_SCOPE
      ? 'tenant'
      : `${fnv1a(`1${scope}`).toString(36)}-${fnv1a(`2${scope}`).toString(36)}`;
  return `${DERIVED_PREFIX}${set}.${digest}`;
}

/** Which set a variable is of. */
const setOf = new Map(
  variableSetNames.flatMap((set) =>
    Object.keys(variableSets[set].variables).map((name) => [name, set] as const),
  ),
);

/** What holds at a scope: the nearest value of each variable, by the name that counts. */
export function effectiveVariables(
  all: TenantVariables,
  scope: string,
): ReadonlyMap<string, Effective> {
  const effective = new Map<string, Effective>();
  for (const origin of scopesAbove(scope)) {
    for (const [name, set] of canonical(at(all, origin)?.variables ?? {}))
      if (!effective.has(name)) effective.set(name, { ...set, origin });
  }
  return effective;
}

/** A scope may be called as a part of every object is. */
function at(all: TenantVariables, scope: string): ScopeVariables | undefined {
  return Object.hasOwn(all, scope) ? all[scope] : undefined;
}

/** Another name of a variable counts as that one, unless that is set at the same scope too. */
function canonical(
  variables: Readonly<Record<string, string>>,
): Map<string, Pick<Effective, 'value' | 'alias'>> {
  const named = new Map<string, Pick<Effective, 'value' | 'alias'>>();
  for (const [name, value] of Object.entries(variables)) {
    const { aliasOf } = variableOf(name) ?? {};
    if (aliasOf === undefined) named.set(name, { value });
    else if (!Object.hasOwn(variables, aliasOf)) named.set(aliasOf, { value, alias: name });
  }
  return named;
}

function variableOf(name: string): Variable | undefined {
  const set = setOf.get(name);
  return set === undefined ? undefined : variableSets[set].variables[name];
}

/**
 * The destinations that a tenant's variables make, and what is wrong with them.
 *
 * @param hasSecret whether the secret of a scope's destination is there: it was entered for it, or is entered now
 */
export function deriveDestinations(all: TenantVariables, hasSecret: HasSecret): Derivation {
  const derivation: Derivation = { destinations: [], problems: [] };
  for (const [scope, { variables }] of Object.entries(all)) {
    derivation.problems.push(...nameProblems(scope, variables));
    const sets = new Set(Object.keys(variables).map((name) => setOf.get(name)));
    for (const set of sets)
      if (set !== undefined) derive({ all, set, scope }, hasSecret, derivation);
  }
  // What is wrong at a scope is wrong at all below it, and told once.
  const told = new Map(
    derivation.problems.map((problem) => [JSON.stringify(problem), problem] as const),
  );
  return { ...derivation, problems: [...told.values()] };
}

interface Place {
  all: TenantVariables;
  set: VariableSetName;
  scope: string;
}

function derive(
  { all, set, scope }: Place,
  hasSecret: HasSecret,
  { destinations, problems }: Derivation,
): void {
  const { variables } = variableSets[set];
  const id = derivedId(set, scope);
  const effective = effectiveVariables(all, scope);
  const draft = new Draft(id, variableSets[set], scope);
  const faults: VariableProblem[] = [];
  const missing: VariableProblem[] = [];
  for (const [name, variable] of Object.entries(variables)) {
    if (variable.aliasOf !== undefined) continue;
    const { value, origin = scope } =
      (variable.isSecret === true ? undefined : effective.get(name)) ??
      valueElsewhere(variable, all, scope);
    const read = value === undefined ? undefined : readValue(variable, value);
    if (typeof read === 'object')
      faults.push({ kind: 'invalid', scope: origin, name: setName(effective, name), ...read });
    else if (read !== undefined) draft.set(variable.field, read);
    if (read === undefined || typeof read === 'object') draft.setProbe(variable);
    if (read === undefined && isNeeded(variable, () => hasSecret({ id, set, scope })))
      missing.push({ kind: 'missing', scope, name, message: missingMessage(variable) });
  }
  const parsed = DestinationInput.safeParse(draft.fields);
  for (const { path, message } of parsed.error?.issues ?? []) {
    const name = nameOf(variables, path.join('.')) ?? set;
    const { origin = scope } = effective.get(name) ?? {};
    faults.push({ kind: 'invalid', scope: origin, name: setName(effective, name), message });
  }
  problems.push(...faults);
  if (!parsed.success || faults.length > 0) return;
  if (missing.length === 0) destinations.push({ id, set, scope, entered: parsed.data });
  else if (parsed.data.enabled) problems.push(...missing);
}

/** The name that whoever set it knows it by. */
function setName(effective: ReadonlyMap<string, Effective>, name: string): string {
  return effective.get(name)?.alias ?? name;
}

/** What stands for a variable that is set nowhere. */
function valueElsewhere(
  { field, isRequired }: Variable,
  all: TenantVariables,
  scope: string,
): { value?: string | undefined; origin?: string } {
  return field === 'region' && isRequired !== true ? { value: regionAt(all, scope) } : {};
}

function isNeeded({ isRequired, isSecret, field }: Variable, hasSecret: () => boolean): boolean {
  return isSecret === true ? !hasSecret() : isRequired === true || field === 'region';
}

function missingMessage({ isSecret, isRequired }: Variable): string {
  if (isSecret === true)
    return 'is missing: a secret is sealed for one scope, and holds for none below it';
  return isRequired === true
    ? 'is missing: it is set neither here nor at a scope above'
    : 'is missing: the Region of this scope is not known';
}

function regionAt(all: TenantVariables, scope: string): string | undefined {
  for (const above of scopesAbove(scope)) {
    const region = at(all, above)?.region;
    if (region !== undefined) return region;
  }
  return undefined;
}

/** The fields of a destination, as they are filled in. */
class Draft {
  readonly fields: Record<string, unknown>;

  constructor(id: string, { preset, type, types, credentials }: VariableSet, scope: string) {
    this.fields = {
      id,
      type,
      preset,
      override: { scope },
      filter: { types },
      credentials: { kind: credentials },
      [type]: {},
    };
  }

  set(field: string, value: unknown): void {
    const [first = '', second] = field.split('.');
    if (second === undefined) this.fields[first] = value;
    else (this.fields[first] as Record<string, unknown>)[second] = value;
  }

  setProbe({ field, probe }: Variable): void {
    if (probe !== undefined) this.set(field, probe === 'True' ? true : probe);
  }
}

function readValue(
  { kind }: Variable,
  text: string,
): string | number | boolean | { message: string } {
  switch (kind) {
    case undefined:
      return text;
    case 'seconds':
      return /^\d{1,9}$/.test(text)
        ? Number(text)
        : { message: 'must be a whole number of seconds' };
    case 'switch':
      if (/^true$/i.test(text)) return true;
      return /^false$/i.test(text) ? false : { message: 'must be True or False' };
  }
}

function nameOf(variables: VariableSet['variables'], field: string): string | undefined {
  return Object.keys(variables).find((name) => variables[name]?.field === field);
}

function nameProblems(scope: string, variables: ScopeVariables['variables']): VariableProblem[] {
  return Object.keys(variables).flatMap((name): VariableProblem[] => {
    const at = { scope, name: name.slice(0, SHOWN_CHARS_MAX) };
    const variable = variableOf(name);
    if (variable === undefined) return [{ kind: 'unknown', ...at, message: unknownMessage(name) }];
    if (variable.isSecret === true)
      return [{ kind: 'invalid', ...at, message: 'is a secret, and stored only as it is sealed' }];
    const { aliasOf } = variable;
    if (aliasOf === undefined || !Object.hasOwn(variables, aliasOf)) return [];
    return [{ kind: 'ignored', ...at, message: `is another name of ${aliasOf}, which wins` }];
  });
}

/** Names what is known, for a name with a slip in it is mostly almost right. */
function unknownMessage(name: string): string {
  if (SOURCE_VARIABLES.includes(name))
    return 'is a setting of the source that pulls logs from Auth0, and not of where they go';
  const family = /^[A-Z0-9]+_/i.exec(name)?.[0].toUpperCase() ?? '';
  const known = [...setOf.keys()];
  const alike = known.filter((other) => family !== '' && other.startsWith(family));
  return `is no variable that is known; there are ${(alike.length > 0 ? alike : known).join(', ')}`;
}

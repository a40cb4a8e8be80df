import {
  deriveDestinations,
  effectiveVariables,
  SECRET_VARIABLE,
  type ScopeVariables,
  type TenantVariables,
} from '@logferry/core';
import type { Expected } from './console-client';
import { fieldChanges } from './field-changes';
import { scopeAddress, type ShownScope, type ShownScopes } from './installation';
import type { FileProblem, Path, ReadFile, ScopeEntry } from './logferry-file';
import type { Change, Plan, PlanOptions } from './plan';
import { secretToWrite } from './secret-to-write';

interface WantedScopes {
  tenant: string;
  entries: readonly ScopeEntry[];
  /** Where the list stands in the file. */
  at: Path;
}

/** What is to be written of a tenant's variables, scope by scope: a change of one may be a fault at another below it. */
export function planScopes(
  read: ReadFile,
  { tenant, entries, at }: WantedScopes,
  there: ShownScopes,
  options: PlanOptions,
): Plan {
  const before = variablesOf(there.scopes);
  const left = there.scopes.filter(({ scope }) => entries.every((entry) => entry.scope !== scope));
  const after = { ...(options.prune ? {} : variablesOf(left)), ...wantedOf(entries) };
  const plan: Plan = { changes: [], problems: faultsOf(read, after, { tenant, entries, at }) };
  const expected: Expected = there.version === 0 ? 'absent' : there.version;
  entries.forEach((entry, i) => {
    const { scope, variables, region } = entry;
    const known = there.scopes.find((one) => one.scope === scope);
    const was = known === undefined ? {} : wantedFields(before[scope]);
    const fields = fieldChanges(was, wantedFields(entry));
    const secretAt = [...at, i, 'variables', SECRET_VARIABLE.name];
    const hasSecret = known?.variables[SECRET_VARIABLE.name] === null;
    const secret = secretToWrite(read.secretAt(secretAt), {
      of: 'key',
      isThere: hasSecret && keyIdAt(before, scope) === keyIdAt(after, scope),
      isNeeded: hasSecret, // variables may be set before those that they need
      isResent: options.resendSecrets,
      folder: options.folder,
    });
    const all = { ...variables };
    if (secret !== undefined && 'problem' in secret)
      plan.problems.push(read.problem(secretAt, secret.problem));
    else if (secret !== undefined) {
      fields.push({ field: `variables.${SECRET_VARIABLE.name}`, after: secret.shown });
      all[SECRET_VARIABLE.name] = secret.secret;
    }
    if (known !== undefined && fields.length === 0) return;
    plan.changes.push({
      action: known === undefined ? 'create' : 'change',
      kind: 'variables',
      tenant,
      name: scope,
      fields,
      to: { address: scopeAddress(tenant, scope), body: { variables: all, region }, expected },
    });
  });
  if (options.prune)
    plan.changes.push(...left.map(({ scope }) => deletion(tenant, scope, expected)));
  return plan;
}

function deletion(tenant: string, scope: string, expected: Expected): Change {
  const to = { address: scopeAddress(tenant, scope), expected };
  return { action: 'delete', kind: 'variables', tenant, name: scope, fields: [], to };
}

function wantedOf(entries: readonly ScopeEntry[]): TenantVariables {
  return Object.fromEntries(entries.map(({ scope, ...here }) => [scope, here]));
}

/** Without secrets, which are no part of what variables come to. */
function variablesOf(scopes: readonly ShownScope[]): TenantVariables {
  return Object.fromEntries(
    scopes.map(({ scope, variables, region }) => {
      const plain = Object.entries(variables).filter(([, value]) => value !== null);
      const here = { variables: Object.fromEntries(plain) as Record<string, string> };
      return [scope, { ...here, ...(region === null ? {} : { region }) }];
    }),
  );
}

function wantedFields({ region, variables }: Partial<ScopeVariables> = {}): object {
  return { region, variables };
}

function keyIdAt(all: TenantVariables, scope: string): string | undefined {
  return effectiveVariables(all, scope).get(SECRET_VARIABLE.keyId)?.value;
}

/** What the console would refuse, told with its line before anything is written. */
function faultsOf(
  read: ReadFile,
  all: TenantVariables,
  { entries, at }: WantedScopes,
): FileProblem[] {
  return deriveDestinations(all, () => true)
    .problems.filter(({ kind }) => kind === 'unknown' || kind === 'invalid')
    .map(({ scope, name, message }) => {
      const i = entries.findIndex((entry) => entry.scope === scope);
      return i < 0
        ? read.problem(at, `with these, ${name} of the scope ${scope} ${message}`)
        : read.problem([...at, i, 'variables', name], message);
    });
}

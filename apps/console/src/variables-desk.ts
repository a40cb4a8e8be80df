import {
  CredentialsInput,
  deriveDestinations,
  Destination,
  DERIVED_MAX,
  isDerivedId,
  Scope,
  SCOPES_MAX,
  SECRET_VARIABLE,
  TenantVariables,
  VARIABLES_CHARS_MAX,
  type DerivedDestination,
  type Derivation,
  type VariableProblem,
} from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import {
  destinationPlace,
  tenantPlace,
  variablesPlace,
  type Expected,
  type RecordWrite,
  type StoredText,
  type Written,
} from '@logferry/store';
import { stored, tooMany, unknownTenant, waitingProblem, type Put } from './config-outcome';
import { invalid, parseConfig, type Problem } from './config-problem';
import { jsonOf, Versioned } from './config-views';
import { byOf, mayWrite, type WriteRequest } from './config-write';
import { refuseCredentials, type DestinationDeskParts } from './destination-desk';
import { expectedOf, expectedOfRead, mayReadAgain } from './precondition';
import {
  VariablesBody,
  variablesView,
  type KnownVariables,
  type ScopesView,
  type VariablesView,
} from './variables-view';

/** Others may write between the look and the write, and not again and again. */
const TRIES = 20;

/** What is stored of a tenant's variables and of the destinations that they made. */
interface Stored {
  all: TenantVariables;
  version: number | undefined;
  destinations: ReadonlyMap<string, StoredDestination>;
}

/** A destination that variables made, of the version that must still be there when it is written over. */
interface StoredDestination {
  version: number;
  /** Nothing, if it cannot be read. */
  destination: Destination | undefined;
}

/** A change of one scope. */
interface Change {
  tenantId: string;
  scope: string;
  /** Nothing, to delete all that is set there. */
  body: VariablesBody | undefined;
  force: boolean;
}

/** What may be done with a tenant's variables. A change of them makes, changes and deletes destinations in the same step. */
export class VariablesDesk {
  constructor(private readonly parts: DestinationDeskParts) {}

  /** @throws RequestProblem if there is no such tenant */
  async scopes(tenantId: string): Promise<ScopesView> {
    const { all, derivation, version } = await this.known(tenantId);
    const scopes = Object.entries(all).map(([scope, { variables }]) => ({
      scope,
      variables: Object.keys(variables),
    }));
    return { scopes, problems: derivation.problems, version };
  }

  /** @throws RequestProblem if there is no such tenant */
  async find(tenantId: string, scope: string): Promise<VariablesView> {
    return variablesView(readScope(scope), await this.known(tenantId));
  }

  /** @throws RequestProblem with everything that is wrong: then nothing is changed */
  async put(
    tenantId: string,
    scope: string,
    { force, ...request }: WriteRequest & { force: boolean },
  ): Promise<Put<VariablesView>> {
    const { version, ...fields } = parseConfig(Versioned, request.body);
    const body = parseConfig(VariablesBody, fields);
    return this.write(request, { tenantId, scope: readScope(scope), body, force }, version);
  }

  /** @throws RequestProblem */
  async delete(
    tenantId: string,
    scope: string,
    { force, ...request }: WriteRequest & { force: boolean },
  ): Promise<VariablesView> {
    const change = { tenantId, scope: readScope(scope), body: undefined, force };
    return (await this.write(request, change)).view;
  }

  private async write(
    request: WriteRequest,
    change: Change,
    version?: number,
  ): Promise<Put<VariablesView>> {
    const { store, readOnly } = this.parts;
    mayWrite(readOnly);
    const { tenantId, scope } = change;
    const asked = expectedOf(request.headers, version);
    for (let tries = 0; tries < TRIES; tries++) {
      const before = await this.stored(tenantId);
      // It is what whoever asks is told where nothing is set.
      const expected = asked === 0 && before.version === undefined ? 'absent' : asked;
      const created = !Object.hasOwn(before.all, scope);
      const all = changed(before.all, change);
      const derivation = derive(all, before, change);
      const writes = await this.destinationWrites(derivation.destinations, before, change);
      const written = await store.write(byOf(request), [
        {
          place: variablesPlace(tenantId),
          to: { value: Object.keys(all).length === 0 ? undefined : all },
          expected: expectedOfRead(expected, before.version),
        },
        { place: tenantPlace(tenantId), expected: 'present' },
        ...writes,
      ]);
      if (written.kind === 'conflict' && isOvertaken(written, expected)) continue;
      const known = { all, derivation, version: stored(written, 'variables').version };
      return { created, view: variablesView(scope, known) };
    }
    throw new Error('variables are changed by others again and again');
  }

  /** What becomes of the destinations that variables make: those that are no more are deleted. */
  private async destinationWrites(
    derived: readonly DerivedDestination[],
    before: Stored,
    { tenantId, scope, body, force }: Change,
  ): Promise<RecordWrite[]> {
    const { waiting } = this.parts;
    const checked = new Set<string>();
    const writes: RecordWrite[] = [];
    for (const destination of derived) {
      const secret = destination.scope === scope ? body?.variables[SECRET] : undefined;
      const value = await this.toStore(tenantId, destination, { secret, before, checked });
      const expected = before.destinations.get(destination.id)?.version ?? 'absent';
      writes.push({ place: destinationPlace(tenantId, destination.id), to: { value }, expected });
    }
    const left = new Set(derived.map(({ id }) => id));
    for (const [id, { version: expected }] of before.destinations) {
      if (left.has(id)) continue;
      const logEvents = force ? 0 : await waiting.ofDestination(tenantId, id);
      if (logEvents > 0) throw waitingProblem('destination', logEvents, 'log events');
      writes.push({ place: destinationPlace(tenantId, id), to: { value: undefined }, expected });
    }
    return writes;
  }

  private async toStore(
    tenantId: string,
    { id, entered }: DerivedDestination,
    {
      secret,
      before,
      checked,
    }: { secret: string | null | undefined; before: Stored; checked: Set<string> },
  ): Promise<Destination> {
    const { broker, check } = this.parts;
    const of = before.destinations.get(id)?.destination;
    const input = withSecret(entered.credentials, secret);
    const credentials = await broker
      .storedCredentials({ tenantId, destinationId: id }, input, of?.credentials)
      .catch(refuseCredentials);
    if (credentials === undefined)
      throw invalid([problemAt(SECRET, 'is missing, for another key')]);
    const destination = Destination.parse({ ...entered, credentials });
    // Many scopes have one role: it is looked at once in a Region. What stays as it is, is left to the daily check.
    const shown = JSON.stringify([credentials, destination.region]);
    const isSame = of !== undefined && JSON.stringify(of) === JSON.stringify(destination);
    if (!destination.enabled || isSame || checked.has(shown)) return destination;
    checked.add(shown);
    const refusal = await check(tenantId, destination, of);
    if (refusal !== undefined) throw new RequestProblem(422, 'config.refused', refusal);
    return destination;
  }

  private async known(tenantId: string): Promise<KnownVariables> {
    const { all, destinations, version = 0 } = await this.stored(tenantId);
    return { all, derivation: deriveDestinations(all, ({ id }) => destinations.has(id)), version };
  }

  private async stored(tenantId: string): Promise<Stored> {
    const { store } = this.parts;
    const ids = (await store.destinationIds(tenantId)).filter(isDerivedId);
    const [tenant, variables, ...destinations] = await store.find([
      tenantPlace(tenantId),
      variablesPlace(tenantId),
      ...ids.map((id) => destinationPlace(tenantId, id)),
    ]);
    if (tenant === undefined) throw unknownTenant();
    const made = ids.flatMap((id, i): [string, StoredDestination][] => {
      const record = destinations[i];
      if (record === undefined) return [];
      const destination = Destination.safeParse(jsonOf(record.text)).data;
      return [[id, { version: record.version, destination }]];
    });
    return {
      all: variables === undefined ? {} : readVariables(variables),
      version: variables?.version,
      destinations: new Map(made),
    };
  }
}

/** @throws RequestProblem: all scopes are one record, so that writing one of them would delete the others */
function readVariables({ text }: StoredText): TenantVariables {
  const { data } = TenantVariables.safeParse(jsonOf(text));
  if (data !== undefined) return data;
  throw new RequestProblem(
    409,
    'config.unreadable',
    'what is stored of the variables cannot be read; whoever runs the platform has to bring it back from a backup',
  );
}

/**
 * Whether to look again and do it anew: what variables made is nobody's who asked for a version of the variables, and somebody else
 * may have written it, such as its secret sealed with a newer key.
 */
function isOvertaken(
  { place, version }: Extract<Written, { kind: 'conflict' }>,
  expected: Expected | undefined,
): boolean {
  if (place.kind !== 'variables') return place.kind === 'destination';
  const isMissing = expected === 'present' && version === undefined;
  return mayReadAgain(expected) && !isMissing;
}

/** It is sealed into the destination of its scope, and kept nowhere else. */
const SECRET = SECRET_VARIABLE.name;

function readScope(scope: string): string {
  const parsed = Scope.safeParse(scope);
  // As the name of a member it is none: JavaScript keeps it for itself.
  if (parsed.success && scope !== '__proto__') return parsed.data;
  const message = parsed.error?.issues[0]?.message ?? 'is no name';
  throw new RequestProblem(400, 'request.invalid_field', `the scope ${message}`);
}

/** @throws RequestProblem if there is no room */
function changed(before: TenantVariables, { scope, body }: Change): TenantVariables {
  const others = Object.fromEntries(Object.entries(before).filter(([other]) => other !== scope));
  if (body === undefined) return others;
  const variables = Object.entries(body.variables).flatMap(([name, value]) =>
    value === null || name === SECRET ? [] : [[name, value] as const],
  );
  if (variables.length === 0 && body.region === undefined) return others;
  const { region } = body;
  const here = {
    variables: Object.fromEntries(variables),
    ...(region === undefined ? {} : { region }),
  };
  const all = { ...others, [scope]: here };
  if (Object.keys(all).length > SCOPES_MAX) throw tooMany(SCOPES_MAX, 'scopes with variables');
  if (JSON.stringify(all).length > VARIABLES_CHARS_MAX)
    throw tooMany(VARIABLES_CHARS_MAX, 'characters of variables');
  return all;
}

/** @throws RequestProblem with all that is wrong */
function derive(all: TenantVariables, { destinations }: Stored, change: Change): Derivation {
  const { scope, body } = change;
  const secret = body?.variables[SECRET];
  const derivation = deriveDestinations(all, ({ id, scope: at }) =>
    at === scope && secret !== undefined ? secret !== null : destinations.has(id),
  );
  if (derivation.destinations.length > DERIVED_MAX)
    throw tooMany(DERIVED_MAX, 'destinations made from variables');
  const faults = derivation.problems
    .filter(({ kind }) => kind === 'unknown' || kind === 'invalid')
    .map((problem) => told(problem, scope));
  const isUsed = derivation.destinations.some(
    (one) => one.scope === scope && one.entered.credentials.kind === 'access_key',
  );
  if (typeof secret === 'string' && !isUsed)
    faults.push(
      problemAt(SECRET, 'is kept only together with all else that Auth0 needs, at the same scope'),
    );
  if (faults.length > 0) throw invalid(faults);
  return derivation;
}

function told({ scope, name, message }: VariableProblem, here: string): Problem {
  return scope === here
    ? problemAt(name, message)
    : { path: '$.variables', message: `with these, ${name} of the scope ${scope} ${message}` };
}

function problemAt(name: string, message: string): Problem {
  return { path: `$.variables.${name}`, message };
}

/** @throws RequestProblem */
function withSecret(
  credentials: CredentialsInput,
  secret: string | null | undefined,
): CredentialsInput {
  if (typeof secret !== 'string' || credentials.kind !== 'access_key') return credentials;
  const parsed = CredentialsInput.safeParse({ ...credentials, secretAccessKey: secret });
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error.issues.map(({ message }) => problemAt(SECRET, message)));
}

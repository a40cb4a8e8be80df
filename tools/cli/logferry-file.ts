// logferry.yaml: what shall be there. Read strictly, and all that is wrong is told at once, by path and line.
import {
  ChannelInput,
  CHANNELS_MAX,
  DestinationInput,
  DESTINATIONS_MAX,
  isDerivedId,
  jsonPath,
  keyScopes,
  schemaProblems,
  Scope,
  SCOPES_MAX,
  ScopeVariables,
  SECRET_VARIABLE,
  SourceInput,
  SOURCES_MAX,
  Tenant,
} from '@logferry/core';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import { z } from 'zod';
import { secretReference, type SecretReference } from './secret-reference';

const KeyEntry = z.strictObject({
  name: z.string().min(1).max(100),
  scopes: z.array(z.enum(keyScopes)).min(1).optional(),
  logEventsPerSecond: z.int().min(0).optional(),
  bytesPerSecond: z.int().min(0).optional(),
});
export type KeyEntry = z.infer<typeof KeyEntry>;

const keys = z.array(KeyEntry).superRefine(onceEach(({ name }) => name));

const ScopeEntry = z
  .strictObject({ scope: Scope, ...ScopeVariables.shape })
  .refine(
    ({ variables, region }) => region !== undefined || Object.keys(variables).length > 0,
    'says nothing: give it variables or a region, or leave it out',
  );
export type ScopeEntry = z.infer<typeof ScopeEntry>;

const TenantEntry = z.strictObject({
  ...Tenant.shape,
  destinations: z
    .array(DestinationInput)
    .max(DESTINATIONS_MAX)
    .superRefine(onceEach(({ id }) => id))
    .superRefine(refuseDerived)
    .optional(),
  scopes: z
    .array(ScopeEntry)
    .max(SCOPES_MAX)
    .superRefine(onceEach(({ scope }) => JSON.stringify(scope)))
    .optional(),
  channels: z
    .array(ChannelInput)
    .max(CHANNELS_MAX)
    .superRefine(onceEach(({ id }) => id))
    .optional(),
  sources: z
    .array(SourceInput)
    .max(SOURCES_MAX)
    .superRefine(onceEach(({ id }) => id))
    .optional(),
  keys: keys.optional(),
});
export type TenantEntry = z.infer<typeof TenantEntry>;

const LogferryFile = z.strictObject({
  tenants: z
    .array(TenantEntry)
    .superRefine(onceEach(({ id }) => id))
    .default([]),
  keys: keys.optional(),
});
export type LogferryFile = z.infer<typeof LogferryFile>;

/** The later of two would take the place of the first, and what a customer wanted would be nowhere. */
function onceEach<T>(nameOf: (entry: T) => string) {
  return (entries: readonly T[], context: z.RefinementCtx): void => {
    const seen = new Set<string>();
    for (const [i, entry] of entries.entries()) {
      const name = nameOf(entry);
      if (seen.size !== seen.add(name).size) continue;
      context.addIssue({ code: 'custom', path: [i], message: `${name} stands there twice` });
    }
  };
}

/** Those are changed by their variables and nothing else. */
function refuseDerived(destinations: readonly { id: string }[], context: z.RefinementCtx): void {
  for (const [i, { id }] of destinations.entries()) {
    const message = `${id} is an id of a destination that variables make`;
    if (isDerivedId(id)) context.addIssue({ code: 'custom', path: [i, 'id'], message });
  }
}

export type Path = readonly PropertyKey[];

export interface FileProblem {
  line: number | undefined;
  path: string;
  message: string;
}

/** A file that is good. */
export interface ReadFile {
  file: LogferryFile;
  /** What it says of something, without what it leaves out. */
  asWritten(path: Path): unknown;
  /** Where a secret is to be had, if the file says it at this path. */
  secretAt(path: Path): SecretReference | undefined;
  problem(path: Path, message: string): FileProblem;
}

export function readLogferryFile(text: string): ReadFile | { problems: FileProblem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0)
    return {
      problems: document.errors.map(({ pos, message }) => ({
        line: lines.linePos(pos[0]).line,
        path: '$',
        message,
      })),
    };
  const problem = (path: Path, message: string): FileProblem => ({
    line: lineOf(document, lines, path),
    path: jsonPath(path),
    message,
  });
  const value = valueOf(document);
  if ('message' in value) return { problems: [problem([], value.message)] };
  const { written } = value;
  const { secrets, misplaced } = takeSecrets(written);
  const secretAt = (path: Path): SecretReference | undefined => secrets.get(jsonPath(path));
  const parsed = LogferryFile.safeParse(written, { reportInput: true });
  const problems = [
    ...misplaced.map((path) =>
      problem(path, 'a secret is not written here: say ${ENV:NAME} or ${FILE:path}'),
    ),
    ...(parsed.success
      ? []
      : schemaProblems(parsed.error).map(({ path, message }) =>
          problem(path, withHint(message, at(written, path))),
        )),
  ];
  if (!parsed.success || problems.length > 0)
    return { problems: problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)) };
  return { file: parsed.data, asWritten: (path) => at(written, path), secretAt, problem };
}

/** An empty file says as much as `{}`. Aliases that grow without bound are refused by the parser. */
function valueOf(document: Document): { written: unknown } | { message: string } {
  try {
    return { written: (document.toJS({ maxAliasCount: 100 }) as unknown) ?? {} };
  } catch (error) {
    return { message: error instanceof Error ? error.message : String(error) };
  }
}

/** In each entry of these lists of a tenant, there may be a secret at this path. */
const secretPlaces = [
  ['destinations', ['credentials'], 'secretAccessKey'],
  ['scopes', ['variables'], SECRET_VARIABLE.name],
  ['channels', [], 'url'],
  ['channels', [], 'signingSecret'],
  ['sources', [], 'clientSecret'],
] as const;

/** Takes the references to secrets out, which are no values of a secret. */
function takeSecrets(written: unknown): {
  secrets: Map<string, SecretReference>;
  misplaced: Path[];
} {
  const secrets = new Map<string, SecretReference>();
  const misplaced: Path[] = [];
  const take = (holder: unknown, name: string, path: Path): void => {
    if (!isObject(holder) || holder[name] === undefined) return;
    const reference = secretReference(holder[name]);
    if (reference === undefined) misplaced.push(path);
    else secrets.set(jsonPath(path), reference);
    // Not even in a problem may it be shown.
    delete holder[name];
  };
  for (const [t, tenant] of entriesOf(at(written, ['tenants']))) {
    for (const [list, holder, name] of secretPlaces) {
      for (const [i, entry] of entriesOf(at(tenant, [list])))
        take(at(entry, holder), name, ['tenants', t, list, i, ...holder, name]);
    }
  }
  return { secrets, misplaced };
}

/** YAML takes `123456789012` for a number, and `on` and `1.10` for what was not meant either. */
function withHint(message: string, value: unknown): string {
  const isOther = typeof value === 'number' || typeof value === 'boolean';
  return message === 'must be a string' && isOther ? `${message}: put it in quotes` : message;
}

function entriesOf(value: unknown): [number, unknown][] {
  return Array.isArray(value) ? [...(value as unknown[]).entries()] : [];
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, step) => (isObject(inner) ? inner[step as string] : undefined),
    value,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The line of the last step of a path that is there. */
function lineOf(document: Document, lines: LineCounter, path: Path): number | undefined {
  let node: Node | null | undefined = document.contents;
  let offset = node?.range?.[0];
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step);
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0];
      node = pair.value as Node | null;
    } else if (isSeq(node)) {
      node = node.items[Number(step)] as Node | undefined;
      offset = node?.range?.[0] ?? offset;
    } else break;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

import { isDeepStrictEqual } from 'node:util';

/** One field as it was and as it shall be; `undefined` where it is not. */
export interface FieldChange {
  field: string;
  before?: unknown;
  after?: unknown;
}

/** What differs, field by field, in the order of the later one. */
export function fieldChanges(before: unknown, after: unknown): FieldChange[] {
  const was = fieldsOf(before);
  const is = fieldsOf(after);
  return [...new Set([...is.keys(), ...was.keys()])]
    .map((field) => ({ field, before: was.get(field), after: is.get(field) }))
    .filter((change) => !isDeepStrictEqual(change.before, change.after));
}

/** A list is one field: of what moved within it, nobody could tell what became of what. */
function fieldsOf(value: unknown): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  const add = (inner: unknown, name: string): void => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) {
      if (inner !== undefined) fields.set(name, inner);
      return;
    }
    for (const [key, field] of Object.entries(inner))
      add(field, name === '' ? key : `${name}.${key}`);
  };
  add(value ?? {}, '');
  return fields;
}

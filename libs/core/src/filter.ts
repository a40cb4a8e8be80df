import { z } from 'zod';
import { compileCondition, ConditionSchema } from './condition';
import type { LogEvent } from './log-event';
import { fnv1a } from './naming';

/** Which log events a destination wants. */
export const Filter = z
  .strictObject({
    types: z.array(z.string().min(1)).min(1).max(100).optional().describe('only these types'),
    levels: z.array(z.string().min(1)).min(1).max(20).optional().describe('only these levels'),
    scopes: z
      .array(z.string().min(1))
      .min(1)
      .max(100)
      .optional()
      .describe('only these scopes and what is below them'),
    where: ConditionSchema.optional().describe(
      'only log events whose attributes are as this condition says: see [conditions](#conditions)',
    ),
    sample: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe(
        'only this share of the log events, chosen by their `id`, or by time and message: the same log event is always in or out, and what is in a small share is in every larger one',
      ),
  })
  .default({});
export type Filter = z.infer<typeof Filter>;

/**
 * Whether a destination wants a log event. A filter that is not given lets everything pass; those that are given must all agree.
 * A scope matches itself and everything below it: `project/web` matches `project/web/environment/prod`, not `project/website`.
 */
export function filterOf({ filter }: { filter: Filter }): (event: LogEvent) => boolean {
  const { types, levels, scopes, where, sample } = filter;
  const checks: ((event: LogEvent) => boolean)[] = [];
  if (types !== undefined) {
    const typeSet = new Set(types);
    checks.push((event) => typeSet.has(event.type));
  }
  if (levels !== undefined) {
    const levelSet = new Set(levels);
    checks.push(({ level }) => level !== undefined && levelSet.has(level));
  }
  if (scopes !== undefined) {
    const list = scopes.map((scope) => (scope.endsWith('/') ? scope.slice(0, -1) : scope));
    checks.push((event) => list.some((scope) => isWithin(event.scope, scope)));
  }
  if (where !== undefined) {
    const holds = compileCondition(where);
    checks.push((event) => holds(event.attributes));
  }
  // Last, since it is the one that may have to look at the whole message.
  if (sample !== undefined) checks.push((event) => isSampled(event, sample));
  return all(checks);
}

function all(checks: readonly ((event: LogEvent) => boolean)[]): (event: LogEvent) => boolean {
  const [first, ...others] = checks;
  if (first === undefined) return () => true;
  if (others.length === 0) return first;
  return (event) => checks.every((check) => check(event));
}

function isWithin(scope: string | undefined, ancestor: string): boolean {
  return scope !== undefined && (scope === ancestor || scope.startsWith(`${ancestor}/`));
}

/** By the log event alone and not by chance: a request that is sent again is sampled alike, and so is the same log event elsewhere. */
function isSampled({ id, timeMs, message }: LogEvent, share: number): boolean {
  return fnv1a(id ?? `${timeMs}\n${message}`) < share * 2 ** 32;
}

// Conditions on a log event's attributes, for filters. There is no regular expression among them: one that a tenant writes could keep
// ingest busy for everybody with a single log event, and prefixes and lists say what filters of logs are asked to say.
import { z } from 'zod';
import { LOG_EVENT } from './limits';

/** Ours: every log event of the tenant may have to be asked all of them. */
export const CONDITION_DEPTH_MAX = 4;
export const CONDITIONS_MAX = 64;
const VALUES_MAX = 100;

/** One comparison of one attribute, or conditions joined by one of `and`, `or` and `not`. */
export interface Condition {
  attribute?: string | undefined;
  equals?: string | undefined;
  in?: string[] | undefined;
  prefix?: string | undefined;
  exists?: boolean | undefined;
  and?: Condition[] | undefined;
  or?: Condition[] | undefined;
  not?: Condition | undefined;
}

const JOINS = ['and', 'or', 'not'] as const;
const COMPARISONS = ['equals', 'in', 'prefix', 'exists'] as const;

/** An attribute's name, as log events may have it. */
export const AttributeName = z
  .string()
  .min(1)
  .max(LOG_EVENT.attributeNameCharsMax)
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'must not hold control characters');

const value = z.string().max(LOG_EVENT.attributeValueCharsMax);
const comparison = {
  attribute: AttributeName.optional(),
  equals: value.optional(),
  in: z.array(value).min(1).max(VALUES_MAX).optional(),
  prefix: value.min(1).optional(),
  exists: z.boolean().optional(),
};

/** Written out level by level, since a schema that speaks of itself would follow what was sent as deep as that goes. */
function conditionOf(depth: number): z.ZodType<Condition, Condition> {
  const inner: z.ZodType<Condition, Condition> =
    depth === 1
      ? z.never(`is nested deeper than ${CONDITION_DEPTH_MAX} levels`)
      : conditionOf(depth - 1);
  const joined = z.array(inner).min(1).max(CONDITIONS_MAX).optional();
  return z
    .strictObject({ ...comparison, and: joined, or: joined, not: inner.optional() })
    .superRefine((condition, context) => {
      const message = shapeProblem(condition);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    });
}

function shapeProblem(condition: Condition): string | undefined {
  const joins = JOINS.filter((name) => condition[name] !== undefined);
  const comparisons = COMPARISONS.filter((name) => condition[name] !== undefined);
  if (joins.length + (condition.attribute === undefined ? 0 : 1) !== 1)
    return 'must have exactly one of attribute, and, or, not';
  if (comparisons.length !== (joins.length === 1 ? 0 : 1))
    return joins.length === 1
      ? `${joins.join()} stands alone; a comparison belongs to an attribute`
      : `an attribute is compared by exactly one of ${COMPARISONS.join(', ')}`;
  return undefined;
}

export const ConditionSchema = conditionOf(CONDITION_DEPTH_MAX).refine(
  (condition) => count(condition) <= CONDITIONS_MAX,
  `has more than ${CONDITIONS_MAX} conditions`,
);

function count({ and = [], or = [], not }: Condition): number {
  const inner = [...and, ...or, ...(not === undefined ? [] : [not])];
  return inner.reduce((sum, condition) => sum + count(condition), 1);
}

type Attributes = Readonly<Record<string, string>> | undefined;

/** Reads a condition once, so that asking it is only comparing. */
export function compileCondition(condition: Condition): (attributes: Attributes) => boolean {
  const { and, or, not, attribute } = condition;
  if (and !== undefined) {
    const all = and.map(compileCondition);
    return (attributes) => all.every((holds) => holds(attributes));
  }
  if (or !== undefined) {
    const some = or.map(compileCondition);
    return (attributes) => some.some((holds) => holds(attributes));
  }
  if (not !== undefined) {
    const inner = compileCondition(not);
    return (attributes) => !inner(attributes);
  }
  const compare = comparisonOf(condition);
  const name = attribute ?? '';
  return (attributes) =>
    compare(
      attributes !== undefined && Object.hasOwn(attributes, name) ? attributes[name] : undefined,
    );
}

/** What an attribute must be; one that the log event does not have is nothing but not there. */
function comparisonOf(condition: Condition): (value: string | undefined) => boolean {
  const { equals, prefix, exists } = condition;
  if (equals !== undefined) return (value) => value === equals;
  if (prefix !== undefined) return (value) => value?.startsWith(prefix) === true;
  if (exists !== undefined) return (value) => (value !== undefined) === exists;
  const values = new Set(condition.in);
  return (value) => value !== undefined && values.has(value);
}

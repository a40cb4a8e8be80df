// IAM's Condition block: every operator and every key must hold; of a key's values one is enough.
import { expandPattern, matchesArn, matchesPattern } from './iam-pattern';
import type { ConditionContext } from './iam-pattern';

export type ConditionBlock = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

type Test = (wanted: string, given: string, context: ConditionContext) => boolean;

const equals: Test = (wanted, given, context) => {
  const marked = expandPattern(wanted, context);
  return marked !== undefined && unmark(marked) === given;
};
const equalsIgnoringCase: Test = (wanted, given, context) =>
  equals(wanted.toLowerCase(), given.toLowerCase(), context);

/** Outside the Like operators a star is a star. */
function unmark(text: string): string {
  return text.replaceAll('\uE000', '*').replaceAll('\uE001', '?');
}

const OPERATORS: ReadonlyMap<string, { readonly test: Test; readonly isNegated: boolean }> =
  new Map([
    ['StringEquals', { test: equals, isNegated: false }],
    ['StringNotEquals', { test: equals, isNegated: true }],
    ['StringEqualsIgnoreCase', { test: equalsIgnoringCase, isNegated: false }],
    ['StringNotEqualsIgnoreCase', { test: equalsIgnoringCase, isNegated: true }],
    ['StringLike', { test: matchesPattern, isNegated: false }],
    ['StringNotLike', { test: matchesPattern, isNegated: true }],
    ['ArnEquals', { test: matchesArn, isNegated: false }],
    ['ArnLike', { test: matchesArn, isNegated: false }],
    ['ArnNotEquals', { test: matchesArn, isNegated: true }],
    ['ArnNotLike', { test: matchesArn, isNegated: true }],
    ['Bool', { test: equalsIgnoringCase, isNegated: false }],
  ]);

interface Operator {
  readonly name: string;
  readonly quantifier: 'ForAnyValue' | 'ForAllValues' | undefined;
  readonly isOptional: boolean;
}

function parseOperator(text: string): Operator {
  const mark = text.indexOf(':');
  const prefix = text.slice(0, Math.max(mark, 0));
  const rest = text.slice(mark + 1);
  const isOptional = rest.endsWith('IfExists');
  const quantifier = prefix === 'ForAnyValue' || prefix === 'ForAllValues' ? prefix : undefined;
  return { name: isOptional ? rest.slice(0, -'IfExists'.length) : rest, quantifier, isOptional };
}

/** An operator this engine does not know must be refused when the policy is read: ignoring it would allow what AWS denies. */
export function isKnownOperator(text: string): boolean {
  const { name, quantifier } = parseOperator(text);
  if (text.includes(':') && quantifier === undefined) return false;
  return name === 'Null' || OPERATORS.has(name);
}

export function isConditionMet(
  block: ConditionBlock | undefined,
  context: ConditionContext,
): boolean {
  return Object.entries(block ?? {}).every(([operatorText, keys]) =>
    Object.entries(keys).every(([key, wanted]) =>
      isKeyMet(parseOperator(operatorText), wanted, context.get(key.toLowerCase()), context),
    ),
  );
}

function isKeyMet(
  operator: Operator,
  wanted: readonly string[],
  given: readonly string[] | undefined,
  context: ConditionContext,
): boolean {
  if (operator.name === 'Null') {
    return wanted.some((value) => (value.toLowerCase() === 'true') === (given === undefined));
  }
  const rule = OPERATORS.get(operator.name);
  if (rule === undefined) return false;
  if (given === undefined || given.length === 0) {
    if (operator.isOptional || operator.quantifier === 'ForAllValues') return true;
    // A missing key satisfies a negated operator and no other: this is IAM's rule, and the trap in it is meant.
    return rule.isNegated && operator.quantifier === undefined;
  }
  const holds = (value: string): boolean =>
    wanted.some((text) => rule.test(text, value, context)) !== rule.isNegated;
  const needsAll =
    operator.quantifier === 'ForAllValues' || (operator.quantifier === undefined && rule.isNegated);
  return needsAll ? given.every(holds) : given.some(holds);
}

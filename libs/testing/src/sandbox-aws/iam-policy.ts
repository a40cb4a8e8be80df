// A small IAM: policy documents are read strictly (what is not understood is refused, never skipped) and evaluated as AWS does:
// an explicit Deny wins, otherwise one Allow is enough, otherwise nothing is allowed.
import { z } from 'zod';
import { isConditionMet, isKnownOperator } from './iam-condition';
import type { ConditionContext } from './iam-pattern';
import { matchesAction, matchesArn, matchesPattern } from './iam-pattern';

export type PolicyKind = 'identity' | 'session' | 'trust';

export class MalformedPolicy extends Error {}

const OneOrMany = z
  .union([z.string(), z.array(z.string()).min(1)])
  .transform((value) => (typeof value === 'string' ? [value] : value));

const ConditionValues = z
  .union([
    z.string(),
    z.boolean(),
    z.number(),
    z.array(z.union([z.string(), z.boolean(), z.number()])),
  ])
  .transform((value) => (Array.isArray(value) ? value : [value]).map(String));

const Condition = z
  .record(z.string(), z.record(z.string(), ConditionValues))
  .superRefine((block, context) => {
    for (const operator of Object.keys(block).filter((name) => !isKnownOperator(name))) {
      const message = 'is no condition operator this sandbox knows';
      context.addIssue({ code: 'custom', path: [operator], message });
    }
  });

const Principal = z.union([
  z.literal('*').transform(() => ({ AWS: ['*'], Federated: ['*'] })),
  z.strictObject({
    AWS: OneOrMany.optional(),
    Federated: OneOrMany.optional(),
    Service: OneOrMany.optional(),
  }),
]);

const StatementShape = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: OneOrMany.optional(),
  NotAction: OneOrMany.optional(),
  Resource: OneOrMany.optional(),
  NotResource: OneOrMany.optional(),
  Principal: Principal.optional(),
  Condition: Condition.optional(),
});

const PolicyShape = z.strictObject({
  Version: z.enum(['2012-10-17', '2008-10-17']).optional(),
  Id: z.string().optional(),
  // Made a list before it is checked: a union of the two would only say that neither fits.
  Statement: z.preprocess(
    (value) => (Array.isArray(value) || value === undefined ? value : [value]),
    z.array(StatementShape),
  ),
});

export type PolicyStatement = z.output<typeof StatementShape>;

export interface Policy {
  readonly statements: readonly PolicyStatement[];
}

/** Takes the document as an object or as its JSON text. */
export function parsePolicy(document: unknown, kind: PolicyKind): Policy {
  const parsed = PolicyShape.safeParse(
    typeof document === 'string' ? parseJson(document) : document,
  );
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new MalformedPolicy(`${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim());
  }
  parsed.data.Statement.forEach((statement, index) => {
    const problem = findProblem(statement, kind);
    if (problem !== undefined) throw new MalformedPolicy(`Statement.${String(index)} ${problem}`);
  });
  return { statements: parsed.data.Statement };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MalformedPolicy('This policy contains invalid Json');
  }
}

function findProblem(statement: PolicyStatement, kind: PolicyKind): string | undefined {
  if ((statement.Action === undefined) === (statement.NotAction === undefined)) {
    return 'must have either Action or NotAction';
  }
  const hasResource = statement.Resource !== undefined || statement.NotResource !== undefined;
  if (kind === 'trust') {
    if (hasResource) return 'has a prohibited field Resource';
    return statement.Principal === undefined
      ? 'is missing the required field Principal'
      : undefined;
  }
  if (statement.Principal !== undefined)
    return 'must not have a Principal: the policy belongs to one already';
  if ((statement.Resource === undefined) === (statement.NotResource === undefined)) {
    return 'must contain resources';
  }
  return undefined;
}

/** One question to the policies. A service that accepts an ARN in two spellings lists both; one that matches is enough. */
export interface PolicyQuestion {
  readonly action: string;
  readonly resources: readonly string[];
  readonly context: ConditionContext;
}

export type Verdict = 'allow' | 'explicit-deny' | 'implicit-deny';

export function evaluatePolicies(policies: readonly Policy[], question: PolicyQuestion): Verdict {
  let verdict: Verdict = 'implicit-deny';
  for (const statement of policies.flatMap((policy) => policy.statements)) {
    if (!isStatementAbout(statement, question)) continue;
    if (statement.Effect === 'Deny') return 'explicit-deny';
    verdict = 'allow';
  }
  return verdict;
}

export function isStatementAbout(statement: PolicyStatement, question: PolicyQuestion): boolean {
  return (
    isActionNamed(statement, question.action) &&
    isResourceNamed(statement, question) &&
    isConditionMet(statement.Condition, question.context)
  );
}

function isActionNamed(statement: PolicyStatement, action: string): boolean {
  const names = (patterns: readonly string[]): boolean =>
    patterns.some((pattern) => matchesAction(pattern, action));
  if (statement.Action !== undefined) return names(statement.Action);
  return !names(statement.NotAction ?? []);
}

function isResourceNamed(statement: PolicyStatement, question: PolicyQuestion): boolean {
  const names = (patterns: readonly string[]): boolean =>
    patterns.some((pattern) =>
      question.resources.some(
        (resource) =>
          matchesPattern(pattern, resource, question.context) &&
          (!pattern.startsWith('arn:') || matchesArn(pattern, resource, question.context)),
      ),
    );
  if (statement.Resource !== undefined) return names(statement.Resource);
  return statement.NotResource === undefined || !names(statement.NotResource);
}

// A role's trust policy: who may assume it. Unlike a permission policy it names principals, and it decides alone for callers of
// its own account that it names directly.
import type { Role } from './identities';
import type { PolicyStatement } from './iam-policy';
import { isStatementAbout } from './iam-policy';
import type { ConditionContext } from './iam-pattern';

export interface TrustQuestion {
  readonly action: string;
  readonly principalType: 'AWS' | 'Federated';
  /** The caller's own names: a user's ARN, a role's ARN, a session's ARN, a provider's ARN. */
  readonly ownNames: readonly string[];
  /** Names that stand for everyone in the caller's account. */
  readonly accountNames: readonly string[];
  readonly context: ConditionContext;
}

/** `named`: the caller itself is trusted. `account`: its account is, so its own policies must allow the call too. */
export type Trust = 'named' | 'account' | 'none' | 'denied';

export function evaluateTrust(role: Role, question: TrustQuestion): Trust {
  const asked = { action: question.action, resources: [role.arn], context: question.context };
  let trust: Trust = 'none';
  for (const statement of role.trustPolicy.statements) {
    if (!isStatementAbout(statement, asked)) continue;
    const match = matchPrincipal(statement, question);
    if (match === 'none') continue;
    if (statement.Effect === 'Deny') return 'denied';
    if (trust !== 'named') trust = match;
  }
  return trust;
}

function matchPrincipal(statement: PolicyStatement, question: TrustQuestion): Trust {
  const names = statement.Principal?.[question.principalType] ?? [];
  if (names.some((name) => name === '*' || question.ownNames.includes(name))) return 'named';
  return names.some((name) => question.accountNames.includes(name)) ? 'account' : 'none';
}

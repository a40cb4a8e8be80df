// The answer to "may this principal do that?", with AWS's own wording when it may not.
import { AwsError } from './aws-error';
import type { Principal } from './identities';
import { evaluatePolicies } from './iam-policy';
import type { PolicyQuestion } from './iam-policy';
import type { ConditionContext } from './iam-pattern';

export interface Access {
  readonly action: string;
  /** The first is the one a refusal names; the rest are spellings AWS accepts for the same thing. */
  readonly resources: readonly string[];
  readonly region: string;
  readonly context?: ConditionContext;
}

/** Why the access is refused, in the words that end AWS's message; undefined where it is allowed. */
export function findDenial(principal: Principal, access: Access): string | undefined {
  const question: PolicyQuestion = {
    action: access.action,
    resources: access.resources,
    context: new Map([
      ...principal.context,
      // Local clients speak plain HTTP. A policy that insists on TLS is right, so the sandbox answers as if it were there.
      ['aws:securetransport', ['true']],
      ['aws:requestedregion', [access.region]],
      ...(access.context ?? []),
    ]),
  };
  const byIdentity = evaluatePolicies(principal.policies, question);
  const bySession =
    principal.sessionPolicy === undefined
      ? 'allow'
      : evaluatePolicies([principal.sessionPolicy], question);
  if (byIdentity === 'explicit-deny') return 'with an explicit deny in an identity-based policy';
  if (bySession === 'explicit-deny') return 'with an explicit deny in a session policy';
  if (byIdentity !== 'allow') {
    return `because no identity-based policy allows the ${access.action} action`;
  }
  if (bySession !== 'allow') return `because no session policy allows the ${access.action} action`;
  return undefined;
}

export function notAuthorizedMessage(
  principal: Principal,
  action: string,
  resource: string,
  reason: string,
): string {
  return `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${resource} ${reason}`;
}

export function requireLogsAccess(principal: Principal, access: Access): void {
  const denial = findDenial(principal, access);
  if (denial === undefined) return;
  const [resource = '*'] = access.resources;
  throw new AwsError(
    'AccessDeniedException',
    notAuthorizedMessage(principal, access.action, resource, denial),
  );
}

/** S3 puts the resource in quotation marks; the other services do not. */
export function requireS3Access(principal: Principal, access: Access): void {
  const denial = findDenial(principal, access);
  if (denial === undefined) return;
  const [resource = '*'] = access.resources;
  throw new AwsError(
    'AccessDenied',
    notAuthorizedMessage(principal, access.action, `"${resource}"`, denial),
    403,
  );
}

// STS AssumeRoleWithWebIdentity: unsigned, so everything rests on the token, the registered provider and the role's trust policy.
import type { Answer } from './answer';
import { AwsError } from './aws-error';
import { Constraints } from './constraints';
import { isRoleArn, parseRoleArn } from './identities';
import type { Role } from './identities';
import { issueRoleSession } from './issue-role-session';
import { STS } from './limits';
import { verifyWebIdentity } from './oidc-verification';
import type { WebIdentity } from './oidc-verification';
import { readTagsClaim, requireTagsWithinLimits, tagContext, TAGS_CLAIM } from './session-tags';
import type { StsContext } from './sts';
import { readAssumeParameters, throwIfInvalid } from './sts-parameters';
import type { AssumeParameters } from './sts-parameters';
import { stsResult } from './sts-xml';
import { evaluateTrust } from './trust-policy';
import { element } from './xml';

const OPERATION = 'AssumeRoleWithWebIdentity';

export async function assumeRoleWithWebIdentity(
  form: URLSearchParams,
  sts: StsContext,
): Promise<Answer> {
  const constraints = new Constraints();
  const parameters = readAssumeParameters(form, constraints);
  const token = readToken(form, constraints);
  // Only this call bounds the policy's length in the model; AssumeRole leaves it to the packed size.
  if (parameters.policyText !== undefined) {
    constraints.requireLength(parameters.policyText, 'policy', 1, STS.sessionPolicyLengthMax);
  }
  throwIfInvalid(constraints);
  if (!isRoleArn(parameters.roleArn)) {
    throw new AwsError('ValidationError', 'Request ARN is invalid');
  }
  const { account } = parseRoleArn(parameters.roleArn);
  await sts.gate({
    service: 'sts',
    operation: OPERATION,
    account,
    roleArn: parameters.roleArn,
  });
  const { identities } = sts.state;
  const identity = await verifyWebIdentity(
    token,
    (issuer) => identities.provider(account, issuer),
    sts.state.nowMs(),
  );
  const tags = readTagsClaim(identity.claims[TAGS_CLAIM]);
  const tagConstraints = new Constraints();
  requireTagsWithinLimits(tags, tagConstraints);
  throwIfInvalid(tagConstraints);
  const role = requireTrust(identities.roles.get(parameters.roleArn), identity, tags, parameters);
  const fields = [
    element('SubjectFromWebIdentityToken', identity.subject),
    element('Audience', identity.audience[0] ?? ''),
    issueRoleSession({ role, parameters, tags }, sts.state),
    element('Provider', providerArn(role, identity)),
  ];
  return stsResult(OPERATION, fields.join(''), sts.requestId);
}

function readToken(form: URLSearchParams, constraints: Constraints): string {
  const token = form.get('WebIdentityToken');
  constraints.requirePresent(token !== null, 'webIdentityToken');
  const length = token?.length ?? STS.tokenLengthMin;
  // The token itself is a secret and is not repeated in the message.
  constraints.require(
    length >= STS.tokenLengthMin && length <= STS.tokenLengthMax,
    '***',
    'webIdentityToken',
    `have length between ${String(STS.tokenLengthMin)} and ${String(STS.tokenLengthMax)}`,
  );
  return token ?? '';
}

/** A role that does not exist is refused in the same words as one that does not trust: AWS tells a stranger nothing more. */
function requireTrust(
  role: Role | undefined,
  identity: WebIdentity,
  tags: ReadonlyMap<string, string>,
  parameters: AssumeParameters,
): Role {
  const prefix = identity.issuerPath.toLowerCase();
  const context = new Map<string, readonly string[]>([
    [`${prefix}:sub`, [identity.subject]],
    [`${prefix}:aud`, identity.audience],
    [`${prefix}:oaud`, identity.originalAudience],
    ['sts:rolesessionname', [parameters.sessionName]],
    ...tagContext(tags),
  ]);
  const isAllowed = (action: string): boolean =>
    role !== undefined &&
    evaluateTrust(role, {
      action,
      principalType: 'Federated',
      ownNames: [providerArn(role, identity)],
      accountNames: [],
      context,
    }) === 'named';
  const missing = [`sts:${OPERATION}`, ...(tags.size > 0 ? ['sts:TagSession'] : [])].find(
    (action) => !isAllowed(action),
  );
  if (role === undefined || missing !== undefined) {
    throw new AwsError(
      'AccessDenied',
      `Not authorized to perform ${missing ?? `sts:${OPERATION}`}`,
      403,
    );
  }
  return role;
}

function providerArn(role: Role, identity: WebIdentity): string {
  return `arn:${role.partition}:iam::${role.account}:oidc-provider/${identity.issuerPath}`;
}

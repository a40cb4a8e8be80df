// STS AssumeRole: signed by a user or a session, decided by the role's trust policy and, where that trusts only the caller's
// account, by the caller's own policies as well.
import type { Answer } from './answer';
import type { Caller } from './authenticate';
import { findDenial } from './authorize';
import { AwsError } from './aws-error';
import { Constraints } from './constraints';
import { isRoleArn, parseRoleArn } from './identities';
import type { Role } from './identities';
import { issueRoleSession } from './issue-role-session';
import { STS } from './limits';
import { requireTagsWithinLimits, tagContext } from './session-tags';
import type { StsContext } from './sts';
import { readAssumeParameters, readTags, throwIfInvalid } from './sts-parameters';
import type { AssumeParameters } from './sts-parameters';
import { stsResult } from './sts-xml';
import { evaluateTrust } from './trust-policy';

const OPERATION = 'AssumeRole';

interface Request {
  readonly parameters: AssumeParameters;
  readonly externalId: string | undefined;
  readonly tags: ReadonlyMap<string, string>;
}

export async function assumeRole(
  form: URLSearchParams,
  caller: Caller,
  sts: StsContext,
): Promise<Answer> {
  const request = readRequest(form);
  const { parameters } = request;
  await sts.gate({
    service: 'sts',
    operation: OPERATION,
    principalArn: caller.principal.arn,
    accessKeyId: caller.accessKeyId,
    account: isRoleArn(parameters.roleArn) ? parseRoleArn(parameters.roleArn).account : undefined,
    roleArn: parameters.roleArn,
    region: caller.region,
  });
  const role = requireAllowed(request, caller, sts);
  if (
    caller.principal.roleArn !== undefined &&
    parameters.durationSeconds > STS.chainedDurationSecondsMax
  ) {
    throw new AwsError(
      'ValidationError',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    );
  }
  const fields = issueRoleSession({ role, parameters, tags: request.tags }, sts.state);
  return stsResult(OPERATION, fields, sts.requestId);
}

function readRequest(form: URLSearchParams): Request {
  const constraints = new Constraints();
  const parameters = readAssumeParameters(form, constraints);
  const externalId = form.get('ExternalId') ?? undefined;
  if (externalId !== undefined) {
    const [shortest, longest] = [STS.externalIdLengthMin, STS.externalIdLengthMax];
    constraints.requireLength(externalId, 'externalId', shortest, longest);
    constraints.requirePattern(externalId, 'externalId', STS.externalIdPattern);
  }
  const tags = readTags(form);
  requireTagsWithinLimits(tags, constraints);
  throwIfInvalid(constraints);
  return { parameters, externalId, tags };
}

function requireAllowed(request: Request, caller: Caller, sts: StsContext): Role {
  const role = sts.state.identities.roles.get(request.parameters.roleArn);
  const needed = ['sts:AssumeRole', ...(request.tags.size > 0 ? ['sts:TagSession'] : [])];
  const refused = needed.find(
    (action) => role === undefined || !isAllowed(action, { request, caller, role }),
  );
  if (role === undefined || refused !== undefined) {
    throw new AwsError(
      'AccessDenied',
      `User: ${caller.principal.arn} is not authorized to perform: ${refused ?? 'sts:AssumeRole'} on resource: ${request.parameters.roleArn}`,
      403,
    );
  }
  return role;
}

interface Attempt {
  readonly request: Request;
  readonly caller: Caller;
  readonly role: Role;
}

function isAllowed(action: string, { request, caller, role }: Attempt): boolean {
  const { principal } = caller;
  const context = new Map<string, readonly string[]>([
    ...principal.context,
    ['sts:rolesessionname', [request.parameters.sessionName]],
    ...(request.externalId === undefined
      ? []
      : [['sts:externalid', [request.externalId]] as [string, readonly string[]]]),
    ...tagContext(request.tags),
  ]);
  const trust = evaluateTrust(role, {
    action,
    principalType: 'AWS',
    ownNames: [principal.arn, ...(principal.roleArn === undefined ? [] : [principal.roleArn])],
    accountNames: [principal.account, `arn:${principal.partition}:iam::${principal.account}:root`],
    context,
  });
  if (trust === 'none' || trust === 'denied') return false;
  const denial = findDenial(principal, {
    action,
    resources: [role.arn],
    region: caller.region,
    context,
  });
  if (denial === undefined) return true;
  return (
    trust === 'named' &&
    principal.account === role.account &&
    principal.sessionPolicy === undefined &&
    !denial.startsWith('with an explicit deny')
  );
}

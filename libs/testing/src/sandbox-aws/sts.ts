// STS over the query protocol: one form-encoded POST, one XML answer.
import type { Answer } from './answer';
import { assumeRole } from './assume-role';
import { assumeRoleWithWebIdentity } from './assume-role-with-web-identity';
import { authenticate } from './authenticate';
import { AwsError } from './aws-error';
import type { Gate } from './gate';
import type { SandboxState } from './sandbox-state';
import { stsResult } from './sts-xml';
import type { WireRequest } from './wire-request';
import { element } from './xml';

export interface StsContext {
  readonly state: SandboxState;
  readonly gate: Gate;
  readonly requestId: string;
}

const OPERATIONS = ['AssumeRole', 'AssumeRoleWithWebIdentity', 'GetCallerIdentity'];

/** An operation the sandbox does not know is counted under one name, so that a client cannot grow the counters. */
export function stsOperation(request: WireRequest): string {
  const action = new URLSearchParams(request.body.toString('utf8')).get('Action') ?? '';
  return OPERATIONS.includes(action) ? action : 'Unknown';
}

export async function answerSts(request: WireRequest, sts: StsContext): Promise<Answer> {
  const form = new URLSearchParams(request.body.toString('utf8'));
  const operation = form.get('Action') ?? '';
  if (operation === 'AssumeRoleWithWebIdentity') return assumeRoleWithWebIdentity(form, sts);
  const { state } = sts;
  const caller = authenticate(request, 'sts', state.identities, state.nowMs());
  if (operation === 'AssumeRole') return assumeRole(form, caller, sts);
  if (operation !== 'GetCallerIdentity') {
    throw new AwsError(
      'InvalidAction',
      `Could not find operation ${operation} for version 2011-06-15`,
    );
  }
  const { principal } = caller;
  await sts.gate({
    service: 'sts',
    operation,
    principalArn: caller.principal.arn,
    accessKeyId: caller.accessKeyId,
    account: principal.account,
    roleArn: principal.roleArn,
    region: caller.region,
  });
  const fields = [
    element('Arn', principal.arn),
    element('UserId', principal.userId),
    element('Account', principal.account),
  ];
  return stsResult(operation, fields.join(''), sts.requestId);
}

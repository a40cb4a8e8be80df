// The end of both AssumeRole calls: the checks that depend on the role, the session itself, and the answer's shared fields.
import { AwsError } from './aws-error';
import type { Role } from './identities';
import type { SandboxState } from './sandbox-state';
import { packSession } from './session-policy';
import type { AssumeParameters } from './sts-parameters';
import { assumedRoleUserXml, credentialsXml } from './sts-xml';
import { element } from './xml';

export interface RoleSessionRequest {
  readonly role: Role;
  readonly parameters: AssumeParameters;
  readonly tags: ReadonlyMap<string, string>;
}

/** Issues the session and returns the XML fields that both answers have in common. */
export function issueRoleSession(
  { role, parameters, tags }: RoleSessionRequest,
  state: SandboxState,
): string {
  // Longer than the role allows is an error, not a shorter session.
  if (parameters.durationSeconds > role.maxSessionDurationSeconds) {
    throw new AwsError(
      'ValidationError',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
  }
  const packed = packSession(parameters.policyText, tags);
  const nowMs = state.nowMs();
  const session = state.identities.issueSession(
    {
      expiresAtMs: nowMs + parameters.durationSeconds * 1000,
      roleArn: role.arn,
      sessionName: parameters.sessionName,
      sessionPolicy: packed.policy,
      tags,
    },
    nowMs,
  );
  const arn = `arn:${role.partition}:sts::${role.account}:assumed-role/${role.name}/${parameters.sessionName}`;
  return [
    assumedRoleUserXml(arn, `${role.roleId}:${parameters.sessionName}`),
    credentialsXml(session),
    packed.packedPolicySizePercent === undefined
      ? ''
      : element('PackedPolicySize', packed.packedPolicySizePercent),
  ].join('');
}

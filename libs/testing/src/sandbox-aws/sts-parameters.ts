// The parameters of the two AssumeRole calls: read from the query protocol, checked against STS's model.
import { AwsError } from './aws-error';
import type { Constraints } from './constraints';
import { STS } from './limits';

export interface AssumeParameters {
  readonly roleArn: string;
  readonly sessionName: string;
  readonly durationSeconds: number;
  readonly policyText: string | undefined;
}

/** Parameters that would change what AWS answers and that the sandbox does not act on: refused, so that no test trusts in them. */
const UNKNOWN_PARAMETERS = [
  'PolicyArns',
  'SerialNumber',
  'TokenCode',
  'SourceIdentity',
  'ProviderId',
];

export function readAssumeParameters(
  form: URLSearchParams,
  constraints: Constraints,
): AssumeParameters {
  refuseUnknown(form);
  const roleArn = form.get('RoleArn');
  const sessionName = form.get('RoleSessionName');
  const policyText = form.get('Policy') ?? undefined;
  constraints.requirePresent(roleArn !== null, 'roleArn');
  constraints.requirePresent(sessionName !== null, 'roleSessionName');
  if (roleArn !== null) {
    constraints.requireLength(roleArn, 'roleArn', STS.roleArnLengthMin, STS.roleArnLengthMax);
  }
  if (sessionName !== null) {
    const [shortest, longest] = [STS.sessionNameLengthMin, STS.sessionNameLengthMax];
    constraints.requireLength(sessionName, 'roleSessionName', shortest, longest);
    constraints.requirePattern(sessionName, 'roleSessionName', STS.sessionNamePattern);
  }
  if (policyText !== undefined) {
    constraints.requirePattern(policyText, 'policy', STS.sessionPolicyPattern);
  }
  return {
    roleArn: roleArn ?? '',
    sessionName: sessionName ?? '',
    durationSeconds: readDuration(form, constraints),
    policyText,
  };
}

function refuseUnknown(form: URLSearchParams): void {
  for (const name of form.keys()) {
    const [head = ''] = name.split('.');
    if (UNKNOWN_PARAMETERS.includes(head)) {
      throw new AwsError('NotImplemented', `The sandbox does not act on ${head}.`, 501);
    }
  }
}

function readDuration(form: URLSearchParams, constraints: Constraints): number {
  const text = form.get('DurationSeconds');
  if (text === null) return STS.durationSecondsDefault;
  if (!/^-?\d{1,10}$/u.test(text)) {
    throw new AwsError('MalformedInput', 'DurationSeconds is not an integer.');
  }
  const durationSeconds = Number(text);
  const [lowest, highest] = [STS.durationSecondsMin, STS.durationSecondsMax];
  constraints.requireRange(durationSeconds, 'durationSeconds', lowest, highest);
  return durationSeconds;
}

export function throwIfInvalid(constraints: Constraints): void {
  const message = constraints.message();
  if (message !== undefined) throw new AwsError('ValidationError', message);
}

/** Tags.member.1.Key=… → a map; the query protocol numbers its lists from one. */
export function readTags(form: URLSearchParams): Map<string, string> {
  const tags = new Map<string, string>();
  for (let index = 1; form.has(`Tags.member.${String(index)}.Key`); index += 1) {
    const prefix = `Tags.member.${String(index)}`;
    const key = form.get(`${prefix}.Key`) ?? '';
    if (tags.has(key)) {
      throw new AwsError('InvalidParameterValue', `Duplicate tag keys found: ${key}`);
    }
    tags.set(key, form.get(`${prefix}.Value`) ?? '');
  }
  return tags;
}

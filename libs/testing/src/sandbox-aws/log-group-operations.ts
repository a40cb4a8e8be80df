// The operations on log groups.
import { findDenial, requireLogsAccess } from './authorize';
import { AwsError } from './aws-error';
import type { LogsCall } from './cloudwatch-logs';
import { LOGS } from './limits';
import { groupAccess, groupTagAccess } from './log-access';
import { groupArn } from './log-store';
import type { LogGroup } from './log-store';
import { readPage } from './page-token';

export async function createLogGroup(call: LogsCall): Promise<object> {
  const { input, caller, state } = call;
  const name = input.groupName();
  const tags = input.tags('tags');
  const kmsKeyId = input.text('kmsKeyId');
  const groupClass = input.text('logGroupClass');
  if (kmsKeyId !== undefined) {
    input.constraints.requireLength(kmsKeyId, 'kmsKeyId', 0, LOGS.kmsKeyIdLengthMax);
  }
  if (groupClass !== undefined) {
    const classes: readonly string[] = LOGS.groupClasses;
    const rule = `satisfy enum value set: [${classes.join(', ')}]`;
    input.constraints.require(classes.includes(groupClass), groupClass, 'logGroupClass', rule);
  }
  input.throwIfInvalid();
  await call.gate({ logGroup: name });
  requireLogsAccess(caller.principal, groupAccess(caller, 'logs:CreateLogGroup', name));
  if (tags !== undefined) requireTagging(call, name);
  if (name.toLowerCase().startsWith(LOGS.reservedGroupPrefix)) {
    throw new AwsError(
      'InvalidParameterException',
      'Log groups starting with AWS/ are reserved for AWS.',
    );
  }
  if (kmsKeyId !== undefined) requireKmsKey(call, name, kmsKeyId);
  state.logs.createGroup(
    { ...call.place, name, groupClass, kmsKeyId, ...(tags && { tags }) },
    state.nowMs(),
  );
  state.announceChange();
  return {};
}

/** AWS refuses a tagged group in words of its own, which name neither the tag permission nor the principal. */
function requireTagging(call: LogsCall, name: string): void {
  const { caller } = call;
  const access = groupTagAccess(caller, 'logs:TagResource', name);
  if (findDenial(caller.principal, access) === undefined) return;
  throw new AwsError(
    'AccessDeniedException',
    `User with accountId: ${caller.principal.account} is not authorized to perform CreateLogGroup with Tags`,
  );
}

/** The key must lie in the group's Region, and its own policy must let CloudWatch Logs use it. */
function requireKmsKey(call: LogsCall, name: string, kmsKeyId: string): void {
  const { state, place } = call;
  const isOfRegion = kmsKeyId.split(':')[3] === place.region;
  if (isOfRegion && state.kmsKeys.has(kmsKeyId)) return;
  throw new AwsError(
    'InvalidParameterException',
    `The specified KMS key does not exist or is not allowed to be used with LogGroup '${groupArn({ ...place, name })}'`,
  );
}

export async function deleteLogGroup(call: LogsCall): Promise<object> {
  const { input, caller, state } = call;
  const name = input.groupName();
  input.throwIfInvalid();
  await call.gate({ logGroup: name });
  requireLogsAccess(caller.principal, groupAccess(caller, 'logs:DeleteLogGroup', name));
  state.logs.deleteGroup(state.logs.requireGroup(call.place, name));
  state.announceChange();
  return {};
}

export async function describeLogGroups(call: LogsCall): Promise<object> {
  const { input, caller, state } = call;
  const prefix = input.text('logGroupNamePrefix');
  const part = input.text('logGroupNamePattern');
  const pageSize = input.pageSize(LOGS.describePageMax, LOGS.describePageMax);
  if (prefix !== undefined) input.requireGroupName('logGroupNamePrefix', prefix);
  input.throwIfInvalid();
  if (prefix !== undefined && part !== undefined) {
    throw new AwsError(
      'InvalidParameterException',
      'LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.',
    );
  }
  await call.gate({});
  // The prefix narrows the answer, not the permission: AWS asks about the account's groups as a whole.
  requireLogsAccess(caller.principal, {
    action: 'logs:DescribeLogGroups',
    resources: [`${groupArn({ ...call.place, name: '' })}:log-stream:`],
    region: caller.region,
  });
  const groups = state.logs
    .groups(call.place)
    .filter(({ name }) => name.startsWith(prefix ?? ''))
    .filter(({ name }) => name.toLowerCase().includes((part ?? '').toLowerCase()));
  const page = readPage(groups, pageSize, input.text('nextToken'));
  return { logGroups: page.items.map(describeGroup), nextToken: page.nextToken };
}

function describeGroup(group: LogGroup): object {
  const arn = groupArn(group);
  const storedBytes = [...group.streams.values()].reduce(
    (bytes, stream) => bytes + stream.acceptedMessageBytes,
    0,
  );
  return {
    logGroupName: group.name,
    arn: `${arn}:*`,
    logGroupArn: arn,
    creationTime: group.createdAtMs,
    retentionInDays: group.retentionDays,
    kmsKeyId: group.kmsKeyId,
    logGroupClass: group.groupClass,
    metricFilterCount: 0,
    storedBytes,
  };
}

export async function putRetentionPolicy(call: LogsCall): Promise<object> {
  const { input, caller, state } = call;
  const name = input.groupName();
  const days = input.number('retentionInDays');
  input.constraints.requirePresent(days !== undefined, 'retentionInDays');
  input.throwIfInvalid();
  await call.gate({ logGroup: name });
  requireLogsAccess(caller.principal, groupAccess(caller, 'logs:PutRetentionPolicy', name));
  const allowed: readonly number[] = LOGS.retentionDays;
  if (days === undefined || !allowed.includes(days)) {
    throw new AwsError(
      'InvalidParameterException',
      `Invalid retention value. Valid values are: [${allowed.join(', ')}]`,
    );
  }
  state.logs.requireGroup(call.place, name).retentionDays = days;
  state.announceChange();
  return {};
}

export async function tagResource(call: LogsCall): Promise<object> {
  const { input, caller, state } = call;
  const name = readTaggedGroup(call);
  const tags = input.tags('tags');
  input.constraints.requirePresent(tags !== undefined, 'tags');
  input.throwIfInvalid();
  await call.gate({ logGroup: name });
  requireLogsAccess(caller.principal, groupTagAccess(caller, 'logs:TagResource', name));
  const group = state.logs.requireGroup(call.place, name);
  if (new Set([...group.tags.keys(), ...(tags?.keys() ?? [])]).size > LOGS.tagsMax) {
    throw new AwsError('TooManyTagsException', 'A resource can have no more than 50 tags.');
  }
  for (const [key, value] of tags ?? []) group.tags.set(key, value);
  state.announceChange();
  return {};
}

export async function listTagsForResource(call: LogsCall): Promise<object> {
  const { input, caller, state } = call;
  const name = readTaggedGroup(call);
  input.throwIfInvalid();
  await call.gate({ logGroup: name });
  requireLogsAccess(caller.principal, groupTagAccess(caller, 'logs:ListTagsForResource', name));
  return { tags: Object.fromEntries(state.logs.requireGroup(call.place, name).tags) };
}

/** The group's ARN without `:*`, of the caller's own account and Region. */
function readTaggedGroup(call: LogsCall): string {
  const arn = call.input.text('resourceArn');
  call.input.constraints.requirePresent(arn !== undefined, 'resourceArn');
  const prefix = groupArn({ ...call.place, name: '' });
  const name = arn?.startsWith(prefix) ? arn.slice(prefix.length) : '';
  if (arn !== undefined && !LOGS.groupNamePattern.test(name)) {
    throw new AwsError('ValidationException', 'Provided resourceArn is not valid.');
  }
  return name;
}

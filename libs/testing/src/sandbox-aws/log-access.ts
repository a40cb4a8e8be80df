// The ARNs CloudWatch Logs asks IAM about. Group-level calls are asked with an empty stream name behind the group
// (`…:log-group:NAME:log-stream:`, as AWS's own refusals show), which is why policies end in `:*`; the plain ARN of the group is
// accepted beside it, as AWS's authorization reference names it.
import type { Caller } from './authenticate';
import type { Access } from './authorize';
import { groupArn } from './log-store';

function plainArn(caller: Caller, groupName: string): string {
  const { account } = caller.principal;
  return groupArn({ account, region: caller.region, name: groupName });
}

export function groupAccess(caller: Caller, action: string, groupName: string): Access {
  const arn = plainArn(caller, groupName);
  return { action, resources: [`${arn}:log-stream:`, arn], region: caller.region };
}

/** Tags belong to the group alone: its ARN without anything behind it. */
export function groupTagAccess(caller: Caller, action: string, groupName: string): Access {
  return { action, resources: [plainArn(caller, groupName)], region: caller.region };
}

export function streamAccess(
  caller: Caller,
  action: string,
  groupName: string,
  streamName: string,
): Access {
  const arn = `${plainArn(caller, groupName)}:log-stream:${streamName}`;
  return { action, resources: [arn], region: caller.region };
}

/** Creating a stream is asked about the stream that would come to be, and counts as an action on its group as well. */
export function createStreamAccess(caller: Caller, groupName: string, streamName: string): Access {
  const arn = plainArn(caller, groupName);
  return {
    action: 'logs:CreateLogStream',
    resources: [`${arn}:log-stream:${streamName}`, arn],
    region: caller.region,
  };
}

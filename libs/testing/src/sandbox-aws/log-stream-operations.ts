// The operations on log streams.
import { requireLogsAccess } from './authorize';
import { AwsError } from './aws-error';
import type { LogsCall } from './cloudwatch-logs';
import { LOGS } from './limits';
import { createStreamAccess, groupAccess, streamAccess } from './log-access';
import { byName, groupArn } from './log-store';
import type { LogGroup } from './log-store';
import type { LogStream } from './log-stream';
import { readPage } from './page-token';

export async function createLogStream(call: LogsCall): Promise<object> {
  const { input, caller, state } = call;
  const groupName = input.groupName();
  const streamName = input.streamName();
  input.throwIfInvalid();
  await call.gate({ logGroup: groupName, logStream: streamName });
  requireLogsAccess(caller.principal, createStreamAccess(caller, groupName, streamName));
  const group = state.logs.requireGroup(call.place, groupName);
  state.logs.createStream(group, streamName, state.nowMs());
  state.announceChange();
  return {};
}

export async function deleteLogStream(call: LogsCall): Promise<object> {
  const { input, caller, state } = call;
  const groupName = input.groupName();
  const streamName = input.streamName();
  input.throwIfInvalid();
  await call.gate({ logGroup: groupName, logStream: streamName });
  const access = streamAccess(caller, 'logs:DeleteLogStream', groupName, streamName);
  requireLogsAccess(caller.principal, access);
  state.logs.deleteStream(state.logs.requireGroup(call.place, groupName), streamName);
  state.announceChange();
  return {};
}

export async function describeLogStreams(call: LogsCall): Promise<object> {
  const { input, caller, state } = call;
  const groupName = input.groupNameOrIdentifier();
  const prefix = input.text('logStreamNamePrefix');
  const orderBy = input.text('orderBy') ?? 'LogStreamName';
  const isDescending = input.isTrue('descending');
  const pageSize = input.pageSize(LOGS.describePageMax, LOGS.describePageMax);
  if (prefix !== undefined) input.requireStreamName('logStreamNamePrefix', prefix);
  const orders = ['LogStreamName', 'LastEventTime'];
  const rule = `satisfy enum value set: [${orders.join(', ')}]`;
  input.constraints.require(orders.includes(orderBy), orderBy, 'orderBy', rule);
  input.throwIfInvalid();
  if (orderBy === 'LastEventTime' && prefix !== undefined) {
    throw new AwsError(
      'InvalidParameterException',
      'Cannot order by LastEventTime with a logStreamNamePrefix.',
    );
  }
  await call.gate({ logGroup: groupName });
  requireLogsAccess(caller.principal, groupAccess(caller, 'logs:DescribeLogStreams', groupName));
  const group = state.logs.requireGroup(call.place, groupName);
  const streams = [...group.streams.values()]
    .filter(({ name }) => name.startsWith(prefix ?? ''))
    .sort(orderBy === 'LastEventTime' ? byLastEvent : byName);
  if (isDescending) streams.reverse();
  const page = readPage(streams, pageSize, input.text('nextToken'));
  const logStreams = page.items.map((stream) => describeStream(group, stream));
  return { logStreams, nextToken: page.nextToken };
}

function byLastEvent(a: LogStream, b: LogStream): number {
  return (a.lastEventAtMs ?? 0) - (b.lastEventAtMs ?? 0) || byName(a, b);
}

function describeStream(group: LogGroup, stream: LogStream): object {
  return {
    logStreamName: stream.name,
    arn: `${groupArn(group)}:log-stream:${stream.name}`,
    creationTime: stream.createdAtMs,
    firstEventTimestamp: stream.firstEventAtMs,
    lastEventTimestamp: stream.lastEventAtMs,
    lastIngestionTime: stream.lastIngestedAtMs,
    uploadSequenceToken: String(stream.acceptedEvents).padStart(56, '4'),
    // AWS has reported 0 here since June 2019.
    storedBytes: 0,
  };
}

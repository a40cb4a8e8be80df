// PutLogEvents: the order of the checks is the model's rules, then permission, then the batch as a whole, then existence, then
// the events one by one. The sequence token is ignored and parallel calls are fine, as AWS documents.
import { requireLogsAccess } from './authorize';
import type { LogsCall } from './cloudwatch-logs';
import { streamAccess } from './log-access';
import { readBatch, sortOutBatch } from './log-batch';
import { findEntityProblem } from './log-entity';

export async function putLogEvents(call: LogsCall): Promise<object> {
  const { input, caller, state } = call;
  const groupName = input.groupName();
  const streamName = input.streamName();
  input.throwIfInvalid();
  const effects = await call.gate({ logGroup: groupName, logStream: streamName });
  const access = streamAccess(caller, 'logs:PutLogEvents', groupName, streamName);
  requireLogsAccess(caller.principal, access);
  const read = readBatch(input.raw('logEvents'));
  const group = state.logs.requireGroup(call.place, groupName);
  const stream = state.logs.requireStream(group, streamName);
  const nowMs = state.nowMs();
  const batch = sortOutBatch(read, {
    nowMs,
    retentionDays: group.retentionDays,
    halfAccept: effects.halfAccept,
  });
  stream.append(batch.accepted, batch.acceptedMessageBytes, nowMs);
  state.counters.countLogEvents(batch);
  state.onTaken?.({
    ...call.place,
    group: groupName,
    stream: streamName,
    events: batch.accepted,
    userAgent: call.userAgent,
    isAnswerLost: effects.isAnswerLost === true,
    takenAtMs: nowMs,
  });
  state.announceChange();
  const entityProblem = findEntityProblem(input.raw('entity'));
  return {
    nextSequenceToken: String(stream.acceptedEvents).padStart(56, '4'),
    ...(batch.rejected === undefined ? {} : { rejectedLogEventsInfo: batch.rejected }),
    ...(entityProblem === undefined ? {} : { rejectedEntityInfo: { errorType: entityProblem } }),
  };
}

import {
  logEventsFrame,
  type LogEventsCall,
  type RejectedRange,
  type SinkAccess,
} from '@logferry/aws';
import {
  accountOf,
  assert,
  destinationKey,
  Failure,
  strayTarget,
  type AwsSession,
  type Destination,
} from '@logferry/core';
import type { Batch, Deliver } from '@logferry/queue';
import { deliverableDestination, type FindDestination, type Sessions } from '@logferry/worker';

/** Whoever writes log events, and says which were refused. */
interface LogEventsSink {
  put(access: SinkAccess, call: LogEventsCall): Promise<RejectedRange[]>;
}

/** Delivers a batch with one PutLogEvents call. */
export function deliverLogEvents(
  directory: FindDestination,
  sessions: Sessions,
  sink: LogEventsSink,
  repeats?: { begun(batch: Batch): void },
): Deliver {
  return async (batch, payload) => {
    const { tenantId, destinationId, target } = batch;
    assert(target.sink === 'cloudwatch', 'the queue of CloudWatch batches holds only those');
    const destination = await deliverableDestination(directory, batch);
    // Something else is under its name now, which says nothing of how a log group is to be: neither its key nor its retention.
    if (destination.type !== 'cloudwatch') throw new Failure('destination.missing');
    const { logGroup, logStream } = target;
    const { head, tail } = logEventsFrame(logGroup, logStream);
    const { region } = destination;
    const account = creatingAccount(destination);
    const { compression, ...newGroup } = destination.cloudwatch;
    let body: Buffer | undefined;
    const stray = strayTarget(tenantId, destination, target);
    const deliver = async (session: AwsSession): Promise<RejectedRange[]> => {
      // Only now: without a session, there is nothing to do with it.
      if (body === undefined) {
        body = (await payload.load()).body(head, tail);
        repeats?.begun(batch);
      }
      return sink.put(
        { destinationKey: destinationKey(tenantId, destinationId), region, session },
        { logGroup, logStream, body, logEvents: batch.logEvents, compression, account, newGroup },
      );
    };
    const { keep, format } = destination;
    return {
      rejected: await sessions.withSession(tenantId, destination, deliver, stray),
      keep: keep && { bytesMax: keep.bytesMax, isEvent: format === 'event' },
    };
  };
}

/** Whose quota creating counts against; where nobody knows the account, an access key stands for it. */
function creatingAccount({ credentials }: Destination): string {
  const account = accountOf({ credentials });
  if (account !== undefined) return account;
  assert(credentials.kind === 'access_key', 'the account of a role stands in its ARN');
  return credentials.accessKeyId;
}

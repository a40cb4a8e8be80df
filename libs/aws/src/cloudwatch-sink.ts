import {
  CloudWatchLogsClient,
  DataAlreadyAcceptedException,
  PutLogEventsCommand,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudwatch-logs';
import type { CloudWatchDestination } from '@logferry/core';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { classify, isBrokenConnection, unknownFate, type UnknownFate } from './classify';
import { ClientPool } from './client-pool';
import { gzipIfSmaller } from './gzip-if-smaller';
import { LogStreamCreator, type CreationMemory, type NewLogGroup } from './log-stream-creator';
import { sessionIdentity, type SinkAccess } from './sink-access';
import { setReadyBody, useReadyBodies, type ReadyBody } from './ready-body';
import { rejectedRanges, type RejectedRange } from './rejected-ranges';

export interface LogEventsCall {
  logGroup: string;
  logStream: string;
  /** The whole request body; see `logEventsFrame`. */
  body: Buffer;
  /** How many log events are in it. */
  logEvents: number;
  compression: CloudWatchDestination['cloudwatch']['compression'];
  /** The AWS account, whose quota creating is counted against. */
  account: string;
  newGroup: NewLogGroup;
}

/** What stands before and after the log events in the body of a PutLogEvents call. */
export function logEventsFrame(
  logGroup: string,
  logStream: string,
): { head: string; tail: string } {
  const names = `"logGroupName":${JSON.stringify(logGroup)},"logStreamName":${JSON.stringify(logStream)}`;
  return { head: `{${names},"logEvents":[`, tail: ']}' };
}

/** The waits before a stream that was just created is tried again; half of each is chance. After these, the batch comes back later. */
const UNSEEN_WAITS_MS = [100, 300];

interface CloudWatchSinkOptions {
  clientsMax: number;
  memory: CreationMemory;
  /** Told of each call that failed and may have been carried out all the same: whoever puts it again may put it twice. */
  mayHaveTaken?: (logEvents: number, why: UnknownFate) => void;
}

/** Writes batches to CloudWatch Logs. Puts first, and creates the group and the stream only when AWS says that they are not there. */
export class CloudWatchSink {
  private readonly clients: ClientPool<CloudWatchLogsClient>;
  private readonly creator: LogStreamCreator;
  private readonly mayHaveTaken: CloudWatchSinkOptions['mayHaveTaken'];

  constructor(
    private readonly transport: NodeHttpHandler,
    { clientsMax, memory, mayHaveTaken }: CloudWatchSinkOptions,
  ) {
    this.mayHaveTaken = mayHaveTaken;
    this.clients = new ClientPool(clientsMax);
    this.creator = new LogStreamCreator(memory);
  }

  /**
   * @returns what AWS took the call for but did not take, with its reason
   * @throws Failure; or an error of Redis, if something was to be created
   */
  async put(access: SinkAccess, call: LogEventsCall): Promise<RejectedRange[]> {
    const client = this.client(access);
    const body =
      call.compression === 'gzip' ? await gzipIfSmaller(call.body) : { content: call.body };
    const { destinationKey, region } = access;
    const { logGroup, logStream, account, newGroup } = call;
    const stream = { destinationKey, account, region, logGroup, logStream, newGroup };
    let rejected = await this.putOnce(client, call, body);
    if (rejected instanceof ResourceNotFoundException) {
      await this.creator.create(client, stream);
      rejected = await this.putOnce(client, call, body);
    }
    for (const waitMs of UNSEEN_WAITS_MS) {
      if (!(rejected instanceof ResourceNotFoundException)) break;
      await new Promise((resolve) => setTimeout(resolve, waitMs * (0.5 + Math.random() / 2)));
      rejected = await this.putOnce(client, call, body);
    }
    if (rejected instanceof ResourceNotFoundException) throw classify('cloudwatch', rejected);
    this.creator.seen(stream);
    return rejected;
  }

  private async putOnce(
    client: CloudWatchLogsClient,
    { logGroup, logStream, logEvents }: LogEventsCall,
    body: ReadyBody,
  ): Promise<RejectedRange[] | ResourceNotFoundException> {
    const send = async () => {
      const command = new PutLogEventsCommand({
        logGroupName: logGroup,
        logStreamName: logStream,
        logEvents: [],
      });
      setReadyBody(command.input, body);
      return client.send(command);
    };
    try {
      const output = await send().catch((error: unknown) => {
        if (!isBrokenConnection(error)) throw error;
        this.noteFate(error, logEvents);
        return send();
      });
      return rejectedRanges(output.rejectedLogEventsInfo, logEvents);
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return error;
      // AWS says that it never answers so any more. If it did, the log events would be there.
      if (error instanceof DataAlreadyAcceptedException) return [];
      this.noteFate(error, logEvents);
      throw classify('cloudwatch', error);
    }
  }

  private noteFate(error: unknown, logEvents: number): void {
    const fate = unknownFate(error);
    // AWS throttles with a 503 as well, and has then done nothing.
    if (fate === undefined || classify('cloudwatch', error).code === 'cloudwatch.throttled') return;
    this.mayHaveTaken?.(logEvents, fate);
  }

  private client({ destinationKey, region, session }: SinkAccess): CloudWatchLogsClient {
    return this.clients.get(destinationKey, sessionIdentity(region, session), () => {
      const client = new CloudWatchLogsClient({
        region,
        credentials: session,
        requestHandler: this.transport,
        maxAttempts: 1, // the queue retries; two retriers would multiply
      });
      useReadyBodies(client);
      return client;
    });
  }
}

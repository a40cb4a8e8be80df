import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
  type PutLogEventsCommandOutput,
} from '@aws-sdk/client-cloudwatch-logs';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { classify, isBrokenConnection } from './classify';
import { ClientPool } from './client-pool';
import type { SinkAccess } from './sink-access';
import { setReadyBody, useReadyBodies } from './ready-body';
import { rejectedRanges, type RejectedRange } from './rejected-ranges';

export interface LogEventsCall {
  logGroup: string;
  logStream: string;
  /** The whole request body; see `logEventsFrame`. */
  body: Buffer;
  /** How many log events are in it. */
  logEvents: number;
}

/** What stands before and after the log events in the body of a PutLogEvents call. */
export function logEventsFrame(
  logGroup: string,
  logStream: string,
): { head: string; tail: string } {
  const names = `"logGroupName":${JSON.stringify(logGroup)},"logStreamName":${JSON.stringify(logStream)}`;
  return { head: `{${names},"logEvents":[`, tail: ']}' };
}

/** Writes batches to CloudWatch Logs. Puts first, and creates the group and the stream only when AWS says that they are not there. */
export class CloudWatchSink {
  private readonly clients: ClientPool<CloudWatchLogsClient>;
  private readonly creating = new Map<string, Promise<void>>();

  constructor(
    private readonly transport: NodeHttpHandler,
    clientsMax: number,
  ) {
    this.clients = new ClientPool(clientsMax);
  }

  /**
   * @returns what AWS took the call for but did not take, with its reason
   * @throws Failure
   */
  async put(access: SinkAccess, call: LogEventsCall): Promise<RejectedRange[]> {
    const client = this.client(access);
    try {
      const output = await this.putOrCreate(client, access.destinationKey, call);
      return rejectedRanges(output.rejectedLogEventsInfo, call.logEvents);
    } catch (error) {
      throw classify('cloudwatch', error);
    }
  }

  private async putOrCreate(
    client: CloudWatchLogsClient,
    destinationKey: string,
    call: LogEventsCall,
  ): Promise<PutLogEventsCommandOutput> {
    try {
      return await putOnce(client, call);
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw error;
    }
    await this.createOnce(client, destinationKey, call);
    return putOnce(client, call);
  }

  /** Creating is slow and rationed by AWS; batches of one stream that meet its absence together wait for one creation. */
  private createOnce(
    client: CloudWatchLogsClient,
    destinationKey: string,
    call: LogEventsCall,
  ): Promise<void> {
    const key = `${destinationKey}/${call.logGroup}\n${call.logStream}`;
    let creation = this.creating.get(key);
    if (creation === undefined) {
      creation = createStream(client, call).finally(() => this.creating.delete(key));
      this.creating.set(key, creation);
    }
    return creation;
  }

  private client({ destinationKey, region, session }: SinkAccess): CloudWatchLogsClient {
    return this.clients.get(destinationKey, `${region} ${session.accessKeyId}`, () => {
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

async function putOnce(
  client: CloudWatchLogsClient,
  call: LogEventsCall,
): Promise<PutLogEventsCommandOutput> {
  const send = (): Promise<PutLogEventsCommandOutput> => {
    const command = new PutLogEventsCommand({
      logGroupName: call.logGroup,
      logStreamName: call.logStream,
      logEvents: [],
    });
    setReadyBody(command.input, call.body);
    return client.send(command);
  };
  return send().catch((error: unknown) => {
    if (isBrokenConnection(error)) return send();
    throw error;
  });
}

/** The stream first: mostly the group is there already, and AWS rations groups (10/s) more than streams (50/s). */
async function createStream(
  client: CloudWatchLogsClient,
  { logGroup, logStream }: LogEventsCall,
): Promise<void> {
  const stream = { logGroupName: logGroup, logStreamName: logStream };
  try {
    await ignoreExisting(client.send(new CreateLogStreamCommand(stream)));
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error;
    await ignoreExisting(client.send(new CreateLogGroupCommand({ logGroupName: logGroup })));
    await ignoreExisting(client.send(new CreateLogStreamCommand(stream)));
  }
}

/** Somebody else was quicker, which is as good. */
async function ignoreExisting(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!(error instanceof ResourceAlreadyExistsException)) throw error;
  }
}

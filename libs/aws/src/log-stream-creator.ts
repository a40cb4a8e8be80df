import {
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutRetentionPolicyCommand,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
  type CloudWatchLogsClient,
} from '@aws-sdk/client-cloudwatch-logs';
import { Failure, type CloudWatchDestination } from '@logferry/core';
import { classify } from './classify';
import { Recently } from './recently';

/** Which stream is missing, and how its group is to be if that is missing too. */
export interface MissingStream {
  destinationKey: string;
  account: string;
  region: string;
  logGroup: string;
  logStream: string;
  newGroup: NewLogGroup;
}

export type NewLogGroup = Pick<
  CloudWatchDestination['cloudwatch'],
  'retentionDays' | 'kmsKeyId' | 'tags' | 'logClass'
>;

/** What all workers together remember about creating. */
export interface CreationMemory {
  rations: {
    /** Takes one. @returns 0, or after how many milliseconds it is worth asking again */
    take(name: string, ration: { perSecond: number; burst: number }): Promise<number>;
  };
  reminders: {
    set(name: string): Promise<void>;
    has(name: string): Promise<boolean>;
    clear(name: string): Promise<void>;
  };
}

/**
 * AWS lets an account create 50 streams and 10 groups a second in a Region, and set 5 retentions: everybody in it together. We leave
 * some to the account's owner, and some for calls that were apart when they were counted and arrive together.
 */
const RATIONS = {
  stream: { perSecond: 40, burst: 5 },
  group: { perSecond: 5, burst: 2 },
  retention: { perSecond: 3, burst: 1 },
} as const;

/** How long what was created may be unseen, so that it is not created again. */
const UNSEEN_MS = 10_000;
const CREATIONS_MAX = 10_000;

/**
 * Creates streams, and groups where they are missing. Whatever meets the same absence in this process waits for one creation, and
 * over all workers no more is created than rations allow.
 */
export class LogStreamCreator {
  private readonly underWay = new Map<string, Promise<void>>();
  private readonly created = new Recently(UNSEEN_MS, CREATIONS_MAX);

  constructor(private readonly memory: CreationMemory) {}

  /**
   * Does nothing for a stream that was created a moment ago: AWS may answer for a while as if it were not there.
   *
   * @throws Failure
   */
  async create(client: CloudWatchLogsClient, missing: MissingStream): Promise<void> {
    await this.once(streamKey(missing), () => this.createStream(client, missing));
  }

  /** The stream was written to: if it is missing again, it was deleted. */
  seen(missing: Pick<MissingStream, 'destinationKey' | 'logGroup' | 'logStream'>): void {
    this.created.forget(streamKey(missing));
    this.created.forget(groupKey(missing));
  }

  private async once(key: string, create: () => Promise<void>): Promise<void> {
    if (this.created.has(key)) return;
    let creation = this.underWay.get(key);
    if (creation === undefined) {
      creation = create()
        .then(() => this.created.note(key))
        .finally(() => this.underWay.delete(key));
      this.underWay.set(key, creation);
    }
    return creation;
  }

  /** The stream first: mostly the group is there already, and AWS rations groups more than streams. */
  private async createStream(client: CloudWatchLogsClient, missing: MissingStream): Promise<void> {
    const { logGroup, logStream, newGroup } = missing;
    if (newGroup.retentionDays !== undefined) await this.finishGroup(client, missing);
    const command = () =>
      new CreateLogStreamCommand({ logGroupName: logGroup, logStreamName: logStream });
    await this.ration(missing, 'stream');
    const first = await outcomeOf(client.send(command()));
    if (!(first instanceof ResourceNotFoundException)) return;
    await this.once(groupKey(missing), () => this.createGroup(client, missing));
    await this.ration(missing, 'stream');
    const second = await outcomeOf(client.send(command()));
    if (second instanceof ResourceNotFoundException) throw classify('cloudwatch_create', second);
  }

  /** With all that the destination asks for; a group that somebody else has made is left as it is. */
  private async createGroup(client: CloudWatchLogsClient, missing: MissingStream): Promise<void> {
    const { logGroup, newGroup } = missing;
    const { retentionDays, kmsKeyId, tags = {}, logClass } = newGroup;
    // Both now: a batch that is put off between the two may find its stream made by others, and never come back to the second.
    if (retentionDays !== undefined) await this.ration(missing, 'retention');
    await this.ration(missing, 'group');
    const creation = client.send(
      new CreateLogGroupCommand({
        logGroupName: logGroup,
        ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
        ...(Object.keys(tags).length === 0 ? {} : { tags }),
        ...(logClass === undefined ? {} : { logGroupClass: logClass }),
      }),
    );
    if ((await outcomeOf(creation)) !== 'done' || retentionDays === undefined) return;
    // Not before the group is certainly ours: somebody else's retention is never changed, even if that leaves one of ours without.
    await this.memory.reminders.set(retentionReminder(missing));
    await this.putRetention(client, missing);
  }

  /** Whoever created the group may have come no further. */
  private async finishGroup(client: CloudWatchLogsClient, missing: MissingStream): Promise<void> {
    await this.underWay.get(groupKey(missing));
    if (!(await this.memory.reminders.has(retentionReminder(missing)))) return;
    await this.once(`${groupKey(missing)}\nretention\n`, async () => {
      await this.ration(missing, 'retention');
      await this.putRetention(client, missing);
    });
  }

  private async putRetention(client: CloudWatchLogsClient, missing: MissingStream): Promise<void> {
    const { logGroup, newGroup } = missing;
    const { reminders } = this.memory;
    const command = new PutRetentionPolicyCommand({
      logGroupName: logGroup,
      retentionInDays: newGroup.retentionDays,
    });
    let outcome;
    try {
      outcome = await outcomeOf(client.send(command));
    } catch (error) {
      // However long it takes until somebody mends what stops it.
      await reminders.set(retentionReminder(missing));
      throw error;
    }
    if (outcome === 'done') await reminders.clear(retentionReminder(missing));
  }

  private async ration(
    { account, region }: MissingStream,
    what: keyof typeof RATIONS,
  ): Promise<void> {
    const waitMs = await this.memory.rations.take(`${what}:${account}:${region}`, RATIONS[what]);
    if (waitMs > 0)
      throw new Failure('cloudwatch.create_rationed', { detail: what, retryAfterMs: waitMs });
  }
}

type StreamName = Pick<MissingStream, 'destinationKey' | 'logGroup' | 'logStream'>;

const groupKey = ({ destinationKey, logGroup }: StreamName): string =>
  `${destinationKey}/${logGroup}`;

const streamKey = (stream: StreamName): string => `${groupKey(stream)}\n${stream.logStream}`;

const retentionReminder = ({ account, region, logGroup }: MissingStream): string =>
  `retention:${account}:${region}:${logGroup}`;

/** `existed`: somebody else was quicker, which is as good. The exception: what it should belong to is missing. */
async function outcomeOf(
  call: Promise<unknown>,
): Promise<'done' | 'existed' | ResourceNotFoundException> {
  try {
    await call;
    return 'done';
  } catch (error) {
    if (error instanceof ResourceAlreadyExistsException) return 'existed';
    if (error instanceof ResourceNotFoundException) return error;
    throw classify('cloudwatch_create', error);
  }
}

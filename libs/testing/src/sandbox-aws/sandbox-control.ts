// The sandbox as its owner sees it: set up, break, look inside. Tests in the same process call it; the control API wraps it.
import type { StoredObject } from './bucket-store';
import type { CounterReading } from './counters';
import type { FaultSpec } from './fault-spec';
import type { FaultReading } from './faults';
import type { LogGroup } from './log-store';
import type { LogStream, StoredEvent } from './log-stream';
import type { SandboxState } from './sandbox-state';
import { applySeed } from './seed';
import type { SandboxSeed } from './seed';

export interface LogGroupRef {
  readonly account: string;
  readonly region: string;
  readonly group: string;
}

export interface LogStreamRef extends LogGroupRef {
  readonly stream: string;
}

export interface LogStreamReading extends LogStreamRef {
  /** Ever accepted, kept or not. */
  readonly acceptedEvents: number;
  readonly acceptedMessageBytes: number;
  readonly droppedEvents: number;
  readonly lastEventAtMs: number | undefined;
  readonly lastIngestedAtMs: number | undefined;
}

export interface LogGroupReading extends LogGroupRef {
  readonly retentionDays: number | undefined;
  readonly groupClass: string;
  readonly kmsKeyId: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly streams: readonly LogStreamReading[];
}

export interface BucketReading {
  readonly name: string;
  readonly region: string;
  readonly account: string;
  readonly objects: number;
  readonly objectBytes: number;
  readonly droppedObjects: number;
}

export interface UploadReading {
  readonly key: string;
  readonly uploadId: string;
  readonly parts: number;
  readonly bytes: number;
}

export interface IdentityReading {
  readonly accounts: readonly string[];
  readonly oidcProviders: readonly { account: string; url: string; clientIds: readonly string[] }[];
  readonly roles: readonly { arn: string; maxSessionDurationSeconds: number }[];
  readonly users: readonly { arn: string }[];
  readonly sessions: number;
}

export class SandboxControl {
  constructor(protected readonly state: SandboxState) {}

  /** Adds accounts, providers, roles, users, buckets, groups and faults; throws InvalidSeed, naming every bad field. */
  seed(seed: SandboxSeed): void {
    applySeed(seed, this.state);
  }

  /** Back to nothing: no accounts, no logs, no objects, no faults, no counts. */
  reset(): void {
    this.state.reset();
  }

  removeRole(arn: string): boolean {
    return this.state.identities.roles.delete(arn);
  }

  removeBucket(name: string): boolean {
    return this.state.buckets.delete(name);
  }

  deleteLogGroup(ref: LogGroupRef): boolean {
    const group = this.findGroup(ref);
    if (group === undefined) return false;
    this.state.logs.deleteGroup(group);
    this.state.announceChange();
    return true;
  }

  deleteLogStream(ref: LogStreamRef): boolean {
    const group = this.findGroup(ref);
    if (group?.streams.has(ref.stream) !== true) return false;
    this.state.logs.deleteStream(group, ref.stream);
    this.state.announceChange();
    return true;
  }

  /** What STS has handed out, for tests that look for it where it must not be. */
  issuedSessions(): readonly {
    accessKeyId: string;
    secretAccessKey: string;
    sessionToken: string;
  }[] {
    return this.state.identities
      .issuedSessions()
      .flatMap(({ accessKeyId, secretAccessKey, owner }) =>
        owner.kind === 'session'
          ? [{ accessKeyId, secretAccessKey, sessionToken: owner.sessionToken }]
          : [],
      );
  }

  /** Every session's keys become unknown, as if STS had never issued them. Returns how many there were. */
  forgetSessions(): number {
    return this.state.identities.forgetSessions();
  }

  /** Moves the sandbox's clock away from the real one: sessions expire, signatures get too old, events too. */
  setClockOffset(offsetMs: number): void {
    this.state.clockOffsetMs = offsetMs;
  }

  /** Returns the fault's id. */
  addFault(fault: FaultSpec): string {
    return this.state.faults.add(fault);
  }

  faults(): readonly FaultReading[] {
    return this.state.faults.list();
  }

  removeFault(id: string): boolean {
    return this.state.faults.remove(id);
  }

  clearFaults(): void {
    this.state.faults.clear();
  }

  identities(): IdentityReading {
    const { identities } = this.state;
    return {
      accounts: [...identities.accounts],
      oidcProviders: identities.allProviders(),
      roles: [...identities.roles.values()].map(({ arn, maxSessionDurationSeconds }) => ({
        arn,
        maxSessionDurationSeconds,
      })),
      users: [...identities.users.values()].map(({ arn }) => ({ arn })),
      sessions: identities.sessionCount(),
    };
  }

  logGroups(): readonly LogGroupReading[] {
    return this.state.logs.allGroups().map((group) => ({
      ...refOf(group),
      retentionDays: group.retentionDays,
      groupClass: group.groupClass,
      kmsKeyId: group.kmsKeyId,
      tags: Object.fromEntries(group.tags),
      streams: [...group.streams.values()].map((stream) => readStream(group, stream)),
    }));
  }

  logStream(ref: LogStreamRef): LogStreamReading | undefined {
    const group = this.findGroup(ref);
    const stream = group?.streams.get(ref.stream);
    return group && stream && readStream(group, stream);
  }

  /** The kept events of a stream, by time and then by arrival; none where the stream does not exist. */
  logEvents(ref: LogStreamRef): readonly StoredEvent[] {
    return this.findGroup(ref)?.streams.get(ref.stream)?.events() ?? [];
  }

  /** The events that arrived last, latest first. */
  latestLogEvents(ref: LogStreamRef, countMax: number): readonly StoredEvent[] {
    return this.findGroup(ref)?.streams.get(ref.stream)?.latestEvents(countMax) ?? [];
  }

  /** Kept events that repeat another one of their stream: same time, same message. Of one stream, or of all. */
  duplicateLogEvents(ref?: LogStreamRef): number {
    const groups = ref === undefined ? this.state.logs.allGroups() : [this.findGroup(ref)];
    return groups
      .flatMap((group) => [...(group?.streams.values() ?? [])])
      .filter((stream) => ref === undefined || stream.name === ref.stream)
      .reduce((count, stream) => count + stream.duplicateEvents(), 0);
  }

  buckets(): readonly BucketReading[] {
    return this.state.buckets.all().map((bucket) => ({
      name: bucket.name,
      region: bucket.region,
      account: bucket.account,
      objects: bucket.objects.size,
      objectBytes: [...bucket.objects.values()].reduce(
        (sum, { contentBytes }) => sum + contentBytes,
        0,
      ),
      droppedObjects: bucket.droppedObjects,
    }));
  }

  /** In S3's order of keys. */
  objects(bucketName: string, prefix = ''): readonly StoredObject[] {
    const bucket = this.state.buckets.bucket(bucketName);
    return (bucket?.sortedKeys() ?? [])
      .filter((key) => key.startsWith(prefix))
      .flatMap((key) => bucket?.objects.get(key) ?? []);
  }

  object(bucketName: string, key: string): StoredObject | undefined {
    return this.state.buckets.bucket(bucketName)?.objects.get(key);
  }

  /** Multipart uploads that were begun in a bucket and neither completed nor aborted. */
  uploads(bucketName: string): readonly UploadReading[] {
    const uploads = this.state.buckets.bucket(bucketName)?.uploads.values() ?? [];
    return [...uploads].map(({ key, uploadId, parts }) => ({
      key,
      uploadId,
      parts: parts.size,
      bytes: [...parts.values()].reduce((sum, { content }) => sum + content.length, 0),
    }));
  }

  counters(): CounterReading {
    return this.state.counters.read();
  }

  resetCounters(): void {
    this.state.counters.reset();
  }

  memory(): { readonly keptBytes: number; readonly droppedEvents: number } {
    return {
      keptBytes: this.state.budget.bytesHeld,
      droppedEvents: this.state.logs.droppedEvents,
    };
  }

  nowMs(): number {
    return this.state.nowMs();
  }

  /** Resolves once the condition holds; looks again after every change. Rejects when it has not come true in time. */
  async waitFor(isMet: () => boolean, waitMsMax = 10_000): Promise<void> {
    if (isMet()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      reject(new Error(`The sandbox did not get there within ${String(waitMsMax)} ms.`));
    }, waitMsMax);
    const endWatch = this.state.watch(() => {
      try {
        if (isMet()) resolve();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    await promise.finally(() => {
      clearTimeout(timer);
      endWatch();
    });
  }

  private findGroup({ account, region, group }: LogGroupRef): LogGroup | undefined {
    return this.state.logs.group({ account, region }, group);
  }
}

function refOf({ account, region, name }: LogGroup): LogGroupRef {
  return { account, region, group: name };
}

function readStream(group: LogGroup, stream: LogStream): LogStreamReading {
  return {
    ...refOf(group),
    stream: stream.name,
    acceptedEvents: stream.acceptedEvents,
    acceptedMessageBytes: stream.acceptedMessageBytes,
    droppedEvents: stream.droppedEvents,
    lastEventAtMs: stream.lastEventAtMs,
    lastIngestedAtMs: stream.lastIngestedAtMs,
  };
}

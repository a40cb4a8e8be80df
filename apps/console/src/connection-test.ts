import {
  accountSetup,
  callerIdentity,
  CloudWatchSink,
  logEventsFrame,
  S3Sink,
  type AccountSetup,
  type CreationMemory,
  type ObjectCall,
  type Platform,
  type sharedTransport,
  type SinkAccess,
} from '@logferry/aws';
import {
  accountOf,
  assumedRole,
  destinationKey,
  Failure,
  failureKinds,
  objectKey,
  S3,
  TEST_MARK,
  testTarget,
  type AssumedRole,
  type AwsSession,
  type DecoyOutcome,
  type Destination,
  type DestinationPlace,
  type FailureCode,
  type S3Destination,
} from '@logferry/core';
import { within } from '@logferry/queue';
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { explainFailure } from './connection-remedy';
import type { Step, StepName, Verdict } from './connection-step';

/** Whoever gives new sessions: that one of before still works says nothing about the role of now. */
export interface TestSessions {
  newSession(tenantId: string, destination: Destination): Promise<AwsSession>;
}

/** Whoever tries a role as somebody else would. */
export interface TestDecoys {
  tryDecoys(
    place: DestinationPlace,
    tried: { role: AssumedRole; region: string },
  ): Promise<{ outcome: DecoyOutcome; because?: FailureCode | undefined }>;
}

export interface ConnectionTestParts {
  sessions: TestSessions;
  /** Without them, nobody is asked whom a role trusts. */
  decoys: TestDecoys | undefined;
  platform: Platform;
  /** What all processes together create is counted. */
  memory: CreationMemory;
  transport: ReturnType<typeof sharedTransport>;
  forcePathStyle: boolean;
  deadlinesMs?: { step: number; all: number };
}

interface ConnectionTestCall {
  tenantId: string;
  destination: Destination;
  /** Whether something is written. A daily check writes nothing. */
  writes: boolean;
}

const DEADLINES_MS = { step: 20_000, all: 60_000 };
/**
 * What is over in a moment and says nothing of the account: a destination that was just saved is not known to the broker yet, and what
 * is rationed waits for its turn.
 */
const PASSING: readonly FailureCode[] = [
  'destination.changing',
  'destination.missing',
  'credential.rationed',
  'cloudwatch.create_rationed',
  'cloudwatch.not_there_yet',
];
const PASSING_WAIT_MS = 250;
const PATIENCE_MS = 5_000;

/** Does with a destination what delivering does, once, and says what is missing. */
export class ConnectionTest {
  constructor(private readonly parts: ConnectionTestParts) {}

  /** Each step as soon as it is done. */
  async *run(call: ConnectionTestCall): AsyncGenerator<Step, void, void> {
    const { step, all } = this.parts.deadlinesMs ?? DEADLINES_MS;
    const run = new TestRun(this.parts, call);
    const endMs = performance.now() + all;
    let isBlocked = false;
    for (const name of run.steps()) {
      const startMs = performance.now();
      const leftMs = Math.min(step, endMs - startMs);
      const verdict: Verdict =
        isBlocked && name !== 'decoy'
          ? { outcome: 'skipped', message: 'a step before it did not pass' }
          : await run.verdict(name, leftMs);
      isBlocked ||= isTheEnd(name, verdict);
      yield { step: name, ...verdict, tookMs: Math.round(performance.now() - startMs) };
    }
  }
}

/** One test of one destination. */
class TestRun {
  private readonly id = `${TEST_MARK}-${randomUUID()}`;
  private session: AwsSession | undefined;
  private account: string | undefined;
  private sessionFailed = false;

  constructor(
    private readonly parts: ConnectionTestParts,
    private readonly call: ConnectionTestCall,
  ) {
    this.account = accountOf(call.destination);
  }

  steps(): StepName[] {
    const { destination, writes } = this.call;
    const decoy: StepName[] =
      this.parts.decoys === undefined || destination.credentials.kind === 'access_key'
        ? []
        : ['decoy'];
    if (!writes) return ['session', 'identity', ...decoy];
    if (destination.type === 'cloudwatch') return ['session', 'identity', 'write', ...decoy];
    const inParts: StepName[] = writesParts(destination) ? ['parts'] : [];
    return ['session', 'identity', 'region', 'write', ...inParts, ...decoy];
  }

  /** What becomes of a step, in time; what is late goes on behind our back, for as long as the transport lets it. */
  async verdict(name: StepName, deadlineMs: number): Promise<Verdict> {
    const leftMs = Math.max(deadlineMs, 0);
    const done = this.do(name).catch((error: unknown) => this.refused(error));
    const verdict = await within(done, leftMs);
    if (verdict !== 'late') return verdict;
    return {
      outcome: 'failed',
      code: 'network.unreachable',
      message: `there was no answer within ${Math.round(leftMs / 1_000)} s`,
    };
  }

  private refused(error: unknown): Verdict {
    if (!(error instanceof Failure)) throw error;
    const { tenantId, destination } = this.call;
    const { account } = this;
    // Of a session another is to be had; of an access key there is none but this.
    const isKey = destination.credentials.kind === 'access_key';
    const failure =
      isKey && error.code === 'credential.expired'
        ? new Failure('credential.key_refused', { cause: error })
        : error;
    return explainFailure(failure, { tenantId, destination, account, setup: this.setup() });
  }

  private setup(): AccountSetup | undefined {
    const setup = accountSetup(this.call.tenantId, this.call.destination, this.parts.platform);
    return 'problem' in setup ? undefined : setup;
  }

  private do(name: StepName): Promise<Verdict> {
    switch (name) {
      case 'session':
        return this.getSession();
      case 'identity':
        return this.askIdentity();
      case 'region':
        return this.findRegion();
      case 'write':
        return this.call.destination.type === 'cloudwatch' ? this.putLogEvent() : this.putObject();
      case 'parts':
        return this.tryParts();
      case 'decoy':
        return this.tryDecoys();
    }
  }

  private async getSession(): Promise<Verdict> {
    this.sessionFailed = true;
    const { tenantId, destination } = this.call;
    this.session = await patiently(() => this.parts.sessions.newSession(tenantId, destination));
    this.sessionFailed = false;
    return { outcome: 'ok', message: 'there is a session' };
  }

  private access(): SinkAccess {
    const { tenantId, destination } = this.call;
    if (this.session === undefined) throw new Failure('credential.broker_unavailable');
    const key = destinationKey(tenantId, destination.id);
    return { destinationKey: key, region: destination.region, session: this.session };
  }

  private async askIdentity(): Promise<Verdict> {
    const identity = await callerIdentity(this.parts.transport, this.access());
    const hint = this.lacksOwner() ? `. ${ownerHint(identity.account)}` : '';
    this.account ??= identity.account;
    return {
      outcome: 'ok',
      message: `AWS takes us for ${identity.arn}${hint}`,
      found: { ...identity },
    };
  }

  /** Whether nothing says whose the bucket must be: a test finds out, and what is delivered does not ask. */
  private lacksOwner(): boolean {
    const { destination } = this.call;
    if (destination.type !== 's3' || this.account !== undefined) return false;
    return destination.s3.expectedBucketOwner === undefined;
  }

  private async findRegion(): Promise<Verdict> {
    const { destination } = this.call;
    const { bucket } = (destination as S3Destination).s3;
    const region = await this.s3().regionOf(this.access(), bucket);
    if (region === undefined) {
      return { outcome: 'unknown', message: `S3 does not say where the bucket ${bucket} lies` };
    }
    if (region === destination.region)
      return { outcome: 'ok', message: `the bucket lies in ${region}`, found: { region } };
    return {
      outcome: 'failed',
      code: 's3.wrong_region',
      message: `The bucket lies in ${region}, and the destination says ${destination.region}. Set the destination's region to ${region}.`,
      found: { region },
    };
  }

  private async putLogEvent(): Promise<Verdict> {
    const { tenantId, destination } = this.call;
    const nowMs = Date.now();
    const target = testTarget(tenantId, destination, nowMs);
    if (destination.type !== 'cloudwatch' || target.sink !== 'cloudwatch')
      throw new Failure('internal.fault');
    const { logGroup, logStream } = target;
    const { compression, ...newGroup } = destination.cloudwatch;
    const made = new Set<string>();
    const sink = new CloudWatchSink(this.parts.transport, {
      clientsMax: 1,
      memory: noting(this.parts.memory, made),
    });
    const { head, tail } = logEventsFrame(logGroup, logStream);
    const logEvent = JSON.stringify({ timestamp: nowMs, message: this.message(nowMs) });
    const put = {
      logGroup,
      logStream,
      body: Buffer.from(`${head}${logEvent}${tail}`),
      logEvents: 1,
      compression,
      account: this.account ?? tenantId,
      newGroup,
    };
    await patiently(() => sink.put(this.access(), put));
    const created = ['group', 'stream'].filter((what) => made.has(what));
    return {
      outcome: 'ok',
      message: `a log event was put into the log group ${logGroup}, log stream ${logStream}`,
      found: { logGroup, logStream, created, mark: this.id },
    };
  }

  private async putObject(): Promise<Verdict> {
    const call = this.objectCall();
    const text = `${JSON.stringify({ logferryTest: this.id, message: this.message(Date.now()) })}\n`;
    const outcome = await this.s3().put(this.access(), call, pack(call.compression, text));
    return {
      outcome: 'ok',
      message: `an object was put into the bucket ${call.bucket} as ${call.key}`,
      found: { bucket: call.bucket, key: call.key, outcome, mark: this.id },
    };
  }

  private async tryParts(): Promise<Verdict> {
    const call = this.objectCall();
    await this.s3().tryParts(this.access(), call);
    return { outcome: 'ok', message: 'an upload in parts was begun and aborted' };
  }

  private async tryDecoys(): Promise<Verdict> {
    if (this.sessionFailed) return { outcome: 'skipped', message: 'the role does not let us in' };
    const { decoys } = this.parts;
    const { tenantId, destination } = this.call;
    const role = assumedRole(destination.credentials);
    if (decoys === undefined || role === undefined) throw new Failure('internal.fault');
    const place = { tenantId, destinationId: destination.id };
    const { region } = destination;
    const { outcome, because } = await decoys.tryDecoys(place, { role, region });
    switch (outcome) {
      case 'refused':
        return { outcome: 'ok', message: 'AWS refuses everybody else' };
      case 'unknown':
        return {
          outcome: 'unknown',
          ...(because === undefined ? {} : { code: because }),
          message:
            because === undefined
              ? "all tenants of this platform have one identity token: AWS cannot tell them apart, and lets each assume the others' roles"
              : 'whether AWS refuses everybody else could not be found out',
        };
      case 'accepted': {
        const setup = this.setup();
        return {
          outcome: 'failed',
          code: 'credential.trusts_others',
          message: failureKinds['credential.trusts_others'].publicMessage,
          remedies:
            setup?.identity.kind === 'role'
              ? [{ to: 'trust_policy', add: setup.identity.trustPolicy }]
              : [],
        };
      }
    }
  }

  private objectCall(): ObjectCall {
    const { tenantId, destination } = this.call;
    const nowMs = Date.now();
    const target = testTarget(tenantId, destination, nowMs);
    if (destination.type !== 's3' || target.sink !== 's3') throw new Failure('internal.fault');
    const { expectedBucketOwner, contentType, encryption, storageClass, checksum } = destination.s3;
    return {
      bucket: target.bucket,
      key: objectKey(target.key, nowMs, this.id, 0),
      compression: target.compression,
      bucketOwner: expectedBucketOwner ?? this.account,
      contentType,
      encryption,
      storageClass,
      checksum,
    };
  }

  private message(timeMs: number): string {
    return `Logferry's test of the destination ${this.call.destination.id} at ${new Date(timeMs).toISOString()}, ${this.id}`;
  }

  private s3(): S3Sink {
    const { transport, forcePathStyle } = this.parts;
    return new S3Sink(transport, { clientsMax: 1, forcePathStyle });
  }
}

/** Without a session, or with a key that AWS does not take, there is nothing to write with; without the bucket, nothing to write to. */
function isTheEnd(name: StepName, { outcome, code }: Verdict): boolean {
  if (outcome !== 'failed') return false;
  return name === 'session' || name === 'region' || code === 'credential.key_refused';
}

/** Does something again while what keeps it is passing. */
async function patiently<T>(act: () => Promise<T>): Promise<T> {
  for (const endMs = performance.now() + PATIENCE_MS; ;) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Failure) || !PASSING.includes(error.code)) throw error;
      const waitMs = Math.max(PASSING_WAIT_MS, error.retryAfterMs ?? 0);
      if (performance.now() + waitMs > endMs) throw error;
      await wait(waitMs);
    }
  }
}

function ownerHint(account: string): string {
  return `Name ${account} as the account of the credentials, or expectedBucketOwner: then nothing is ever put into a bucket of the same name that somebody else has made`;
}

/** Objects of more than 8 MiB are put in parts. */
function writesParts({ s3 }: S3Destination): boolean {
  return s3.objectBytesMax > S3.partBytes;
}

function pack(compression: S3Destination['s3']['compression'], text: string): Buffer {
  if (compression === 'none') return Buffer.from(text);
  return compression === 'gzip' ? gzipSync(text) : zstdCompressSync(text);
}

/** The same memory, noting what was asked leave to create. */
function noting(memory: CreationMemory, made: Set<string>): CreationMemory {
  return {
    reminders: memory.reminders,
    rations: {
      take: (name, ration) => {
        made.add(name.split(':')[0] ?? '');
        return memory.rations.take(name, ration);
      },
    },
  };
}

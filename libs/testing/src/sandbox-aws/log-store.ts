// All log groups of all accounts and Regions. Knows what exists, not who may see it: permissions are checked by the operations.
import { AwsError } from './aws-error';
import { SANDBOX } from './limits';
import { LogStream } from './log-stream';
import type { MemoryBudget } from './memory-budget';
import { partitionOf } from './region';

export interface LogPlace {
  readonly account: string;
  readonly region: string;
}

export interface LogGroup extends LogPlace {
  readonly name: string;
  readonly createdAtMs: number;
  readonly groupClass: string;
  readonly kmsKeyId: string | undefined;
  readonly tags: Map<string, string>;
  readonly streams: Map<string, LogStream>;
  retentionDays: number | undefined;
}

export interface NewLogGroup extends LogPlace {
  readonly name: string;
  readonly groupClass?: string | undefined;
  readonly kmsKeyId?: string | undefined;
  readonly tags?: ReadonlyMap<string, string>;
  readonly retentionDays?: number | undefined;
}

export class LogStore {
  droppedEvents = 0;
  private readonly places = new Map<string, Map<string, LogGroup>>();
  private groupCount = 0;
  private streamCount = 0;

  constructor(private readonly budget: MemoryBudget) {}

  groups(place: LogPlace): LogGroup[] {
    return [...(this.places.get(placeKey(place))?.values() ?? [])].sort(byName);
  }

  allGroups(): LogGroup[] {
    return [...this.places.values()].flatMap((groups) => [...groups.values()]);
  }

  group(place: LogPlace, name: string): LogGroup | undefined {
    return this.places.get(placeKey(place))?.get(name);
  }

  requireGroup(place: LogPlace, name: string): LogGroup {
    const group = this.group(place, name);
    if (group === undefined) {
      throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.');
    }
    return group;
  }

  requireStream(group: LogGroup, name: string): LogStream {
    const stream = group.streams.get(name);
    if (stream === undefined) {
      throw new AwsError('ResourceNotFoundException', 'The specified log stream does not exist.');
    }
    return stream;
  }

  createGroup(group: NewLogGroup, nowMs: number): LogGroup {
    if (this.group(group, group.name) !== undefined) {
      throw new AwsError(
        'ResourceAlreadyExistsException',
        'The specified log group already exists',
      );
    }
    requireBelow(this.groupCount, SANDBOX.groupsMax);
    const created: LogGroup = {
      account: group.account,
      region: group.region,
      name: group.name,
      createdAtMs: nowMs,
      groupClass: group.groupClass ?? 'STANDARD',
      kmsKeyId: group.kmsKeyId,
      retentionDays: group.retentionDays,
      tags: new Map(group.tags ?? []),
      streams: new Map(),
    };
    const groups = this.places.get(placeKey(group)) ?? new Map<string, LogGroup>();
    this.places.set(placeKey(group), groups.set(group.name, created));
    this.groupCount += 1;
    return created;
  }

  createStream(group: LogGroup, name: string, nowMs: number): LogStream {
    if (group.streams.has(name)) {
      throw new AwsError(
        'ResourceAlreadyExistsException',
        'The specified log stream already exists',
      );
    }
    requireBelow(this.streamCount, SANDBOX.streamsMax);
    const stream = new LogStream(name, nowMs, this.budget, (events) => {
      this.droppedEvents += events;
    });
    group.streams.set(name, stream);
    this.streamCount += 1;
    return stream;
  }

  deleteStream(group: LogGroup, name: string): void {
    this.requireStream(group, name).release();
    group.streams.delete(name);
    this.streamCount -= 1;
  }

  deleteGroup(group: LogGroup): void {
    for (const name of [...group.streams.keys()]) this.deleteStream(group, name);
    this.places.get(placeKey(group))?.delete(group.name);
    this.groupCount -= 1;
  }

  reset(): void {
    for (const group of this.allGroups()) this.deleteGroup(group);
    this.places.clear();
    this.droppedEvents = 0;
  }
}

function placeKey({ account, region }: LogPlace): string {
  return `${account} ${region}`;
}

export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function requireBelow(count: number, countMax: number): void {
  if (count >= countMax) throw new AwsError('LimitExceededException', 'Resource limit exceeded.');
}

export function groupArn({ account, region, name }: LogPlace & { readonly name: string }): string {
  return `arn:${partitionOf(region)}:logs:${region}:${account}:log-group:${name}`;
}

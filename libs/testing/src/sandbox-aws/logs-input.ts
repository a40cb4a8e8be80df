// Reads the members of one JSON 1.1 request. A member of the wrong JSON type is a SerializationException, as AWS's parser makes
// it; a member that breaks a rule of the model goes to the constraints, which name all failures at once.
import { AwsError } from './aws-error';
import { Constraints } from './constraints';
import { LOGS } from './limits';

export class LogsInput {
  readonly constraints = new Constraints();

  private constructor(private readonly members: Readonly<Record<string, unknown>>) {}

  static parse(body: Buffer): LogsInput {
    const text = body.toString('utf8');
    let value: unknown;
    try {
      value = text === '' ? {} : JSON.parse(text);
    } catch {
      throw new AwsError('SerializationException', 'The request body is not valid JSON.');
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new AwsError('SerializationException', 'The request body is not a JSON object.');
    }
    return new LogsInput(value as Record<string, unknown>);
  }

  raw(name: string): unknown {
    return this.members[name];
  }

  text(name: string): string | undefined {
    const value = this.members[name] ?? undefined;
    if (value === undefined || typeof value === 'string') return value;
    throw wrongType(name, 'a string');
  }

  number(name: string): number | undefined {
    const value = this.members[name] ?? undefined;
    if (value === undefined || Number.isSafeInteger(value)) return value as number | undefined;
    throw wrongType(name, 'an integer');
  }

  isTrue(name: string): boolean {
    const value = this.members[name] ?? false;
    if (typeof value === 'boolean') return value;
    throw wrongType(name, 'a boolean');
  }

  texts(name: string): readonly string[] | undefined {
    const value = this.members[name] ?? undefined;
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    throw wrongType(name, 'a list of strings');
  }

  tags(name: string): ReadonlyMap<string, string> | undefined {
    const value = this.members[name] ?? undefined;
    if (value === undefined) return undefined;
    const entries = typeof value === 'object' ? Object.entries(value) : [];
    if (Array.isArray(value) || !entries.every(([, text]) => typeof text === 'string')) {
      throw wrongType(name, 'a map of strings');
    }
    const tags = new Map(entries as [string, string][]);
    this.requireTags(name, tags);
    return tags;
  }

  groupName(name = 'logGroupName'): string {
    const value = this.text(name);
    this.constraints.requirePresent(value !== undefined, name);
    if (value !== undefined) this.requireGroupName(name, value);
    return value ?? '';
  }

  streamName(name = 'logStreamName'): string {
    const value = this.text(name);
    this.constraints.requirePresent(value !== undefined, name);
    if (value !== undefined) this.requireStreamName(name, value);
    return value ?? '';
  }

  requireGroupName(path: string, value: string): void {
    this.constraints.requireLength(value, path, 1, LOGS.nameLengthMax);
    this.constraints.requirePattern(value, path, LOGS.groupNamePattern);
  }

  requireStreamName(path: string, value: string): void {
    this.constraints.requireLength(value, path, 1, LOGS.nameLengthMax);
    this.constraints.requirePattern(value, path, LOGS.streamNamePattern);
  }

  /** `logGroupName` or `logGroupIdentifier` (a name or an ARN), one of them and not both. */
  groupNameOrIdentifier(): string {
    const name = this.text('logGroupName');
    const identifier = this.text('logGroupIdentifier');
    if ((name === undefined) === (identifier === undefined)) {
      throw new AwsError(
        'InvalidParameterException',
        'Exactly one of logGroupName and logGroupIdentifier must be given.',
      );
    }
    const value = name ?? identifier ?? '';
    const fromArn = /^arn:[^:]*:logs:[^:]*:\d{12}:log-group:([^:]+)(:\*)?$/u.exec(value)?.[1];
    const groupName = fromArn ?? value;
    this.requireGroupName('logGroupName', groupName);
    return groupName;
  }

  pageSize(highest: number, usual: number): number {
    const value = this.number('limit');
    if (value !== undefined) this.constraints.requireRange(value, 'limit', 1, highest);
    return value ?? usual;
  }

  throwIfInvalid(): void {
    const message = this.constraints.message();
    if (message !== undefined) throw new AwsError('InvalidParameterException', message);
  }

  private requireTags(path: string, tags: ReadonlyMap<string, string>): void {
    const inRange = tags.size >= 1 && tags.size <= LOGS.tagsMax;
    const rule = `have length between 1 and ${String(LOGS.tagsMax)}`;
    this.constraints.require(inRange, String(tags.size), path, rule);
    for (const [key, value] of tags) {
      this.constraints.requireLength(key, `${path}.member.key`, 1, LOGS.tagKeyLengthMax);
      this.constraints.requirePattern(key, `${path}.member.key`, LOGS.tagPattern);
      const isReserved = key.toLowerCase().startsWith(LOGS.reservedTagPrefix);
      this.constraints.require(!isReserved, key, `${path}.member.key`, 'not start with aws:');
      this.constraints.requireLength(value, `${path}.member.value`, 0, LOGS.tagValueLengthMax);
      this.constraints.requirePattern(value, `${path}.member.value`, LOGS.tagPattern);
    }
  }
}

function wrongType(name: string, wanted: string): AwsError {
  return new AwsError('SerializationException', `${name} is not ${wanted}.`);
}

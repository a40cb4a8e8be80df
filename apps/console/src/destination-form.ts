// What the form of a destination asks for, and how that is said to the API: whatever the form does not ask for stays as it is.
import type { RequestProblem } from '@logferry/runtime';
import { z } from 'zod';
import type { Problem } from './config-problem';
import type { Entered } from './form-fields';
import { parseQuery } from './page-request';
import type { ShownDestination } from './shown-destination';

const text = z.string('must be one text').optional();

/** Texts all of them: what is wrong with them is the API's to say, of all at once. */
const destinationFields = z.strictObject({
  id: text,
  version: text,
  enabled: text,
  type: text,
  preset: text,
  region: text,
  kind: text,
  roleArn: text,
  accessKeyId: text,
  secretAccessKey: text,
  account: text,
  types: text,
  logGroupPrefix: text,
  logGroup: text,
  logStream: text,
  retentionDays: text,
  bucket: text,
  path: text,
  key: text,
  compression: text,
});
export type DestinationFields = z.infer<typeof destinationFields>;
export type DestinationEntered = Entered<keyof DestinationFields>;

/** @throws RequestProblem if it is no such form */
export function readDestinationForm(fields: unknown): DestinationFields {
  const { secretAccessKey, ...shown } = parseQuery(destinationFields, fields ?? {});
  const trimmed = Object.entries(shown).map(([name, value]) => [name, value?.trim()]);
  return {
    ...(Object.fromEntries(trimmed) as DestinationFields),
    ...(secretAccessKey === undefined ? {} : { secretAccessKey }),
  };
}

export const untouched = (fields: DestinationFields): DestinationEntered => ({
  fields,
  problems: new Map(),
  others: [],
});

/** The form of a destination that is to be made. */
export const freshFields: DestinationFields = {
  enabled: 'yes',
  type: 'cloudwatch',
  kind: 'web_identity',
};

/** What stands in the form of a destination that there is. No secret is among it. */
export function fieldsOf(destination: ShownDestination): DestinationFields {
  const { version, enabled, type, preset = '', region, credentials, filter } = destination;
  return {
    version: String(version),
    enabled: enabled ? 'yes' : '',
    ...{ type, preset, region, kind: credentials.kind, types: listed(filter.types) },
    ...(credentials.kind === 'access_key'
      ? { accessKeyId: credentials.accessKeyId, account: credentials.account ?? '' }
      : { roleArn: credentials.roleArn }),
    ...placeFields(destination),
  };
}

function placeFields(destination: ShownDestination): DestinationFields {
  if (destination.type === 's3') {
    const { bucket, path, key = '', compression } = destination.s3;
    return { bucket, path, key, compression };
  }
  const { logGroupPrefix, logGroup = '', logStream = '', retentionDays } = destination.cloudwatch;
  return {
    ...{ logGroupPrefix, logGroup, logStream },
    retentionDays: String(retentionDays ?? ''),
  };
}

const listed = (types: readonly string[] | undefined): string => (types ?? []).join(', ');

/**
 * What was entered, as the API takes it.
 *
 * @param before what is stored; nothing of one that is to be made
 */
export function destinationBody(
  fields: DestinationFields,
  before: ShownDestination | undefined,
): object {
  const type = before?.type ?? fields.type;
  const body = {
    ...before,
    type,
    enabled: fields.enabled === 'yes',
    region: fields.region ?? '',
    credentials: credentialsBody(fields, before?.credentials),
    filter: filterBody(fields, before?.filter),
    ...placeBody(fields, before),
    ...(before === undefined ? {} : { version: Number(fields.version) }),
  };
  return { ...body, preset: fields.preset === '' ? undefined : fields.preset };
}

/** Of another kind than before nothing stays: what belongs to the one means nothing to the other. */
function credentialsBody(
  { kind, roleArn = '', accessKeyId = '', secretAccessKey = '', account = '' }: DestinationFields,
  before: ShownDestination['credentials'] | undefined,
): object {
  if (kind === 'access_key') {
    const secret = secretAccessKey === '' ? {} : { secretAccessKey };
    return { kind, accessKeyId, ...(account === '' ? {} : { account }), ...secret };
  }
  return { ...(before?.kind === kind ? before : {}), kind, roleArn };
}

function filterBody(
  { types = '' }: DestinationFields,
  before: ShownDestination['filter'] | undefined,
): object {
  // As it was shown: a type may have a comma in it that was entered elsewhere.
  if (types === listed(before?.types)) return before ?? {};
  const all = types.split(/[\s,]+/).filter((type) => type !== '');
  return { ...before, types: all.length === 0 ? undefined : all };
}

function placeBody(fields: DestinationFields, before: ShownDestination | undefined): object {
  if ((before?.type ?? fields.type) === 's3') {
    const { bucket = '', path = '', key = '', compression = 'none' } = fields;
    const stored = before?.type === 's3' ? before.s3 : {};
    return { s3: { ...stored, bucket, path, key: orNone(key), compression } };
  }
  const { logGroupPrefix = '', logGroup = '', logStream = '', retentionDays = '' } = fields;
  return {
    cloudwatch: {
      ...(before?.type === 'cloudwatch' ? before.cloudwatch : {}),
      logGroupPrefix,
      logGroup: orNone(logGroup),
      logStream: orNone(logStream),
      retentionDays: retentionDays === '' ? undefined : Number(retentionDays),
    },
  };
}

const orNone = (entered: string): string | undefined => (entered === '' ? undefined : entered);

/** The field that a problem stands beside; nothing if the form does not ask for what is wrong. */
function fieldAt(path: string): string | undefined {
  const name = /^\$\.(?:(?:credentials|filter|cloudwatch|s3)\.)?(\w+)/.exec(path)?.[1] ?? '';
  return name !== 'version' && Object.hasOwn(destinationFields.shape, name) ? name : undefined;
}

interface Refused {
  fields: DestinationFields;
  before: ShownDestination | undefined;
}

/** The form as it was sent, and why it was not taken. */
export function refusedDestination(
  problem: RequestProblem,
  { fields, before }: Refused,
): DestinationEntered {
  const found = (problem.details.problems ?? []) as readonly Problem[];
  const problems = new Map<string, string[]>();
  const others: string[] = [];
  const note = (name: string, message: string): void => {
    problems.set(name, [...(problems.get(name) ?? []), message]);
  };
  for (const { path, message } of found) {
    const name = fieldAt(path);
    if (name === undefined) others.push(`${path} ${message}`);
    else note(name, message);
  }
  const isMade = before === undefined && problem.code === 'config.version_conflict';
  if (isMade) note('id', 'is that of another destination of this tenant');
  else if (problem.code === 'config.version_conflict') others.push(OVERTAKEN);
  else if (found.length === 0) others.push(problem.message);
  // Whether there is one is looked at only when all else is good: here it is said with the rest.
  if (problem.code === 'config.invalid' && isWithoutSecret(fields, before))
    problems.set('secretAccessKey', ['is missing: no secret of this key is stored']);
  return { fields, problems, others };
}

const OVERTAKEN =
  'Somebody has changed this destination since the form was opened, so nothing was written. Open the form anew to see what it is now.';

function isWithoutSecret(
  { kind, accessKeyId, secretAccessKey = '' }: DestinationFields,
  before: ShownDestination | undefined,
): boolean {
  if (kind !== 'access_key' || secretAccessKey !== '') return false;
  const stored = before?.credentials;
  return stored?.kind !== 'access_key' || stored.accessKeyId !== accessKeyId;
}

// docs/reference/destinations.md: every field of a destination, read off its schema.
import {
  assert,
  CONDITION_DEPTH_MAX,
  CONDITIONS_MAX,
  DestinationInput,
  KEY_VARIABLES,
  laneKeys,
  MASK,
  MISSING,
  objectKey,
  presetNames,
  presets,
  SENSITIVE_TEXTS,
  TEMPLATE_VARIABLES,
  type PresetName,
} from '@logferry/core';
import { z } from 'zod';

/** As much of JSON Schema as our schemas come out as. */
interface Node {
  type?: string;
  const?: string;
  enum?: string[];
  default?: unknown;
  description?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, Node>;
  required?: string[];
  items?: Node;
  oneOf?: Node[];
}

type Row = [field: string, type: string, standard: string, bounds: string, meaning: string];

const conditions = `### Conditions

\`filter.where\` is a comparison of one attribute, or conditions joined by \`and\`, \`or\` and \`not\`:

\`\`\`json
{
  "and": [
    { "attribute": "team", "in": ["payments", "billing"] },
    { "not": { "attribute": "environment", "prefix": "dev-" } },
    { "or": [{ "attribute": "drift", "equals": "true" }, { "attribute": "drift", "exists": false }] }
  ]
}
\`\`\`

An attribute that a log event does not have equals nothing and begins with nothing. ${CONDITIONS_MAX} conditions at most, nested
${CONDITION_DEPTH_MAX} levels deep. There are no regular expressions: one of a tenant's own could keep ingest busy for everybody.`;

const redaction = `### Redaction

\`redact\` takes things out of a log event before anything of it is stored for this destination; others may have it whole. What is
redacted is in no queue, no dead letter and no name of a log stream. A log event's \`type\`, \`time\`, \`id\`, \`scope\` and
\`level\` are what it is told apart and routed by, and cannot be redacted: send nothing in them that somebody must not read.

\`\`\`json
[
  { "field": "attributes.deployerEmail", "action": "hash" },
  { "field": "message.user.email", "action": "mask" },
  { "field": "message.**.password", "action": "drop" },
  { "pattern": "card_number", "action": "mask" }
]
\`\`\`

| \`action\` | what was there |
| --- | --- |
| \`drop\` | is gone; of an element of an array, \`null\` stays |
| \`mask\` | is \`"${MASK}"\` |
| \`hash\` | is \`hmac-\` and 32 digits, the same for the same value in all log events of the tenant, and another for another tenant: a hash with the key \`LOGFERRY_INGEST_REDACTION_KEY\`, without which nobody can find a value by trying. Where the platform has set none, it is masked |

A \`field\` is \`attributes.NAME\`, or \`message.\` and a path in messages that are JSON, whether they were sent as a value or as its
text (which is then delivered compact; a text nested deeper than 64 levels is masked whole). \`*\` stands for any one name or place in
an array, \`**\` at the beginning for any depth; a dot or star in a name is written \`\\.\` and \`\\*\`. A text that only has JSON in it, such as a
log line with an object at its end, is a text: for those there are patterns, which are looked for in texts, in all strings of JSON (not in
the names of members) and in attributes:

| \`pattern\` | finds |
| --- | --- |
${Object.entries(SENSITIVE_TEXTS)
  .map(([name, meaning]) => `| \`${name}\` | ${meaning} |`)
  .join('\n')}`;

export function destinationPage(): string {
  const { oneOf = [] } = z.toJSONSchema(DestinationInput, { io: 'input' }) as Node;
  const [cloudwatch = [], s3 = []] = oneOf.map((kind) => rowsOf(kind, ''));
  const isShared = ([field]: Row): boolean => [cloudwatch, s3].every((rows) => has(rows, field));
  assert(
    s3.every((row) => isShared(row) || isIn('s3', row)),
    'all that S3 has of its own is in s3',
  );
  return `# Destinations

Where a tenant's log events go: entries of \`destinations\` in the file that [\`npx logferry apply\`](../guides/cli.md) takes, and bodies of
the console's [API](api.md#configuration). A field that is not here is refused. How a customer prepares the account: [connect-aws.md](../guides/connect-aws.md).

## Every destination

\`type\` is \`cloudwatch\` or \`s3\`, and must be set.

${table(cloudwatch.filter(isShared))}

${credentialKinds(oneOf[0])}

Filters that are given must all agree. A log event that no destination wants is accepted and counted as filtered.

${conditions}

${redaction}

## \`"type": "cloudwatch"\`

${table(cloudwatch.filter((row) => !isShared(row) && !isIn('cloudwatch', row)))}

In its \`cloudwatch\`:

${table(inner('cloudwatch', cloudwatch))}

Without a preset, and with the preset \`auth0\`, \`logGroup\` and \`logStream\` must be set.

## \`"type": "s3"\`

In its \`s3\`, which must be set:

${table(inner('s3', s3))}

Without \`key\`, an object's is \`${exampleKey({ path: 'exports' })}\` with the preset \`env0\`, in
UTC: the path, the type's name, the time of the first log event, and five characters that are drawn from the batch's id. With
\`"key": "${HIVE_KEY}"\` and gzip it is
\`${exampleKey({ path: 'exports', key: HIVE_KEY, compression: 'gzip' })}\`.

| in \`key\` | is |
| --- | --- |
${Object.entries(KEY_VARIABLES)
  .map(([variable, meaning]) => `| ${codes(variable)} | ${meaning} |`)
  .join('\n')}

What stands before the last slash is a folder, and by event time an object holds log events of one folder only: in \`hour=10\` are
those of ten o'clock and no others. So that one request cannot make thousands of objects, a folder is an hour at least. By delivery
time, the date parts are of the moment at which the object was first tried to be put. A slash in a scope stays one; what a key may
not hold becomes \`_\`.

## Templates

In \`logGroup\` and \`logStream\`, these are filled in for each log event. What a log event does not have is \`${MISSING}\`, and a character
that CloudWatch Logs does not take in a name becomes \`_\`.

| variable | is |
| --- | --- |
${Object.entries(TEMPLATE_VARIABLES)
  .map(([variable, meaning]) => `| \`${variable}\` | ${meaning} |`)
  .join('\n')}

## Presets

How each is configured by its platform's own variables: [variables.md](../guides/variables.md).

| preset | type | log group | log stream | \`{logType}\` in keys |
| --- | --- | --- | --- | --- |
${presetNames.flatMap(presetRows).join('\n')}
`;
}

/** A table of fields for each kind of credentials, told apart by `kind`. */
function credentialKinds(destination: Node | undefined): string {
  const kinds = destination?.properties?.['credentials']?.oneOf ?? [];
  assert(kinds.length > 1, 'there are several kinds of credentials');
  return kinds
    .map((kind) => {
      const { const: name, description } = kind.properties?.['kind'] ?? {};
      const rows = rowsOf(kind, '').filter(([field]) => field !== 'kind');
      return `### \`credentials\` of the kind \`${name}\`\n\n${capital(description)}.\n\n${table(rows)}`;
    })
    .join('\n\n');
}

const capital = (text = ''): string => text.charAt(0).toUpperCase() + text.slice(1);

function presetRows(name: PresetName): string[] {
  const { types, logType, logGroup, logStream } = presets[name];
  const own = (template: string | undefined): string =>
    template === undefined ? 'must be set' : `\`${template}\``;
  return [...types, 'TYPE'].map(
    (type) =>
      `| \`${name}\` | \`${type}\` | ${own(logGroup?.(type))} | ${own(logStream?.(type))} | \`${logType(type)}\` |`,
  );
}

const HIVE_KEY = '{type}/dt={yyyy}-{MM}-{dd}/hour={HH}/{batch}.ndjson';

function exampleKey(over: { path: string; key?: string; compression?: 'gzip' }): string {
  const timeMs = Date.UTC(2026, 10, 21, 10, 48);
  const facts = {
    tenant: 'acme',
    destination: 's3',
    type: 'deployment',
    logType: presets.env0.logType('deployment'),
    scope: undefined,
  };
  const keys = laneKeys({ keyTime: 'event', compression: 'none', ...over });
  return objectKey(keys.render(facts, timeMs), timeMs, 'mi8x2k5f6a0c31b2d9e7-1', 0);
}

const codes = (names: string): string =>
  names
    .split(', ')
    .map((name) => `\`${name}\``)
    .join(', ');

const has = (rows: readonly Row[], field: string): boolean =>
  rows.some(([other]) => other === field);

const isIn = (field: string, [name]: Row): boolean => name.startsWith(`${field}.`);

/** The fields of a field, by their own names: `s3.bucket` would read as a failure's code. */
const inner = (field: string, rows: readonly Row[]): Row[] =>
  rows
    .filter((row) => isIn(field, row))
    .map(([name, ...cells]) => [name.slice(field.length + 1), ...cells]);

/** A field that has fields of its own is told by those. */
function rowsOf(node: Node, path: string): Row[] {
  const { properties = {}, required = [] } = node;
  return Object.entries(properties).flatMap(([name, field]): Row[] => {
    const full = path === '' ? name : `${path}.${name}`;
    if (full === 'type') return [];
    if (field.oneOf !== undefined) {
      if (full !== 'credentials') throw new Error(`${full} has kinds: the page cannot tell`);
      const meaning = 'how we come into the AWS account: one of the kinds below';
      return [[full, 'object', 'must be set', '', meaning]];
    }
    const { description } = field;
    // What describes itself as a whole is told by a section of the page.
    if (field.properties !== undefined && description === undefined) return rowsOf(field, full);
    if (description === undefined) throw new Error(`${full} says nothing of itself`);
    return [
      [
        full,
        typeOf(field),
        standardOf(field, required.includes(name)),
        boundsOf(field),
        description,
      ],
    ];
  });
}

function typeOf({ type, items, ...field }: Node): string {
  const values = field.enum ?? (field.const === undefined ? undefined : [field.const]);
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(', ');
  if (type === 'array') return `array of ${items?.type}s`;
  return type ?? '';
}

function standardOf(field: Node, isRequired: boolean): string {
  if (field.default !== undefined) return `\`${JSON.stringify(field.default)}\``;
  return isRequired ? 'must be set' : 'none';
}

function boundsOf({ minimum, maximum, minLength, maxLength, minItems, maxItems }: Node): string {
  const between = (min: number | undefined, max: number | undefined, unit: string): string[] =>
    max === undefined ? [] : [`${min ?? 0} to ${max}${unit}`];
  return [
    ...between(minimum, maximum, ''),
    ...between(minLength, maxLength, ' characters'),
    ...between(minItems, maxItems, ' entries'),
  ].join(', ');
}

function table(rows: readonly Row[]): string {
  return [
    '| field | type | default | bounds | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(([field, ...cells]) => `| \`${field}\` | ${cells.join(' | ')} |`),
  ].join('\n');
}

// The OpenAPI 3.1 document of the console's API, made of the schemas that requests are read by.
import {
  Channel,
  ChannelInput,
  Destination,
  DestinationInput,
  Source,
  SourceInput,
  Tenant,
} from '@logferry/core';
import { withoutSecrets } from '@logferry/store';
import { z } from 'zod';
import { aProblem } from './api-examples';
import { apiOperations, type ApiOperation } from './api-operations';
import {
  AuditEntryView,
  KeyChange,
  KeyView,
  MintedKeyView,
  NewKey,
  TenantView,
  UnreadableView,
} from './config-views';
import { ChannelStateView, ChannelTestView } from './channel-state-view';
import { ConnectionResultView, ConnectionTestView } from './connection-view';
import {
  DeadLetterCountView,
  DeadLettersView,
  DeadLetterView,
  DiscardedManyView,
  DiscardedView,
  RedrivenManyView,
  RedrivenView,
} from './dead-letter-view';
import { HeldDestinationsView, ResumedView, SuspendedView } from './held-destination-view';
import { InstallationView } from './installation-view';
import { LedgersView, LedgerView } from './ledger-desk';
import { ReplayRequest, ReplaysView, ReplayView } from './replay-view';
import { ResealedView } from './reseal-desk';
import { Report } from './source-report';
import {
  AskedRunView,
  CancellingView,
  CheckpointBody,
  ReplayBody,
  RunLogView,
  RunsView,
  RunView,
  StatusView,
} from './source-view';
import { DeliveriesView } from './deliveries-view';
import { StatsView } from './stats-view';
import { ScopesView, VariablesBody, VariablesView } from './variables-view';
import { walkSchema } from './dead-letter-request';

type Json = Record<string, unknown>;

const VERSION = {
  type: 'integer',
  minimum: 0,
  description: 'grows with each change; sent back, it must still be the version that is there',
};

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  return without('$schema', z.toJSONSchema(schema, { io, unrepresentable: 'any' }));
}

function without(name: string, { ...schema }: Json): Json {
  Reflect.deleteProperty(schema, name);
  return schema;
}

/** Of each of its variants: a body may say the version, and need not say the id that stands in the address. */
function asBody(schema: Json): Json {
  return eachVariant(schema, (variant) => ({
    ...variant,
    properties: { ...(variant.properties as Json), version: VERSION },
    required: ((variant.required ?? []) as string[]).filter((name) => name !== 'id'),
  }));
}

/** As it is told: with its version, and without what is written and never read. */
function asView(schema: Json): Json {
  return eachVariant(onlyThere(withoutSecrets(schema, 'omit')) as Json, (variant) => ({
    ...variant,
    properties: { ...(variant.properties as Json), version: VERSION },
    required: [...((variant.required ?? []) as string[]), 'version'],
  }));
}

function withField(schema: Json, name: string, field: Json): Json {
  return { ...schema, properties: { ...(schema.properties as Json), [name]: field } };
}

function eachVariant(schema: Json, change: (variant: Json) => Json): Json {
  const variants = schema.oneOf as Json[] | undefined;
  return variants === undefined ? change(schema) : { ...schema, oneOf: variants.map(change) };
}

/** Nothing is required that is not there. */
function onlyThere(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(onlyThere);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { required, properties, ...rest } = schema as {
    required?: unknown;
    properties?: object;
  };
  const inner = Object.entries(rest).map(([name, value]) => [name, onlyThere(value)] as const);
  if (!Array.isArray(required) || properties === undefined)
    return Object.fromEntries([
      ...inner,
      ...(required === undefined ? [] : [['required', required] as const]),
      ...(properties === undefined ? [] : [['properties', eachProperty(properties)] as const]),
    ]);
  return {
    ...Object.fromEntries(inner),
    properties: eachProperty(properties),
    required: required.filter((name) => Object.hasOwn(properties, name as string)),
  };
}

const eachProperty = (properties: object): Json =>
  Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, onlyThere(value)]));

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const listOf = (name: string, item: string, next: 'cursor' | 'after'): Json => ({
  type: 'object',
  properties: {
    [name]: {
      type: 'array',
      items:
        item.endsWith('View') && item !== 'KeyView' && item !== 'AuditEntryView'
          ? { anyOf: [ref(item), ref('Unreadable')] }
          : ref(item),
    },
    [next]: { type: ['string', 'null'], description: 'where the list goes on' },
  },
  required: [name, next],
  additionalProperties: false,
});

const schemas: Record<string, Json> = {
  Tenant: asBody(schemaOf(Tenant, 'input')),
  TenantView: schemaOf(TenantView, 'output'),
  Tenants: listOf('tenants', 'TenantView', 'cursor'),
  Destination: asBody(schemaOf(DestinationInput, 'input')),
  DestinationView: asView(schemaOf(Destination, 'output')),
  Destinations: listOf('destinations', 'DestinationView', 'cursor'),
  Channel: asBody(schemaOf(ChannelInput, 'input')),
  ChannelView: asView(schemaOf(Channel, 'output')),
  ChannelPut: withField(asView(schemaOf(Channel, 'output')), 'signingSecret', {
    type: 'string',
    description: 'the one that was made; it is told this once',
  }),
  Channels: listOf('channels', 'ChannelView', 'cursor'),
  Source: asBody(schemaOf(SourceInput, 'input')),
  SourceView: asView(schemaOf(Source, 'output')),
  Sources: listOf('sources', 'SourceView', 'cursor'),
  SourceStatus: schemaOf(StatusView, 'output'),
  Checkpoint: schemaOf(CheckpointBody, 'input'),
  Replay: schemaOf(ReplayBody, 'input'),
  RunView: schemaOf(RunView, 'output'),
  Runs: schemaOf(RunsView, 'output'),
  AskedRun: schemaOf(AskedRunView, 'output'),
  CancellingRun: schemaOf(CancellingView, 'output'),
  RunLog: schemaOf(RunLogView, 'output'),
  SourceReport: schemaOf(Report, 'output'),
  Variables: asBody(schemaOf(VariablesBody, 'input')),
  VariablesView: schemaOf(VariablesView, 'output'),
  Scopes: schemaOf(ScopesView, 'output'),
  Ledger: schemaOf(LedgerView, 'output'),
  Ledgers: schemaOf(LedgersView, 'output'),
  Stats: schemaOf(StatsView, 'output'),
  Deliveries: schemaOf(DeliveriesView, 'output'),
  ConnectionTest: schemaOf(ConnectionTestView, 'output'),
  ConnectionResult: schemaOf(ConnectionResultView, 'output'),
  ChannelState: schemaOf(ChannelStateView, 'output'),
  ChannelTest: schemaOf(ChannelTestView, 'output'),
  NewKey: schemaOf(NewKey, 'input'),
  KeyChange: asBody(schemaOf(KeyChange, 'input')),
  KeyView: schemaOf(KeyView, 'output'),
  MintedKey: schemaOf(MintedKeyView, 'output'),
  Keys: listOf('keys', 'KeyView', 'cursor'),
  Resealed: schemaOf(ResealedView, 'output'),
  AuditEntryView: schemaOf(AuditEntryView, 'output'),
  AuditEntries: listOf('entries', 'AuditEntryView', 'after'),
  Installation: schemaOf(InstallationView, 'output'),
  Unreadable: schemaOf(UnreadableView, 'output'),
  HeldDestinations: schemaOf(HeldDestinationsView, 'output'),
  Suspended: schemaOf(SuspendedView, 'output'),
  Resumed: schemaOf(ResumedView, 'output'),
  ReplayRequest: schemaOf(ReplayRequest, 'input'),
  ReplayView: schemaOf(ReplayView, 'output'),
  Replays: schemaOf(ReplaysView, 'output'),
  DeadLetterWalk: schemaOf(walkSchema, 'input'),
  DeadLetter: schemaOf(DeadLetterView, 'output'),
  DeadLetters: schemaOf(DeadLettersView, 'output'),
  DeadLetterCount: schemaOf(DeadLetterCountView, 'output'),
  Redriven: schemaOf(RedrivenView, 'output'),
  RedrivenMany: schemaOf(RedrivenManyView, 'output'),
  Discarded: schemaOf(DiscardedView, 'output'),
  DiscardedMany: schemaOf(DiscardedManyView, 'output'),
  Deleted: {
    type: 'object',
    properties: {
      id: { type: 'string' },
      outcome: { enum: ['deleted', 'revoked'] },
      waitingLogEvents: { type: 'integer', description: 'what waited for it, and is held now' },
      waitingBatches: { type: 'integer', description: 'the same, of a tenant' },
    },
    required: ['id', 'outcome'],
    additionalProperties: false,
  },
  Problem: {
    type: 'object',
    properties: {
      code: { type: 'string' },
      message: { type: 'string' },
      requestId: { type: 'string', description: 'to be given when you ask about it' },
      problems: {
        type: 'array',
        description: 'all that is wrong with the body',
        items: {
          type: 'object',
          properties: {
            path: { type: 'string', description: 'a JSONPath' },
            message: { type: 'string' },
          },
          required: ['path', 'message'],
        },
      },
      version: { type: ['integer', 'null'], description: 'the version that is there' },
    },
    required: ['code', 'message'],
  },
};

/** What a query's fields mean, which is the same everywhere. */
const meanings: Record<string, string> = {
  limit: 'the most that an answer holds: 50 unless given, 200 at most; of dead letters 500',
  cursor: 'that of the answer before',
  after: 'the id of an entry, or a time',
  order: 'which come first',
  force: 'whether it is done although log events wait, which are held then',
  again: 'whether a tenant that was deleted may be made again, with all that its id opens',
  tenant: "a tenant's id",
  destination: "a destination's id",
  sink: 'through what it was to be delivered',
  reason: 'the code of a failure',
  from: 'from this time on: ISO 8601 with a time zone, or epoch milliseconds',
  to: 'up to this time',
};

function parametersOf({ path, query, versioned }: ApiOperation): Json[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const fields = query === undefined ? {} : (schemaOf(query, 'input').properties as Json);
  const inQuery = Object.entries(fields).map(([name, field]) => {
    const schema = without('default', field as Json); // of what the text is read as, which is another type
    return { name, in: 'query', description: meanings[name] ?? '', schema };
  });
  const conditions = [
    ['If-Match', 'the ETag that must still be there, or * for any'],
    ['If-None-Match', '* if there must be none'],
  ].map(([name, description]) => ({
    name,
    in: 'header',
    description,
    schema: { type: 'string' },
  }));
  return [...inPath, ...inQuery, ...(versioned === true ? conditions : [])];
}

const problem = (description: string): Json => ({
  description,
  content: { 'application/json': { schema: ref('Problem') } },
});

function answersOf({
  method,
  path,
  answer: [status, ...contents],
  versioned,
  body,
}: ApiOperation): Json {
  const done = {
    description: status === 201 ? 'It was made' : 'Done',
    content: Object.fromEntries(contents.map(contentOfAnswer)),
  };
  return {
    [status]: done,
    ...(status === 201 && method === 'put'
      ? { 200: { ...done, description: 'It was replaced' } }
      : {}),
    401: problem('No key, or one that is not known'),
    403: problem('The key may not do this'),
    ...(path.includes('{') ? { 404: problem('There is none of this id, for this key') } : {}),
    ...(versioned === true ? { 412: problem('Another version is there') } : {}),
    ...(method === 'delete' && path.includes('tenant')
      ? { 409: problem('Log events wait for it') }
      : {}),
    ...(body !== undefined && 'schema' in body && body.schema !== 'DeadLetterWalk'
      ? {
          422: {
            description: 'All that is wrong with the body',
            content: { 'application/json': { schema: ref('Problem'), example: aProblem } },
          },
        }
      : {}),
  };
}

const lines: Json = { 'application/x-ndjson': { schema: { type: 'string' } } };

function contentOfAnswer(content: string): [type: string, of: Json] {
  if (!content.includes('/')) return ['application/json', { schema: ref(content) }];
  return [content, { schema: { type: content === 'application/json' ? 'object' : 'string' } }];
}

function contentOf(body: NonNullable<ApiOperation['body']>): Json {
  if ('ndjson' in body) return lines;
  return { 'application/json': { schema: ref(body.schema), example: body.example } };
}

function operationOf(operation: ApiOperation): Json {
  const { method, path, tag, summary, body } = operation;
  const words = path
    .replace(/^\/v1\//, '')
    .replaceAll(/[{}]/g, '')
    .split(/[/.]/);
  return {
    operationId: [method, ...words].join('_').replaceAll('-', '_'),
    tags: [tag],
    summary,
    parameters: parametersOf(operation),
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body) } }),
    responses: answersOf(operation),
  };
}

export interface OpenApiDocument extends Json {
  paths: Record<string, Record<string, Json>>;
  components: { schemas: Record<string, Json> } & Json;
}

/** Built once: it says the same for as long as the process lives. */
export function openApiDocument(): OpenApiDocument {
  const paths: OpenApiDocument['paths'] = {};
  for (const operation of apiOperations)
    (paths[operation.path] ??= {})[operation.method] = operationOf(operation);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Logferry',
      version: '1',
      description:
        'The configuration of Logferry, and what became of log events. Log events themselves are sent to ingest.',
    },
    security: [{ key: [] }, { password: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: "a key with read, or with admin; a tenant's for what is its own",
        },
        password: { type: 'http', scheme: 'basic', description: "the console's password" },
      },
    },
  };
}

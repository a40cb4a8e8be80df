// What the console's API offers, address by address. The OpenAPI document and the page of it are made of this; a test holds it against
// the routes that there are.
import type { z } from 'zod';
import { setupQuery } from './account-setup-desk';
import { aChannel, aDestination, aKey, aKeyChange, aTenant, someVariables } from './api-examples';
import { auditQuery } from './audit-request';
import { filterSchema, listSchema } from './dead-letter-request';
import { deliveriesQuery } from './deliveries.controller';
import { againQuery, forceQuery, keysQuery, pageQuery } from './page-request';
import { recordOperations } from './record-operations';
import { replayOperations } from './replay-operations';
import { sourceOperations } from './source-operations';

export interface ApiOperation {
  method: 'get' | 'put' | 'post' | 'delete';
  /** As OpenAPI writes it. */
  path: string;
  tag: string;
  summary: string;
  query?: z.ZodType;
  body?: { schema: string; example: object } | { ndjson: true };
  /** The status of success, and what it is told with: the name of a schema, or another type of content than JSON of one. */
  answer: readonly [status: number, content: string, ...others: string[]];
  /** Whether it changes a record that has a version. */
  versioned?: true;
}

const LINES = 'application/x-ndjson';
const TENANT = '/v1/tenants/{tenantId}';
const DESTINATION = `${TENANT}/destinations/{destinationId}`;
const CHANNEL = `${TENANT}/channels/{channelId}`;
const DEAD_LETTER = '/v1/dead-letters/{id}';

/** Of the tenant itself, and of a scope below it. */
function variablesAt(path: string): ApiOperation[] {
  const at = { path: `${TENANT}/${path}`, tag: 'Variables' };
  const of = path === 'variables' ? 'of the tenant itself' : 'of a scope';
  return [
    {
      ...at,
      method: 'get',
      summary: `The variables ${of}: what is set, what holds and from where, and what is wrong`,
      answer: [200, 'VariablesView'],
    },
    {
      ...at,
      method: 'put',
      summary: `Replaces the variables ${of}, and the destinations that they make`,
      query: forceQuery,
      body: { schema: 'Variables', example: someVariables },
      answer: [201, 'VariablesView'],
      versioned: true,
    },
    {
      ...at,
      method: 'delete',
      summary: `Deletes the variables ${of}, and the destinations that they make`,
      query: forceQuery,
      answer: [200, 'VariablesView'],
      versioned: true,
    },
  ];
}

const configuration: ApiOperation[] = [
  ...recordOperations({
    tag: 'Tenants',
    paths: { all: '/v1/tenants', one: TENANT },
    schema: 'Tenant',
    example: aTenant,
    summaries: {
      all: 'A page of tenants',
      one: 'One tenant',
      delete: 'Deletes a tenant with its destinations and keys, if nothing waits for it',
    },
    queries: { put: againQuery, delete: forceQuery },
  }),
  ...recordOperations({
    tag: 'Destinations',
    paths: { all: `${TENANT}/destinations`, one: DESTINATION },
    schema: 'Destination',
    example: aDestination,
    summaries: {
      all: "A page of a tenant's destinations",
      one: 'One destination, without its secrets',
      delete: 'Deletes a destination, if nothing waits for it',
    },
    queries: { delete: forceQuery },
  }),
  {
    method: 'get',
    path: `${TENANT}/ledgers`,
    tag: 'Ledgers',
    summary: "Where the log events of each of a tenant's destinations are",
    answer: [200, 'Ledgers'],
  },
  {
    method: 'get',
    path: `${DESTINATION}/ledger`,
    tag: 'Ledgers',
    summary: 'Where the log events of one destination are, also of one that was deleted',
    answer: [200, 'Ledger'],
  },
  {
    method: 'get',
    path: `${DESTINATION}/deliveries`,
    tag: 'Ledgers',
    summary: "What became of a destination's last batches, the newest first",
    query: deliveriesQuery,
    answer: [200, 'Deliveries'],
  },
  {
    method: 'get',
    path: '/v1/stats',
    tag: 'Ledgers',
    summary:
      "What a dashboard shows: totals, queues, and each destination; to a tenant's key its own",
    query: pageQuery,
    answer: [200, 'Stats'],
  },
  {
    method: 'get',
    path: `${DESTINATION}/policy`,
    tag: 'Destinations',
    summary: 'What to make in the AWS account, ready to paste',
    query: setupQuery,
    answer: [200, 'application/json', 'text/plain'],
  },
  {
    method: 'post',
    path: `${DESTINATION}/policy`,
    tag: 'Destinations',
    summary: 'The same for a destination that is not stored',
    query: setupQuery,
    body: { schema: 'Destination', example: aDestination },
    answer: [200, 'application/json', 'text/plain'],
  },
  {
    method: 'post',
    path: `${DESTINATION}/test`,
    tag: 'Destinations',
    summary: 'Tests the connection, and says what is missing; as NDJSON, step by step',
    answer: [200, 'ConnectionTest', LINES],
  },
  {
    method: 'get',
    path: `${DESTINATION}/test`,
    tag: 'Destinations',
    summary: 'What became of the last test or check',
    answer: [200, 'ConnectionResult'],
  },
  {
    method: 'get',
    path: `${TENANT}/scopes`,
    tag: 'Variables',
    summary: 'The scopes at which variables are set, and what is wrong with them',
    answer: [200, 'Scopes'],
  },
  ...(['variables', 'scopes/{scope}/variables'] as const).flatMap(variablesAt),
  ...recordOperations({
    tag: 'Channels',
    paths: { all: `${TENANT}/channels`, one: CHANNEL },
    schema: 'Channel',
    example: aChannel,
    summaries: {
      all: 'A page of the channels by which a tenant is told of what happens',
      one: 'One channel, without its address',
      delete: 'Deletes a channel',
    },
    put: 'ChannelPut',
  }),
  {
    method: 'get',
    path: `${CHANNEL}/state`,
    tag: 'Channels',
    summary: 'What became of its messages',
    answer: [200, 'ChannelState'],
  },
  {
    method: 'post',
    path: `${CHANNEL}/test`,
    tag: 'Channels',
    summary: 'Sends a message at once, and says what became of it',
    answer: [200, 'ChannelTest'],
  },
  {
    method: 'get',
    path: '/v1/keys',
    tag: 'Keys',
    summary: 'A page of keys',
    query: keysQuery,
    answer: [200, 'Keys'],
  },
  {
    method: 'post',
    path: '/v1/keys',
    tag: 'Keys',
    summary: 'Makes a key. It is shown this once',
    body: { schema: 'NewKey', example: aKey },
    answer: [201, 'MintedKey'],
  },
  {
    method: 'get',
    path: '/v1/keys/{keyId}',
    tag: 'Keys',
    summary: 'What is known of a key',
    answer: [200, 'KeyView'],
  },
  {
    method: 'put',
    path: '/v1/keys/{keyId}',
    tag: 'Keys',
    summary: 'Changes name, scopes and rate of a key',
    body: { schema: 'KeyChange', example: aKeyChange },
    answer: [200, 'KeyView'],
    versioned: true,
  },
  {
    method: 'delete',
    path: '/v1/keys/{keyId}',
    tag: 'Keys',
    summary: 'Revokes a key',
    answer: [200, 'Deleted'],
    versioned: true,
  },
  {
    method: 'post',
    path: '/v1/reseal',
    tag: 'Sealed secrets',
    summary: "Has a page of tenants' secrets sealed with the broker's newest key",
    query: pageQuery,
    answer: [200, 'Resealed'],
  },
  {
    method: 'get',
    path: '/v1/audit',
    tag: 'Audit trail',
    summary: 'What was changed, by whom, from what to what',
    query: auditQuery,
    answer: [200, 'AuditEntries'],
  },
  {
    method: 'get',
    path: '/v1/installation',
    tag: 'Installation',
    summary: 'The versions of the console, of Node and of Redis',
    answer: [200, 'Installation'],
  },
  {
    method: 'get',
    path: '/v1/openapi.json',
    tag: 'This document',
    summary: 'The OpenAPI document',
    answer: [200, 'application/json'],
  },
];

const many = { schema: 'DeadLetterWalk', example: { filter: { tenant: 'acme' } } };

const delivery: ApiOperation[] = [
  {
    method: 'get',
    path: '/v1/held-destinations',
    tag: 'Held destinations',
    summary: 'Who is held, longest first, and why',
    answer: [200, 'HeldDestinations'],
  },
  {
    method: 'post',
    path: `${DESTINATION}/suspend`,
    tag: 'Held destinations',
    summary: 'Has a destination keep what comes for it, and tries nothing until it is resumed',
    answer: [200, 'Suspended'],
  },
  {
    method: 'post',
    path: `${DESTINATION}/resume`,
    tag: 'Held destinations',
    summary: 'Tries a held destination at once, also one that was suspended by hand',
    answer: [202, 'Resumed'],
  },
  {
    method: 'get',
    path: '/v1/dead-letters',
    tag: 'Dead letters',
    summary: 'A page of those that match',
    query: listSchema,
    answer: [200, 'DeadLetters'],
  },
  {
    method: 'get',
    path: '/v1/dead-letters/count',
    tag: 'Dead letters',
    summary: 'How many match',
    query: filterSchema,
    answer: [200, 'DeadLetterCount'],
  },
  {
    method: 'get',
    path: '/v1/dead-letters/log-events',
    tag: 'Dead letters',
    summary: 'The log events of all that match, as NDJSON',
    query: filterSchema,
    answer: [200, LINES],
  },
  {
    method: 'post',
    path: '/v1/dead-letters/redrive',
    tag: 'Dead letters',
    summary: 'Redrives all that match',
    body: many,
    answer: [200, 'RedrivenMany'],
  },
  {
    method: 'post',
    path: '/v1/dead-letters/discard',
    tag: 'Dead letters',
    summary: 'Deletes all that match for good, if confirm is their number',
    body: { ...many, example: { filter: { tenant: 'acme' }, confirm: 0 } },
    answer: [200, 'DiscardedMany'],
  },
  {
    method: 'get',
    path: DEAD_LETTER,
    tag: 'Dead letters',
    summary: 'One dead letter',
    answer: [200, 'DeadLetter'],
  },
  {
    method: 'get',
    path: `${DEAD_LETTER}/log-events`,
    tag: 'Dead letters',
    summary: 'Its log events, as NDJSON',
    answer: [200, LINES],
  },
  {
    method: 'put',
    path: `${DEAD_LETTER}/log-events`,
    tag: 'Dead letters',
    summary: 'Puts corrected log events in the place of its own',
    body: { ndjson: true },
    answer: [200, 'DeadLetter'],
  },
  {
    method: 'post',
    path: `${DEAD_LETTER}/redrive`,
    tag: 'Dead letters',
    summary: 'Redrives it',
    answer: [202, 'Redriven'],
  },
  {
    method: 'post',
    path: `${DEAD_LETTER}/discard`,
    tag: 'Dead letters',
    summary: 'Deletes it for good',
    answer: [200, 'Discarded'],
  },
];

export const apiOperations: readonly ApiOperation[] = [
  ...configuration,
  ...sourceOperations,
  ...replayOperations,
  ...delivery,
];

import { z } from 'zod';
import { SealedSecret } from './destination-credentials';
import { Scope } from './scope';
import { TenantId } from './tenant';

/** A log event's id at Auth0: digits today, and no promise of it. It becomes part of an address. */
export const LogId = z
  .string()
  .regex(/^[\w-]{1,128}$/, 'must be the log_id of a log event, such as 9002021120118513257207…');

/** What Auth0 takes in one request for logs. */
export const AUTH0_PAGE_MAX = 100;

/** The original's: every five minutes, the seconds first. */
export const SCHEDULE_STANDARD = '0 */5 * * * *';

export const SOURCES_MAX = 20;

const base = {
  id: TenantId.describe(
    'unique within its tenant: 1 to 64 letters, digits, dots, dashes, underscores',
  ),
  type: z.literal('auth0').describe("the log of an Auth0 tenant, by Auth0's Management API"),
  enabled: z
    .boolean()
    .default(true)
    .describe('while it is off it does not run; its checkpoint stays'),
  domain: z
    .string()
    .max(253)
    .regex(
      /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/,
      'must be the domain of an Auth0 tenant in small letters, such as acme.eu.auth0.com',
    )
    .describe("`AUTH0_DOMAIN`: the Auth0 tenant's own domain, such as `acme.eu.auth0.com`"),
  clientId: z
    .string()
    .regex(/^[\w-]{1,128}$/, "must be an application's client id")
    .describe(
      '`AUTH0_CLIENT_ID`: a machine-to-machine application that may use the Management API with the scope `read:logs`',
    ),
  schedule: z
    .string()
    .min(9)
    .max(100)
    .default(SCHEDULE_STANDARD)
    .describe('`Schedule`: a cron expression of five fields, or of six with the seconds first'),
  timeZone: z
    .string()
    .max(64)
    .regex(/^[\w+-]+(\/[\w+-]+){0,2}$/, 'must be a time zone, such as Europe/Berlin')
    .default('UTC')
    .describe('the time zone of the schedule'),
  batchSize: z
    .int()
    .min(1)
    .max(AUTH0_PAGE_MAX)
    .default(AUTH0_PAGE_MAX)
    .describe('`BATCH_SIZE`: log events of one request to Auth0, and of one hand-over to ingest'),
  startFrom: LogId.optional().describe(
    '`START_FROM`: the log event behind which the first run begins; without it, the oldest that Auth0 has. Another value than the last one begins there again',
  ),
  startFromInclusive: z
    .boolean()
    .default(false)
    .describe('whether `startFrom` names the first log event to be sent, and not the one before'),
  logLevel: z
    .int()
    .min(0)
    .max(4)
    .optional()
    .describe(
      '`LOG_LEVEL`: 0 debug, 1 info, 2 warning, 3 error, 4 critical; that level and all above. Types that nobody knows pass',
    ),
  logTypes: z
    .array(z.string().regex(/^[\w.-]{1,100}$/, 'must be the code of a log type, such as fp'))
    .max(300)
    .default([])
    .describe('`LOG_TYPES`: types that are sent whatever their level'),
  eventType: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be a type of log events, such as tenant')
    .default('tenant')
    .describe('the type that its log events have here, for the filters of destinations'),
  scope: Scope.default('').describe("the scope that its log events have; empty is the tenant's"),
};

/** Where a tenant's log events are pulled from, as it is stored: the client's secret as the broker has sealed it. */
export const Source = z.strictObject({ ...base, sealedSecret: SealedSecret });
export type Source = z.infer<typeof Source>;

/** The same as somebody enters it. */
export const SourceInput = z.strictObject({
  ...base,
  clientSecret: z
    .string()
    .min(8)
    .max(512)
    .optional()
    .describe(
      "`AUTH0_CLIENT_SECRET`: sealed before it is stored, and never shown again. It may be left out when another field is changed, but the domain or the client's id",
    ),
});
export type SourceInput = z.infer<typeof SourceInput>;

/** What may be shown of it. */
export type ShownSource = Omit<Source, 'sealedSecret'>;

export function shownSource({ sealedSecret: _sealed, ...shown }: Source): ShownSource {
  return shown;
}

/** Everything of a source that shapes its tokens, as a text to compare. */
export function sourceKey({ domain, clientId, sealedSecret }: Source): string {
  return JSON.stringify([domain, clientId, sealedSecret]);
}

// What may be asked about dead letters. A field that is not known is refused: a filter with a slip in it would match everything.
import { isFailureCode, sinks } from '@logferry/core';
import type { DeadLetterFilter, DeadLetterPosition } from '@logferry/queue';
import { RequestProblem } from '@logferry/runtime';
import { z } from 'zod';

const LIST_MAX = 500;
const LIST_DEFAULT = 50;

const timeMessage = 'must be ISO 8601 with a time zone, or whole epoch milliseconds';
/** A moment, as people and programs write it. */
export const time = z
  .union(
    [z.iso.datetime({ offset: true }), z.string().regex(/^\d{1,15}$/), z.number().int().min(0)],
    timeMessage,
  )
  .transform((value) =>
    typeof value === 'string' && value.includes('-') ? Date.parse(value) : Number(value),
  );
const name = z.string('must be one text').min(1, 'must not be empty').max(64, 'is too long');

const filterFields = {
  tenant: name.optional(),
  destination: name.optional(),
  sink: z.enum(sinks, `must be one of ${sinks.join(', ')}`).optional(),
  reason: z
    .string('must be one text')
    .refine(isFailureCode, 'must be the code of a failure')
    .optional(),
  from: time.optional(),
  to: time.optional(),
};

const limitMessage = `must be a whole number from 1 to ${LIST_MAX}`;
const cursor = z.string('must be one text').max(200, 'is not one that was given out').optional();

export const listSchema = z.strictObject({
  ...filterFields,
  order: z.enum(['newest', 'oldest'], 'must be newest or oldest').default('newest'),
  limit: z
    .string(limitMessage)
    .regex(/^\d{1,4}$/, limitMessage)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= LIST_MAX, limitMessage)
    .default(LIST_DEFAULT),
  cursor,
});
export const filterSchema = z.strictObject(filterFields);
export const walkSchema = z.strictObject(
  {
    filter: z.strictObject(filterFields, 'must be an object; {} stands for all dead letters'),
    confirm: z.number('must be a whole number').int('must be a whole number').min(0).optional(),
    cursor,
  },
  'must be a JSON object with a filter',
);

type Fields = z.infer<typeof filterSchema>;

export interface ListRequest {
  filter: DeadLetterFilter;
  order: 'newest' | 'oldest';
  limit: number;
  after: DeadLetterPosition | undefined;
}

/** Something that is to be done with all that match, in steps. */
export interface WalkRequest {
  filter: DeadLetterFilter;
  /** How many dead letters whoever asks believes to match. */
  confirm: number | undefined;
  /** Where it stopped, and the time from which on nothing is touched. */
  from: WalkPlace | undefined;
}

export interface WalkPlace {
  after: DeadLetterPosition;
  untilMs: number;
}

/** @throws RequestProblem naming the field */
export function parseListRequest(query: unknown): ListRequest {
  const { order, limit, cursor: place, ...fields } = parse(listSchema, query);
  const after = place === undefined ? undefined : readCursor(place, listPlace);
  // A place in one order is none in the other: it would leave out what lies behind it.
  if (after !== undefined && after[0] !== order) throw invalid('cursor', 'is of another order');
  return {
    filter: filterOf(fields),
    order,
    limit,
    after: after === undefined ? undefined : { deadAt: after[1], id: after[2] },
  };
}

/** @throws RequestProblem naming the field */
export function parseFilter(query: unknown): DeadLetterFilter {
  return filterOf(parse(filterSchema, query));
}

/** @throws RequestProblem naming the field */
export function parseWalkRequest(body: unknown): WalkRequest {
  const { filter, confirm, cursor: place } = parse(walkSchema, body, 'the body');
  const from = place === undefined ? undefined : readCursor(place, walkPlace);
  return {
    filter: filterOf(filter),
    confirm,
    from:
      from === undefined
        ? undefined
        : { untilMs: from[1], after: { deadAt: from[2], id: from[3] } },
  };
}

export function listCursor(order: string, { deadAt, id }: DeadLetterPosition): string {
  return writeCursor([order, deadAt, id]);
}

export function walkCursor({ untilMs, after }: WalkPlace): string {
  return writeCursor(['walk', untilMs, after.deadAt, after.id]);
}

const ms = z.number().int().min(0);
const listPlace = z.tuple([z.enum(['newest', 'oldest']), ms, z.string()]);
const walkPlace = z.tuple([z.literal('walk'), ms, ms, z.string()]);

function writeCursor(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

function readCursor<T>(text: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    throw invalid('cursor', 'is not one that was given out');
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid('cursor', 'is not one that was given out');
  return parsed.data;
}

function filterOf({ tenant, destination, sink, reason, from, to }: Fields): DeadLetterFilter {
  return { tenantId: tenant, destinationId: destination, sink, reason, fromMs: from, toMs: to };
}

function parse<T>(schema: z.ZodType<T>, value: unknown, whole = 'the query'): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === 'unrecognized_keys')
    throw invalid(issue.keys[0]?.slice(0, 64) ?? '', 'is not a field of this request');
  throw invalid(issue?.path.join('.') || whole, issue?.message ?? 'is invalid');
}

function invalid(field: string, why: string): RequestProblem {
  return new RequestProblem(400, 'request.invalid_field', `${field} ${why}`);
}

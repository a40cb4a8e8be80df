import { TenantId } from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import { z } from 'zod';

const LIMIT_MAX = 200;
const LIMIT_DEFAULT = 50;
const limitMessage = `must be a whole number from 1 to ${LIMIT_MAX}`;

/** What every list takes. As text, since it stands in an address. */
export const pageFields = {
  limit: z
    .string(limitMessage)
    .regex(/^\d{1,4}$/, limitMessage)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= LIMIT_MAX, limitMessage)
    .default(LIMIT_DEFAULT),
  cursor: z
    .string('must be one text')
    .max(200, 'is not one that was given out')
    .transform((cursor) => Buffer.from(cursor, 'base64url').toString())
    .optional(),
};

export const pageQuery = z.strictObject(pageFields);
export type PageRequest = z.infer<typeof pageQuery>;

export const keysQuery = z.strictObject({ ...pageFields, tenant: TenantId.optional() });

const flag = z
  .enum(['true', 'false'], 'must be true or false')
  .default('false')
  .transform((value) => value === 'true');

/** Of a deletion: whether it is done although log events wait. */
export const forceQuery = z.strictObject({ force: flag });

/** Of a tenant: whether it may be one that was deleted, made again. */
export const againQuery = z.strictObject({ again: flag });

/** @throws RequestProblem naming the field: with a slip in it, a list would be of something else than was meant */
export function parseQuery<T>(schema: z.ZodType<T>, query: unknown): T {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const [field, why] =
    issue?.code === 'unrecognized_keys'
      ? [issue.keys[0]?.slice(0, 64) ?? '', 'is not a field of this request']
      : [issue?.path.join('.') ?? '', issue?.message ?? 'is invalid'];
  throw new RequestProblem(400, 'request.invalid_field', `${field} ${why}`);
}

/** The ids behind a cursor, which is the last id of the page before, so that what comes and goes meanwhile moves nothing. */
export function pageOf(
  sortedIds: readonly string[],
  { limit, cursor }: PageRequest,
): { ids: string[]; cursor: string | null } {
  const from = cursor === undefined ? 0 : sortedIds.findIndex((id) => id > cursor);
  const ids = from < 0 ? [] : sortedIds.slice(from, from + limit);
  const last = ids.at(-1);
  const isEnd = last === undefined || last === sortedIds.at(-1);
  return { ids, cursor: isEnd ? null : Buffer.from(last).toString('base64url') };
}

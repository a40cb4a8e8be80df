import { TenantId } from '@logferry/core';
import { z } from 'zod';
import { pageFields } from './page-request';

const afterMessage =
  'must be the id of an entry, ISO 8601 with a time zone, or whole epoch milliseconds';

export const auditQuery = z.strictObject({
  limit: pageFields.limit,
  tenant: TenantId.optional(),
  after: z
    .union(
      [z.iso.datetime({ offset: true }), z.string().regex(/^\d{1,15}(-\d{1,12})?$/)],
      afterMessage,
    )
    .transform((value) => (value.includes('T') ? String(Date.parse(value)) : value))
    .optional(),
  order: z.enum(['oldest', 'newest'], 'must be oldest or newest').default('oldest'),
});

import { z } from 'zod';

/** Letters, digits, dots, dashes and underscores: a tenant's id becomes part of tokens, names and keys. */
export const TenantId = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'must be 1 to 64 letters, digits, dots, dashes or underscores',
  );

/** A log event is stored once for each destination that wants it: 20 of them make 20 log events of each that is sent. */
export const DESTINATIONS_MAX = 20;

/** One customer of the platform. */
export const Tenant = z.strictObject({
  id: TenantId,
  name: z.string().min(1).max(200).optional(),
  forwardAuditTrail: z
    .boolean()
    .optional()
    .describe(
      "whether what is changed of its configuration becomes log events of type `audit` for its destinations; not, if it doesn't say",
    ),
});
export type Tenant = z.infer<typeof Tenant>;

// What can be made to go wrong, and for whom. The schema is the type, the check of the control API and the documentation.
import { z } from 'zod';

const name = z.string().min(1).max(2048);

const FaultMatch = z.strictObject({
  service: z.enum(['logs', 's3', 'sts']).optional(),
  operation: name.optional(),
  accessKeyId: name.optional(),
  account: z
    .string()
    .regex(/^\d{12}$/u)
    .optional(),
  /** The role's ARN: of the caller's session, or for STS of the role that is to be assumed. */
  roleArn: name.optional(),
  region: name.optional(),
  logGroup: name.optional(),
  logStream: name.optional(),
  bucket: name.optional(),
});

const FaultAction = z.discriminatedUnion('kind', [
  /** The service's own throttling error. */
  z.strictObject({
    kind: z.literal('throttle'),
    retryAfterSeconds: z.number().int().min(0).max(3600).optional(),
  }),
  /** Access denied, as by a service control policy. */
  z.strictObject({ kind: z.literal('deny') }),
  z.strictObject({
    kind: z.literal('server-error'),
    httpStatus: z
      .union([z.literal(500), z.literal(502), z.literal(503), z.literal(504)])
      .optional(),
  }),
  /** Any other error a service may give, in the service's own form. */
  z.strictObject({
    kind: z.literal('error'),
    code: name,
    message: z.string().max(2048),
    /** 200 is what S3 says when it finds out late, as CompleteMultipartUpload may. */
    httpStatus: z.union([z.literal(200), z.number().int().min(300).max(599)]),
  }),
  /** Takes the request and does not answer: until the fault is cleared, or for so long. Then the call goes on. */
  z.strictObject({ kind: z.literal('hang'), forMs: z.number().int().min(1).optional() }),
  /** Answers late. */
  z.strictObject({ kind: z.literal('latency'), forMs: z.number().int().min(1).max(600_000) }),
  /** The connection is reset before anything happens. */
  z.strictObject({ kind: z.literal('connection-reset') }),
  /** PutLogEvents answers 200 and refuses a part of the batch. */
  z.strictObject({
    kind: z.literal('half-accept'),
    rejectedAs: z.enum(['too-old', 'too-new', 'expired']).default('too-old'),
    rejectedCount: z.number().int().min(1).optional(),
  }),
  /** Everything happens, and then the connection breaks instead of the answer. */
  z.strictObject({ kind: z.literal('lose-answer') }),
  /** Everything happens, and the answer comes late: whoever dies meanwhile does not know. */
  z.strictObject({ kind: z.literal('late-answer'), forMs: z.number().int().min(1).max(600_000) }),
]);

export const FaultSpec = z.strictObject({
  match: FaultMatch.default({}),
  action: FaultAction,
  /** After so many calls the fault is over; without it the fault stays until it is cleared. */
  times: z.number().int().min(1).optional(),
  /** The first so many matching calls are left alone. */
  skip: z.number().int().min(0).default(0),
  /** The share of matching calls that is hit, drawn from `seed`. */
  probability: z.number().min(0).max(1).default(1),
  seed: z.number().int().default(1),
});

export type FaultSpec = z.input<typeof FaultSpec>;
export type ParsedFault = z.output<typeof FaultSpec>;
export type FaultAction = ParsedFault['action'];

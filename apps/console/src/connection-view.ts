import { z } from 'zod';
import { STEPS, type StepName } from './connection-step';

const StepView = z.strictObject({
  step: z.enum(Object.keys(STEPS) as [StepName, ...StepName[]]),
  outcome: z.enum(['ok', 'failed', 'skipped', 'unknown']),
  message: z.string().describe('what was found out, or what is wrong'),
  code: z.string().optional(),
  missing: z.array(z.string()).optional().describe('the actions that are not allowed'),
  remedies: z
    .array(
      z.strictObject({
        to: z.enum([
          'role_policy',
          'user_policy',
          'trust_policy',
          'identity_provider',
          'key_policy',
          'bucket_policy',
        ]),
        add: z.record(z.string(), z.unknown()),
      }),
    )
    .optional()
    .describe('what to change, ready to paste'),
  found: z.record(z.string(), z.unknown()).optional().describe('identity, Region, names'),
  tookMs: z.number().min(0),
});

const outcome = z.enum(['passed', 'failed']);

export const ConnectionTestView = z.strictObject({ outcome, steps: z.array(StepView) });

export const ConnectionResultView = z.strictObject({
  kind: z.enum(['test', 'check']).describe('a check is made once a day, and writes nothing'),
  outcome,
  at: z.iso.datetime(),
  isCurrent: z.boolean().describe('whether the destination is still as it was tested'),
  steps: z.array(StepView),
});

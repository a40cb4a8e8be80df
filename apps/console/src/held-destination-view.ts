import { z } from 'zod';
import { explain, explained, whose } from './dead-letter-view';
import type { HeldDestination } from './held-destinations';

export const HeldDestinationView = z.strictObject({
  ...whose,
  kind: z
    .enum(['suspended', 'broken'])
    .describe(
      '`suspended`: somebody has to act; `broken`: it did not answer several times in a row',
    ),
  reason: z.string().optional().describe('the code of the failure'),
  ...explained,
  since: z.iso.datetime(),
  nextProbeAt: z.iso
    .datetime()
    .nullable()
    .describe('when one batch is tried again; null of what was suspended by hand'),
  failedProbes: z.int().min(0),
  batches: z.int().min(0).describe('that were put aside'),
});
export type HeldDestinationView = z.infer<typeof HeldDestinationView>;

export const HeldDestinationsView = z.strictObject({
  heldDestinations: z.array(HeldDestinationView).describe('the one that is held for longest first'),
});
export type HeldDestinationsView = z.infer<typeof HeldDestinationsView>;

export const ResumedView = z.strictObject({
  tenant: z.string(),
  destination: z.string(),
  outcome: z.literal('probing'),
});
export type ResumedView = z.infer<typeof ResumedView>;

export const SuspendedView = z.strictObject({
  tenant: z.string(),
  destination: z.string(),
  outcome: z.literal('suspended'),
});
export type SuspendedView = z.infer<typeof SuspendedView>;

/** @param scope that of the destination, if variables make it */
export function heldDestinationView(
  held: HeldDestination,
  scope: string | undefined,
): HeldDestinationView {
  const { tenantId, destinationId, sink, kind, code, sinceMs, probeAtMs, probes, batches } = held;
  return {
    tenant: tenantId,
    destination: destinationId,
    ...(scope === undefined ? {} : { scope }),
    sink,
    kind,
    ...(code === undefined ? {} : { reason: code }),
    ...explain(code ?? ''),
    since: new Date(sinceMs).toISOString(),
    nextProbeAt: probeAtMs === undefined ? null : new Date(probeAtMs).toISOString(),
    failedProbes: probes,
    batches,
  };
}

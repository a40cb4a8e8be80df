import { z } from 'zod';

const MINUTE_MS = 60_000;
const DAYS_30_MS = 30 * 86_400_000;
const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** How much of what was delivered to a destination stays in Redis, so that it can be replayed. */
export const Keep = z
  .strictObject({
    forMs: z
      .int()
      .min(MINUTE_MS)
      .max(DAYS_30_MS)
      .describe('for how many milliseconds after its delivery a batch is kept at most'),
    bytesMax: z
      .int()
      .min(MIB)
      .max(64 * GIB)
      .describe(
        'how many bytes of Redis the kept batches may take, compressed as they lie there; beyond them the oldest go',
      ),
  })
  .describe(
    'keeps what was delivered, so that it can be replayed; without it, nothing is kept ([DELIVERY.md](../DELIVERY.md#replay))',
  );
export type Keep = z.infer<typeof Keep>;

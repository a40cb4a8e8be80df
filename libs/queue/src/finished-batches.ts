import type { Queue } from 'bullmq';
import { COMPLETED_MAX, type JobData } from './catalog';

/** A batch that was delivered, as far as its job tells: the batch itself is no more. */
export interface FinishedBatch {
  id: string;
  target: string;
  finishedAt: number;
  /** How often a worker took it up, also to put it off without a call. */
  begun: number;
}

/** What a queue still knows of batches of a destination that were delivered, the newest first. */
export async function finishedBatches(
  queue: Queue,
  { tenantId, destinationId }: { tenantId: string; destinationId: string },
): Promise<FinishedBatch[]> {
  const jobs = await queue.getCompleted(0, COMPLETED_MAX - 1);
  return jobs.flatMap(({ id, data, finishedOn, attemptsStarted }) => {
    const { tenant, destination, target } = data as JobData;
    const isOther = tenant !== tenantId || destination !== destinationId;
    if (isOther || id === undefined || finishedOn === undefined) return [];
    return [{ id, target, finishedAt: finishedOn, begun: attemptsStarted }];
  });
}

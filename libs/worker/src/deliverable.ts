import { Failure, type AwsSession, type Destination } from '@logferry/core';
import { Unreadable } from '@logferry/store';

/** Where a destination is looked up. */
export interface FindDestination {
  destination(tenantId: string, destinationId: string): Promise<Destination | undefined>;
  /** Whether AWS is known to let another tenant assume its role. */
  hasWideRole(tenantId: string, destination: Destination): Promise<boolean>;
}

/** Whoever knows the way to a session of a destination. */
export interface Sessions {
  withSession<T>(
    tenantId: string,
    destination: Destination,
    use: (session: AwsSession) => Promise<T>,
    stray?: string,
  ): Promise<T>;
}

/**
 * The destination of a batch, if it may be delivered to now.
 *
 * @throws Failure `destination.*`, or `credential.trusts_others`: but for a look-up that failed, the batch is held until that changes
 */
export async function deliverableDestination(
  directory: FindDestination,
  { tenantId, destinationId }: { tenantId: string; destinationId: string },
): Promise<Destination> {
  const destination = await directory
    .destination(tenantId, destinationId)
    .catch((cause: unknown) => {
      throw new Failure(
        cause instanceof Unreadable ? 'destination.unreadable' : 'destination.lookup_failed',
        { cause },
      );
    });
  if (destination === undefined) throw new Failure('destination.missing');
  if (!destination.enabled) throw new Failure('destination.disabled');
  if (await directory.hasWideRole(tenantId, destination))
    throw new Failure('credential.trusts_others');
  return destination;
}

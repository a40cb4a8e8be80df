import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { classify } from './classify';
import type { SinkAccess } from './sink-access';

/** Who AWS takes us for. */
export interface CallerIdentity {
  account: string;
  arn: string;
}

/**
 * Nobody needs a permission to ask, and nothing can deny it.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 *
 * @throws Failure
 */
export async function callerIdentity(
  transport: NodeHttpHandler,
  { region, session }: Pick<SinkAccess, 'region' | 'session'>,
): Promise<CallerIdentity> {
  const client = new STSClient({
    region,
    credentials: session,
    requestHandler: transport,
    maxAttempts: 1,
  });
  try {
    const { Account = '', Arn = '' } = await client.send(new GetCallerIdentityCommand({}));
    return { account: Account, arn: Arn };
  } catch (error) {
    throw classify('sts', error);
  } finally {
    client.destroy();
  }
}

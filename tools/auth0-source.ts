import { Source, type SourceInput } from '@logferry/core';
import { BrokerDesk, type BrokerAddress } from '@logferry/runtime';
import type { ConfigStore } from '@logferry/store';

/** Stores a source as the console does: the broker seals its client's secret. */
export async function putSource(
  store: ConfigStore,
  broker: BrokerAddress,
  tenantId: string,
  input: Partial<SourceInput> & Pick<SourceInput, 'id' | 'clientSecret'>,
): Promise<void> {
  const { clientSecret, ...rest } = input;
  const desk = new BrokerDesk(broker);
  try {
    const sealedSecret = await desk.seal({ tenantId, sourceId: rest.id }, clientSecret ?? '');
    await store.putSource(tenantId, Source.parse({ type: 'auth0', ...rest, sealedSecret }));
  } finally {
    desk.close();
  }
}

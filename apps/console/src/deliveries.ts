import { shardOf, type DestinationPlace } from '@logferry/core';
import {
  describeTarget,
  finishedBatches,
  type DeadLetter,
  type DeadLetters,
  type openQueues,
} from '@logferry/queue';
import { destinationPlace, type ConfigStore } from '@logferry/store';
import type { DeliveriesView, DeliveryView } from './deliveries-view';
import { explain } from './dead-letter-view';
import { unknownDestination } from './destination-desk';

interface Parts {
  store: ConfigStore;
  shards: number;
  queues: ReturnType<typeof openQueues>;
  deadLetters: Pick<DeadLetters, 'page'>;
}

/** Dead letters are looked through a thousand at a time, and a filter may match few of them. */
const PAGES_MAX = 10;

/** The last deliveries of a destination, from what the queues remember anyway. */
export class Deliveries {
  constructor(private readonly parts: Parts) {}

  /** @throws RequestProblem if there is no such destination, and nothing is known of one */
  async of(place: DestinationPlace, limit: number): Promise<DeliveriesView> {
    const [delivered, dead] = await Promise.all([this.delivered(place), this.dead(place, limit)]);
    const deliveries = [...delivered, ...dead]
      .sort((a, b) => Date.parse(b.at) - Date.parse(a.at))
      .slice(0, limit);
    if (deliveries.length === 0) await this.mustBe(place);
    return { deliveries };
  }

  private async delivered(place: DestinationPlace): Promise<DeliveryView[]> {
    const shard = shardOf(place.tenantId, place.destinationId, this.parts.shards);
    const its = this.parts.queues.filter((one) => one.shard === shard);
    const all = its.map(({ queue }) => finishedBatches(queue, place));
    return (await Promise.all(all)).flat().map(({ id, target, finishedAt, begun }) => ({
      ...{ id, outcome: 'delivered', at: new Date(finishedAt).toISOString(), target, begun },
      ...{ logEvents: null, bytes: null, reason: null, message: null },
    }));
  }

  private async dead(
    { tenantId, destinationId }: DestinationPlace,
    limit: number,
  ): Promise<DeliveryView[]> {
    const filter = { tenantId, destinationId };
    const found: DeadLetter[] = [];
    let after: Awaited<ReturnType<DeadLetters['page']>>['next'];
    for (let page = 0; page < PAGES_MAX && found.length < limit; page++) {
      const { rows, next } = await this.parts.deadLetters.page({
        ...{ filter, order: 'newest', limit: limit - found.length, after },
      });
      found.push(...rows);
      after = next;
      if (after === undefined) break;
    }
    return found.map(({ id, target, state, reason, logEvents, bytes, deadAt }) => ({
      ...{ id, logEvents, bytes, reason, begun: null },
      outcome: state === 'dead' ? 'dead_lettered' : 'rejected',
      at: new Date(deadAt).toISOString(),
      target: describeTarget(target),
      message: explain(reason).message,
    }));
  }

  private async mustBe({ tenantId, destinationId }: DestinationPlace): Promise<void> {
    const [record] = await this.parts.store.find([destinationPlace(tenantId, destinationId)]);
    if (record === undefined) throw unknownDestination();
  }
}

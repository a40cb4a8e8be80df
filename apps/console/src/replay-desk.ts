import { assert, shardOf, type Destination } from '@logferry/core';
import type { KeptBatches, KeptPlace, Replay, Replays } from '@logferry/queue';
import { RequestProblem, type Logger } from '@logferry/runtime';
import type { ConfigStore } from '@logferry/store';
import { parseConfig } from './config-problem';
import { mayWrite } from './config-write';
import {
  keptView,
  ReplayRequest,
  replayView,
  type ReplaysView,
  type ReplayView,
} from './replay-view';
import { storedDestination } from './stored-destination';

/** What one shard keeps, and its replays. */
export interface ReplayShard {
  kept: KeptBatches;
  replays: Replays;
}

interface ReplayDeskParts {
  store: ConfigStore;
  shards: readonly ReplayShard[];
  log: Logger;
  readOnly: boolean;
}

interface Whose {
  tenantId: string;
  destinationId: string;
}

/** As many as are remembered of a destination. */
const LISTED_MAX = 50;

/** What may be done with what a destination keeps: looked at, and replayed. The workers take the replays on. */
export class ReplayDesk {
  constructor(private readonly parts: ReplayDeskParts) {}

  /** @throws RequestProblem if there is no such destination */
  async list(whose: Whose): Promise<ReplaysView> {
    const place = placeOf(whose, await this.destination(whose));
    const { kept, replays } = this.shard(whose);
    const [state, found] = await Promise.all([kept.state(place), replays.list(whose, LISTED_MAX)]);
    return { kept: keptView(state), replays: found.map(replayView) };
  }

  /** @throws RequestProblem */
  async find(whose: Whose, id: string): Promise<ReplayView> {
    return replayView(await this.replay(whose, id));
  }

  /** @throws RequestProblem if nothing can be replayed, or is not to be */
  async begin(whose: Whose, body: unknown): Promise<ReplayView> {
    const { log, readOnly } = this.parts;
    mayWrite(readOnly);
    const destination = await this.destination(whose);
    const { by, from, to = Date.now(), mark } = parseConfig(ReplayRequest, body);
    const place = placeOf(whose, destination);
    const { kept, replays } = this.shard(whose);
    if (destination.keep === undefined && (await kept.state(place)).batches === 0) {
      throw new RequestProblem(
        409,
        'replay.nothing_kept',
        'this destination keeps nothing of what is delivered to it: its `keep` says what is kept from now on',
      );
    }
    const isOrdered =
      destination.type === 'cloudwatch' && destination.cloudwatch.order === 'strict';
    const range = { by, fromMs: from, toMs: to };
    const begun = await replays.begin({ ...place, ...range, isMarked: mark, isOrdered });
    if ('running' in begun) {
      throw new RequestProblem(
        409,
        'replay.running',
        'another replay of this destination is under way; cancel it, or wait for its end',
      ).with({ running: begun.running });
    }
    log.info({ ...whose, replayId: begun.id, ...range, mark }, 'a replay was asked for');
    return this.find(whose, begun.id);
  }

  /** What of it is accepted already is delivered. @throws RequestProblem if it is not under way */
  async cancel(whose: Whose, id: string): Promise<ReplayView> {
    const { log, readOnly } = this.parts;
    mayWrite(readOnly);
    await this.replay(whose, id);
    if (!(await this.shard(whose).replays.cancel(id)))
      throw new RequestProblem(409, 'replay.ended', 'the replay is over already');
    log.info({ ...whose, replayId: id }, 'a replay was cancelled');
    return this.find(whose, id);
  }

  /** Another's is not told apart from one that there is not. */
  private async replay(whose: Whose, id: string): Promise<Replay> {
    const replay = await this.shard(whose).replays.find(id);
    const isTheirs =
      replay?.tenantId === whose.tenantId && replay.destinationId === whose.destinationId;
    if (replay !== undefined && isTheirs) return replay;
    throw new RequestProblem(404, 'replay.unknown', 'there is no replay of this id');
  }

  private destination({ tenantId, destinationId }: Whose): Promise<Destination> {
    return storedDestination(this.parts.store, tenantId, destinationId);
  }

  private shard({ tenantId, destinationId }: Whose): ReplayShard {
    const { shards } = this.parts;
    const shard = shards[shardOf(tenantId, destinationId, shards.length)];
    assert(shard !== undefined, 'a destination lies in a shard');
    return shard;
  }
}

function placeOf({ tenantId, destinationId }: Whose, { type }: Destination): KeptPlace {
  return { tenantId, destinationId, sink: type };
}

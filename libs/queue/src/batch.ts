import { assert, isFailureCode, type FailureCode, type Target } from '@logferry/core';

/** A batch as it stands in Redis, without its payload. */
export interface Batch {
  id: string;
  tenantId: string;
  destinationId: string;
  target: Target;
  logEvents: number;
  bytes: number;
  firstMs: number;
  openedAt: number;
  state: 'open' | 'sealed' | 'dead' | 'refused';
  /** How often its delivery was begun, crashes included. */
  begun: number;
  /** Why it is a dead letter or refused. */
  reason: FailureCode | undefined;
  /** What stopped its delivery last, if anything did. */
  lastFailure: FailureCode | undefined;
  /** The replay that made it, if one did. */
  replay?: { id: string; isMarked: boolean } | undefined;
}

/** A batch from the fields of its hash, and what a script said besides. */
export function parseBatch(
  id: string,
  flat: readonly string[],
): { batch: Batch; stateBefore: string; verdict: string; behind: number } {
  const fields = new Map<string, string>();
  for (let i = 0; i < flat.length; i += 2) fields.set(flat[i] ?? '', flat[i + 1] ?? '');
  const text = (name: string): string => {
    const value = fields.get(name);
    assert(value !== undefined, `batch ${id} has a field ${name}`);
    return value;
  };
  const code = (name: string): FailureCode | undefined => {
    const value = fields.get(name);
    return value !== undefined && isFailureCode(value) ? value : undefined;
  };
  const batch: Batch = {
    id,
    tenantId: text('tenantId'),
    destinationId: text('destinationId'),
    target: JSON.parse(text('target')) as Target,
    logEvents: Number(text('logEvents')),
    bytes: Number(text('bytes')),
    firstMs: Number(text('firstMs')),
    openedAt: Number(text('openedAt')),
    state: text('state') as Batch['state'],
    begun: Number(text('begun')),
    reason: code('reason'),
    lastFailure: code('lastFailure'),
    replay: replayOf(fields),
  };
  return {
    batch,
    stateBefore: fields.get('stateBefore') ?? batch.state,
    verdict: fields.get('verdict') ?? '',
    behind: Number(fields.get('behind') ?? 0),
  };
}

function replayOf(fields: ReadonlyMap<string, string>): Batch['replay'] {
  const id = fields.get('replay');
  return id === undefined ? undefined : { id, isMarked: fields.get('isMarked') === '1' };
}

import { destinationKey, sessionKey, type Destination } from '@logferry/core';
import { RequestProblem, type Logger } from '@logferry/runtime';
import type { ConfigStore, ConnectionResult, ConnectionResults } from '@logferry/store';
import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { mayWrite } from './config-write';
import type { Step } from './connection-step';
import type { ConnectionTest } from './connection-test';
import type { DestinationCheck } from './destination-desk';
import type { BrokenConnection } from './overview-page';
import { storedDestination } from './stored-destination';

interface ConnectionDeskParts {
  store: ConfigStore;
  results: ConnectionResults;
  test: Pick<ConnectionTest, 'run'>;
  log: Logger;
  readOnly: boolean;
  /** Told of each result that is another than the one before. */
  onChange: (outcome: ConnectionResult['outcome']) => void;
}

interface Place {
  tenantId: string;
  destinationId: string;
}

/** Each takes a call or two of AWS at a time, and somebody waits for it. */
const RUNNING_MAX = 32;

/** Tests connections, and remembers what became of it. */
export class ConnectionDesk {
  private readonly running = new Set<string>();

  constructor(private readonly parts: ConnectionDeskParts) {}

  /**
   * Each step as soon as it is done. The result is remembered when all of them are, whether anybody asks for the steps or not.
   *
   * @throws RequestProblem before the first step, if there is none to test
   */
  async test({ tenantId, destinationId }: Place): Promise<AsyncIterable<Step>> {
    const { store, readOnly } = this.parts;
    mayWrite(readOnly);
    const destination = await storedDestination(store, tenantId, destinationId);
    const key = destinationKey(tenantId, destinationId);
    if (this.running.has(key) || this.running.size >= RUNNING_MAX) throw busy();
    // Begun at once: of what only waits to be asked for, a second one would not know.
    return begun(this.run(tenantId, destination, 'test'));
  }

  /** The same without writing anything. */
  async check(tenantId: string, destination: Destination): Promise<void> {
    if (this.running.has(destinationKey(tenantId, destination.id))) return;
    const steps = this.run(tenantId, destination, 'check');
    while ((await steps.next()).done !== true);
  }

  /** @throws RequestProblem if there is none */
  async last({ tenantId, destinationId }: Place): Promise<object> {
    const { store, results } = this.parts;
    const destination = await storedDestination(store, tenantId, destinationId);
    const result = await results.get(destinationKey(tenantId, destinationId));
    if (result === undefined) {
      throw new RequestProblem(404, 'console.never_tested', 'the connection was never tested');
    }
    return resultView(result, result.triedFor === digestOf(destination));
  }

  /** Those that did not pass their last test or check; latest first. */
  async broken(most: number): Promise<BrokenConnection[]> {
    const failed = [...(await this.parts.results.all())].filter(
      ([, { outcome }]) => outcome === 'failed',
    );
    return failed
      .map(([key, { atMs, steps }]) => ({ destinationKey: key, atMs, message: reasonIn(steps) }))
      .sort((a, b) => b.atMs - a.atMs)
      .slice(0, most);
  }

  /** Speaks against switching on what is known to trust others. */
  readonly mayEnable: DestinationCheck = async (tenantId, destination) => {
    const result = await this.parts.results.get(destinationKey(tenantId, destination.id));
    const isKnown = result?.trustsOthers === true && result.triedFor === digestOf(destination);
    return isKnown
      ? 'AWS would let another tenant assume the role: its trust policy must compare the whole subject, or the ExternalId, of this tenant. Correct it, test the connection, and switch it on then'
      : undefined;
  };

  private async *run(
    tenantId: string,
    destination: Destination,
    kind: ConnectionResult['kind'],
  ): AsyncGenerator<Step, void, void> {
    const key = destinationKey(tenantId, destination.id);
    const steps: Step[] = [];
    this.running.add(key);
    try {
      const call = { tenantId, destination, writes: kind === 'test' };
      for await (const step of this.parts.test.run(call)) {
        steps.push(step);
        yield step;
      }
      await this.remember(key, (before) => resultOf({ kind, destination, steps, before }));
    } finally {
      this.running.delete(key);
    }
  }

  private async remember(
    key: string,
    resultAfter: (before: ConnectionResult | undefined) => ConnectionResult,
  ): Promise<void> {
    const { results, log, onChange } = this.parts;
    const before = await results.get(key);
    const result = resultAfter(before);
    if (!(await results.put(key, result))) return;
    if ((before?.outcome ?? 'passed') === result.outcome) return;
    const failed = (result.steps as readonly Step[]).find(({ outcome }) => outcome === 'failed');
    const facts = { destination: key, kind: result.kind, step: failed?.step, code: failed?.code };
    if (result.outcome === 'failed') log.warn(facts, 'a connection does not work any more');
    else log.info(facts, 'a connection works again');
    onChange(result.outcome);
  }
}

function reasonIn(steps: readonly object[]): string {
  return (steps as readonly Step[]).find(({ outcome }) => outcome === 'failed')?.message ?? '';
}

/** Goes on to its end by itself; there are fewer steps than the stream has room for. */
function begun(steps: AsyncIterable<Step>): AsyncIterable<Step> {
  const told = new PassThrough({ objectMode: true });
  const tell = async (): Promise<void> => {
    for await (const step of steps) told.write(step);
    told.end();
  };
  // Whoever asks for the steps is told of it; somebody may not.
  told.on('error', () => undefined);
  tell().catch((error: unknown) => told.destroy(error as Error));
  return told as AsyncIterable<Step>;
}

interface Tried {
  kind: ConnectionResult['kind'];
  destination: Destination;
  steps: readonly Step[];
  before: ConnectionResult | undefined;
}

function resultOf({ kind, destination, steps, before }: Tried): ConnectionResult {
  const triedFor = digestOf(destination);
  const wasFound = before?.trustsOthers === true && before.triedFor === triedFor;
  return {
    kind,
    outcome: steps.some(({ outcome }) => outcome === 'failed') ? 'failed' : 'passed',
    atMs: Date.now(),
    triedFor,
    trustsOthers: trustsOthers(steps) ?? wasFound,
    steps,
  };
}

/** Nothing where it could not be found out: then what was found out before still holds. */
function trustsOthers(steps: readonly Step[]): boolean | undefined {
  const decoy = steps.find(({ step }) => step === 'decoy');
  if (decoy?.code === 'role.trusts_others') return true;
  return decoy?.outcome === 'ok' ? false : undefined;
}

/** @param isCurrent whether the destination is still as it was tested */
function resultView({ kind, outcome, atMs, steps }: ConnectionResult, isCurrent: boolean): object {
  return { kind, outcome, at: new Date(atMs).toISOString(), isCurrent, steps };
}

function digestOf(destination: Destination): string {
  return createHash('sha256').update(sessionKey(destination)).digest('base64url').slice(0, 22);
}

function busy(): RequestProblem {
  return new RequestProblem(
    409,
    'console.test_running',
    'this connection is being tested already, or too many others are',
    { 'retry-after': '5' },
  );
}

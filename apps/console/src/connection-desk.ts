import { destinationKey, sessionKey, type Destination } from '@logferry/core';
import { RequestProblem, type Logger } from '@logferry/runtime';
import type { ConfigStore, ConnectionResult, ConnectionResults } from '@logferry/store';
import { createHash } from 'node:crypto';
import { mayWrite } from './config-write';
import type { Step } from './connection-step';
import type { ConnectionTest } from './connection-test';
import type { DestinationCheck } from './destination-desk';
import type { BrokenConnection } from './overview-page';
import { storedDestination } from './stored-destination';

interface ConnectionDeskParts {
  store: ConfigStore;
  results: ConnectionResults;
  test: ConnectionTest;
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
   * Each step as soon as it is done. The result is remembered when all of them are.
   *
   * @throws RequestProblem before the first step, if there is none to test
   */
  async test({ tenantId, destinationId }: Place): Promise<AsyncGenerator<Step, void, void>> {
    const { store, readOnly } = this.parts;
    mayWrite(readOnly);
    const destination = await storedDestination(store, tenantId, destinationId);
    const key = destinationKey(tenantId, destinationId);
    if (this.running.has(key) || this.running.size >= RUNNING_MAX) throw busy();
    return this.run(tenantId, destination, 'test');
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
      await this.remember(key, resultOf(kind, destination, steps));
    } finally {
      this.running.delete(key);
    }
  }

  private async remember(key: string, result: ConnectionResult): Promise<void> {
    const { results, log, onChange } = this.parts;
    const before = await results.get(key);
    await results.put(key, result);
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

function resultOf(
  kind: ConnectionResult['kind'],
  destination: Destination,
  steps: readonly Step[],
): ConnectionResult {
  return {
    kind,
    outcome: steps.some(({ outcome }) => outcome === 'failed') ? 'failed' : 'passed',
    atMs: Date.now(),
    triedFor: digestOf(destination),
    trustsOthers: steps.some(({ code }) => code === 'role.trusts_others'),
    steps,
  };
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

import {
  assumedRole,
  destinationKey,
  Failure,
  type AssumedRole,
  type DecoyOutcome,
  type Destination,
  type DestinationPlace,
} from '@logferry/core';
import { within } from '@logferry/queue';
import { RequestProblem, type Logger } from '@logferry/runtime';
import {
  roleId,
  tenantPlace,
  wideRolePlace,
  type ConfigStore,
  type ConnectionResult,
  type ConnectionResults,
} from '@logferry/store';
import { PassThrough } from 'node:stream';
import { mayWrite } from './config-write';
import { decoyOf, isCurrent, refusedOthers, triedForOf } from './connection-proof';
import type { Step } from './connection-step';
import type { ConnectionTest, TestDecoys } from './connection-test';
import type { DestinationCheck } from './destination-desk';
import type { BrokenConnection } from './overview-page';
import { storedDestination } from './stored-destination';

interface ConnectionDeskParts {
  store: ConfigStore;
  results: ConnectionResults;
  test: Pick<ConnectionTest, 'run'>;
  /** Without them, nobody is asked whom a role trusts. */
  decoys: TestDecoys | undefined;
  log: Logger;
  readOnly: boolean;
  /** Told of each result that is another than the one before. */
  onChange: (outcome: ConnectionResult['outcome']) => void;
}

/** Each takes a call or two of AWS at a time, and somebody waits for it. */
const RUNNING_MAX = 32;
/** How long somebody who switches a destination on waits for AWS's word on its role. */
const DECOYS_MS = 5_000;

const TRUSTS_OTHERS =
  'AWS lets another tenant assume the role: its trust policy must compare the whole subject, or the ExternalId, of this tenant with ' +
  'StringEquals. Correct it, and switch the destination on then';

interface TriedRole {
  role: AssumedRole;
  region: string;
}

/** Tests connections, and remembers what became of it. */
export class ConnectionDesk {
  private readonly running = new Set<string>();

  constructor(private readonly parts: ConnectionDeskParts) {}

  /**
   * Each step as soon as it is done. The result is remembered when all of them are, whether anybody asks for the steps or not.
   *
   * @throws RequestProblem before the first step, if there is none to test
   */
  async test({ tenantId, destinationId }: DestinationPlace): Promise<AsyncIterable<Step>> {
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
  async last({ tenantId, destinationId }: DestinationPlace): Promise<object> {
    const { store, results } = this.parts;
    const destination = await storedDestination(store, tenantId, destinationId);
    const result = await results.get(destinationKey(tenantId, destinationId));
    if (result === undefined) {
      throw new RequestProblem(404, 'console.never_tested', 'the connection was never tested');
    }
    return resultView(result, isCurrent(result, destination));
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

  /** Speaks against switching on what AWS lets others assume. Where AWS gives no clear answer, what was known before holds. */
  readonly mayEnable: DestinationCheck = async (tenantId, destination, before) => {
    const { id, credentials, region } = destination;
    const role = assumedRole(credentials);
    if (role === undefined) return undefined;
    if (await this.isProven(tenantId, { role, region }, before)) return undefined;
    const outcome = await this.tryRole({ tenantId, destinationId: id }, { role, region });
    if (outcome === 'unknown')
      return (await this.isKnownWide(tenantId, role)) ? TRUSTS_OTHERS : undefined;
    // The role may be in use already: of what is refused here, nothing is written with it either.
    await this.noteTrust(tenantId, role, outcome === 'accepted');
    return outcome === 'accepted' ? TRUSTS_OTHERS : undefined;
  };

  /**
   * Whether what is switched on already had this role and Region when AWS last refused everybody else. That it is switched on proves
   * nothing: it may have been while AWS gave no answer, as in a Region that there is not.
   */
  private async isProven(
    tenantId: string,
    { role, region }: TriedRole,
    before: Destination | undefined,
  ): Promise<boolean> {
    const was = before && assumedRole(before.credentials);
    if (before?.enabled !== true || was === undefined) return false;
    if (roleId(was) !== roleId(role) || before.region !== region) return false;
    const result = await this.parts.results.get(destinationKey(tenantId, before.id));
    if (result === undefined || !isCurrent(result, before) || !refusedOthers(result)) return false;
    return !(await this.isKnownWide(tenantId, role));
  }

  private async isKnownWide(tenantId: string, role: AssumedRole): Promise<boolean> {
    const [known] = await this.parts.store.find([wideRolePlace(tenantId, roleId(role))]);
    return known !== undefined;
  }

  private async tryRole(place: DestinationPlace, tried: TriedRole): Promise<DecoyOutcome> {
    const { decoys } = this.parts;
    if (decoys === undefined) return 'unknown';
    const trial = decoys.tryDecoys(place, tried).then(
      ({ outcome }) => outcome,
      (error: unknown): DecoyOutcome => {
        if (error instanceof Failure) return 'unknown';
        throw error;
      },
    );
    const outcome = await within(trial, DECOYS_MS);
    return outcome === 'late' ? 'unknown' : outcome;
  }

  /** Workers hear of it within a second, and the tenant's audit trail has it. */
  private async noteTrust(tenantId: string, role: AssumedRole, isWideNow: boolean): Promise<void> {
    const { store, log } = this.parts;
    const written = await store.write({ kind: 'check' }, [
      {
        place: wideRolePlace(tenantId, roleId(role)),
        to: { value: isWideNow ? role : undefined },
      },
      { place: tenantPlace(tenantId), expected: 'present' },
    ]);
    if (written.kind !== 'written') return;
    const facts = { tenantId, ...role };
    if (isWideNow) log.warn(facts, 'a role trusts others: nothing is written with it any more');
    else log.info(facts, 'a role trusts nobody else any more');
  }

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
      const role = assumedRole(destination.credentials);
      const isWideNow = trustsOthers(steps);
      if (role !== undefined && isWideNow !== undefined)
        await this.noteTrust(tenantId, role, isWideNow);
    } finally {
      this.running.delete(key);
    }
  }

  private async remember(key: string, result: ConnectionResult): Promise<void> {
    const { results, log, onChange } = this.parts;
    const before = await results.get(key);
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

function resultOf(
  kind: ConnectionResult['kind'],
  destination: Destination,
  steps: readonly Step[],
): ConnectionResult {
  return {
    kind,
    outcome: steps.some(({ outcome }) => outcome === 'failed') ? 'failed' : 'passed',
    atMs: Date.now(),
    triedFor: triedForOf(destination),
    steps,
  };
}

/** Nothing where it could not be found out: then what was found out before still holds. */
function trustsOthers(steps: readonly Step[]): boolean | undefined {
  const decoy = decoyOf(steps);
  if (decoy?.code === 'credential.trusts_others') return true;
  return decoy?.outcome === 'ok' ? false : undefined;
}

/** @param isOfNow whether the destination is still as it was tested */
function resultView({ kind, outcome, atMs, steps }: ConnectionResult, isOfNow: boolean): object {
  return { kind, outcome, at: new Date(atMs).toISOString(), isCurrent: isOfNow, steps };
}

function busy(): RequestProblem {
  return new RequestProblem(
    409,
    'console.test_running',
    'this connection is being tested already, or too many others are',
    { 'retry-after': '5' },
  );
}

import { ConsoleProblem, type ConsoleClient } from './console-client';
import type { Change } from './plan';

/** What became of one change. */
export interface Applied {
  change: Change;
  /** Of a key that was made: its text, which is told this once. */
  key?: string;
  /** Of a webhook whose signing secret was made: the secret, which is told this once. */
  signingSecret?: string;
  /** Of variables that were written: what they lack, what has no effect, and which destinations they make. */
  remarks?: readonly string[];
  problem?: ConsoleProblem;
}

interface How {
  /** Whether it is deleted although log events wait. */
  isForced: boolean;
  /** Whether tenants are made again that were deleted. */
  isAgain: boolean;
}

/**
 * Writes changes one after the other. What one customer's configuration is refused for keeps nobody else's from being written; but
 * nothing is deleted after anything was refused, since it may have been what was to stand in its place.
 */
export async function* applyChanges(
  console: ConsoleClient,
  changes: readonly Change[],
  how: How,
): AsyncGenerator<Applied> {
  const failedTenants = new Set<string>();
  /** Of these a destination was refused: what their sources pull might have no place to go. */
  const lackingTenants = new Set<string>();
  /** All variables of a tenant are one record: what one scope's write has made of it, the next one expects. */
  const versions = new Map<string, number>();
  let mayDelete = true;
  for (const change of changes) {
    const { action, kind, tenant = '' } = change;
    const isLacking = kind === 'source' && lackingTenants.has(tenant);
    if (action === 'delete' ? !mayDelete : failedTenants.has(tenant) || isLacking) {
      yield { change, problem: new ConsoleProblem(0, 'not_tried', NOT_TRIED) };
      continue;
    }
    try {
      const answer = await write(console, expecting(change, versions.get(tenant)), how);
      if (kind === 'variables' && answer.version !== undefined)
        versions.set(tenant, answer.version);
      yield { change, ...told(change, answer) };
    } catch (error) {
      if (!(error instanceof ConsoleProblem)) throw error;
      if (kind === 'tenant') failedTenants.add(tenant);
      if (kind === 'destination' || kind === 'variables') lackingTenants.add(tenant);
      if (action !== 'delete') mayDelete = false;
      yield { change, problem: error };
      if (error.status === 0) return; // there is no console any more
    }
  }
}

const NOT_TRIED = 'not tried, since something before it was refused';

interface Answer {
  version?: number;
  key?: string;
  signingSecret?: string;
  problems?: { scope: string; name: string; message: string }[];
  destinations?: { scope: string; id: string }[];
}

function expecting(change: Change, version: number | undefined): Change {
  if (change.kind !== 'variables' || version === undefined) return change;
  return { ...change, to: { ...change.to, expected: version } };
}

function write(
  console: ConsoleClient,
  { action, kind, to: { address, ...what } }: Change,
  { isForced, isAgain }: How,
): Promise<Answer> {
  const query = { force: isForced ? 'true' : undefined };
  if (action === 'delete') return console.delete(address, { ...what, query });
  if (address === '/v1/keys') return console.post(address, what);
  if (kind === 'tenant')
    return console.put(address, { ...what, query: { again: isAgain ? 'true' : undefined } });
  // A variable that is set no more may unmake a destination too.
  return console.put(address, kind === 'variables' ? { ...what, query } : what);
}

function told(change: Change, answer: Answer): Omit<Applied, 'change'> {
  const { key, signingSecret } = answer;
  const remarks = change.kind === 'variables' ? remarksOn(change, answer) : [];
  return {
    ...(key === undefined ? {} : { key }),
    ...(signingSecret === undefined ? {} : { signingSecret }),
    ...(remarks.length === 0 ? {} : { remarks }),
  };
}

function remarksOn(
  { tenant, name }: Change,
  { problems = [], destinations = [] }: Answer,
): string[] {
  const isOwn = ({ scope }: { scope: string }): boolean => scope === name;
  return [
    ...problems.filter(isOwn).map((problem) => `${problem.name} ${problem.message}`),
    ...destinations
      .filter(isOwn)
      .map(
        ({ id }) =>
          `they make ${id}: what it needs in AWS says npx logferry policy ${tenant} ${id}`,
      ),
  ];
}

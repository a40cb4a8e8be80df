import {
  Failure,
  unreachable,
  type AssumedRole,
  type AwsSession,
  type DecoyOutcome,
  type FailureCode,
} from '@logferry/core';
import { within } from '@logferry/queue';
import { randomBytes } from 'node:crypto';
import type { PlatformIdentity, TokenSource, WebIdentity } from './session-fetcher';
import type { StsTurns } from './sts-turns';

interface TryDecoysParts {
  tokens: TokenSource;
  webIdentity: WebIdentity;
  platformIdentity: PlatformIdentity;
  /** Decoys are calls of STS like others, and wait for their turn with the sessions. */
  turns: Pick<StsTurns, 'take'>;
  patienceMs?: number;
}

interface Trial {
  tenantId: string;
  role: AssumedRole;
  region: string;
}

interface Tried {
  outcome: DecoyOutcome;
  because?: FailureCode;
}

/** How long a decoy waits for its turn; then nothing is proven this time. */
const PATIENCE_MS = 2_000;

const SESSION_NAME = 'logferry-decoy';
const SESSION_SECONDS = 900;

/** Should AWS give us a session that it must not give, then one that may do nothing. */
const NOTHING = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }],
});

/** What no tenant's id has in it: so a decoy is nobody whom a role may trust on purpose. */
const FOREIGN = '~';

/**
 * Ids of the same length that are not the tenant's: with its letters in the other case, which only `StringEqualsIgnoreCase` lets pass, and
 * with another sign in the middle or at the end, which only a `?` there does.
 */
function alikeTo(tenantId: string): string[] {
  const otherCase = tenantId.replaceAll(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
  const at = (place: number): string =>
    tenantId.slice(0, place) + FOREIGN + tenantId.slice(place + 1);
  const alike = new Set([otherCase, at(Math.floor(tenantId.length / 2)), at(tenantId.length - 1)]);
  // An id without letters has none in the other case, and must not be tried as somebody else's.
  alike.delete(tenantId);
  return [...alike];
}

/**
 * Tries a role as somebody else would, to find out whether it trusts more than its own tenant (a confused deputy).
 * AWS must refuse; its refusals stand in the tenant's CloudTrail under the session name `logferry-decoy`.
 */
export class TryDecoys {
  constructor(private readonly parts: TryDecoysParts) {}

  async run(trial: Trial): Promise<Tried> {
    // Everybody has the same token: there is no other to try with.
    if (trial.role.kind === 'web_identity' && this.parts.tokens.isPerTenant === false)
      return { outcome: 'unknown' };
    for (const attempt of this.attempts(trial)) {
      const failure = await this.inTurn(trial.tenantId, attempt).then(
        () => undefined,
        (error: unknown) => {
          if (error instanceof Failure) return error.code;
          throw error;
        },
      );
      if (failure === undefined) return { outcome: 'accepted' };
      if (failure !== 'credential.trust_denied') return { outcome: 'unknown', because: failure };
    }
    return { outcome: 'refused' };
  }

  private async inTurn(tenantId: string, attempt: () => Promise<AwsSession>): Promise<AwsSession> {
    const { turns, patienceMs = PATIENCE_MS } = this.parts;
    const turn = turns.take(tenantId);
    const giveBack = await within(turn, patienceMs);
    if (giveBack === 'late') {
      void turn.then((late) => late());
      throw new Failure('credential.rationed');
    }
    try {
      return await attempt();
    } finally {
      giveBack();
    }
  }

  private attempts({ tenantId, role, region }: Trial): (() => Promise<AwsSession>)[] {
    const { tokens, webIdentity, platformIdentity } = this.parts;
    const { kind, roleArn } = role;
    const call = {
      region,
      roleArn,
      sessionName: SESSION_NAME,
      durationSeconds: SESSION_SECONDS,
      policy: NOTHING,
    };
    // A pattern such as tenant:acme* trusts the first of the longer ones, *acme the second, and tenant:* all there are.
    const chance = randomBytes(8).toString('hex');
    switch (kind) {
      case 'web_identity': {
        const longer = [`${tenantId}-decoy-${chance}`, `decoy-${chance}-${tenantId}`];
        // Somebody else's issuer may take these for the tenant itself, by the name of a file for instance.
        const alike = tokens.isPerTenant === undefined ? alikeTo(tenantId) : [];
        return [...longer, ...alike].map(
          (decoy) => async () =>
            webIdentity.assumeRole({ ...call, token: await tokens.tokenFor(decoy, Date.now()) }),
        );
      }
      case 'assume_role':
        return [undefined, `logferry-decoy-${chance}`].map(
          (externalId) => () => platformIdentity.assumeRole({ ...call, externalId }),
        );
      default:
        return unreachable(kind);
    }
  }
}

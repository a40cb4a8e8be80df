// Who exists: accounts, their OIDC providers, roles and users, the long-lived keys of users and the sessions STS has issued.
// Policies are looked up at the moment of each call, so changing a role takes effect on sessions that are already out, as in AWS.
import { randomBytes } from 'node:crypto';
import type { ConditionContext } from './iam-pattern';
import type { Policy } from './iam-policy';
import { SANDBOX } from './limits';

export interface OidcProvider {
  readonly account: string;
  readonly url: string;
  readonly clientIds: readonly string[];
}

export interface Role {
  readonly arn: string;
  readonly account: string;
  readonly partition: string;
  readonly name: string;
  readonly roleId: string;
  readonly trustPolicy: Policy;
  readonly policies: readonly Policy[];
  readonly maxSessionDurationSeconds: number;
}

export interface User {
  readonly arn: string;
  readonly account: string;
  readonly partition: string;
  readonly name: string;
  readonly userId: string;
  readonly policies: readonly Policy[];
}

/** A key pair someone may sign with, and whom it stands for. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly owner: KeyOwner;
}

export type KeyOwner = { readonly kind: 'user'; readonly arn: string } | Session;

export interface Session {
  readonly kind: 'session';
  readonly sessionToken: string;
  readonly expiresAtMs: number;
  readonly roleArn: string;
  readonly sessionName: string;
  readonly sessionPolicy: Policy | undefined;
  readonly tags: ReadonlyMap<string, string>;
}

/** The one making a call, as policies and messages see it. */
export interface Principal {
  readonly arn: string;
  readonly account: string;
  readonly partition: string;
  readonly userId: string;
  readonly roleArn: string | undefined;
  readonly policies: readonly Policy[];
  readonly sessionPolicy: Policy | undefined;
  readonly context: ConditionContext;
}

export interface IssuedSession {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAtMs: number;
}

const KEY_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export function randomId(prefix: string): string {
  return prefix + [...randomBytes(16)].map((byte) => KEY_ALPHABET[byte % 32]).join('');
}

export class Identities {
  readonly accounts = new Set<string>();
  readonly roles = new Map<string, Role>();
  readonly users = new Map<string, User>();
  private readonly providers = new Map<string, OidcProvider>();
  private readonly keys = new Map<string, AccessKey>();
  private readonly sessionKeyIds = new Set<string>();

  reset(): void {
    this.accounts.clear();
    this.roles.clear();
    this.users.clear();
    this.providers.clear();
    this.keys.clear();
    this.sessionKeyIds.clear();
  }

  putProvider(provider: OidcProvider): void {
    this.providers.set(`${provider.account} ${provider.url}`, provider);
  }

  provider(account: string, url: string): OidcProvider | undefined {
    return this.providers.get(`${account} ${url}`);
  }

  allProviders(): readonly OidcProvider[] {
    return [...this.providers.values()];
  }

  putUser(user: User, keys: readonly { accessKeyId: string; secretAccessKey: string }[]): void {
    this.users.set(user.arn, user);
    for (const [keyId, key] of this.keys) {
      if (key.owner.kind === 'user' && key.owner.arn === user.arn) this.keys.delete(keyId);
    }
    for (const key of keys) {
      this.keys.set(key.accessKeyId, { ...key, owner: { kind: 'user', arn: user.arn } });
    }
  }

  accessKey(accessKeyId: string): AccessKey | undefined {
    return this.keys.get(accessKeyId);
  }

  issueSession(session: Omit<Session, 'kind' | 'sessionToken'>, nowMs: number): IssuedSession {
    this.makeRoomForSession(nowMs);
    const accessKeyId = randomId('ASIA');
    const secretAccessKey = randomBytes(30).toString('base64');
    const sessionToken = `IQoJ${randomBytes(180).toString('base64')}`;
    const owner: Session = { ...session, kind: 'session', sessionToken };
    this.keys.set(accessKeyId, { accessKeyId, secretAccessKey, owner });
    this.sessionKeyIds.add(accessKeyId);
    return { accessKeyId, secretAccessKey, sessionToken, expiresAtMs: session.expiresAtMs };
  }

  forgetSessions(): number {
    const forgotten = this.sessionKeyIds.size;
    for (const keyId of this.sessionKeyIds) this.keys.delete(keyId);
    this.sessionKeyIds.clear();
    return forgotten;
  }

  /** What STS has issued and nobody has forgotten, with its secrets. */
  issuedSessions(): readonly AccessKey[] {
    return [...this.sessionKeyIds].flatMap((keyId) => this.keys.get(keyId) ?? []);
  }

  sessionCount(): number {
    return this.sessionKeyIds.size;
  }

  /** The oldest sessions go first: they are the likeliest to have expired, and a test never needs this many alive. */
  private makeRoomForSession(nowMs: number): void {
    if (this.sessionKeyIds.size < SANDBOX.sessionsMax) return;
    for (const keyId of this.sessionKeyIds) {
      const owner = this.keys.get(keyId)?.owner;
      const isLive = owner?.kind === 'session' && owner.expiresAtMs > nowMs;
      if (isLive && this.sessionKeyIds.size < SANDBOX.sessionsMax) return;
      this.keys.delete(keyId);
      this.sessionKeyIds.delete(keyId);
    }
  }

  principalOf(owner: KeyOwner): Principal | undefined {
    return owner.kind === 'user' ? this.userPrincipal(owner.arn) : this.sessionPrincipal(owner);
  }

  private userPrincipal(arn: string): Principal | undefined {
    const user = this.users.get(arn);
    if (user === undefined) return undefined;
    const context = new Map<string, readonly string[]>([
      ['aws:principalarn', [user.arn]],
      ['aws:principalaccount', [user.account]],
      ['aws:userid', [user.userId]],
      ['aws:username', [user.name]],
    ]);
    return { ...user, roleArn: undefined, sessionPolicy: undefined, context };
  }

  /** A session whose role has been deleted still has a name, but nothing allows it anything. */
  private sessionPrincipal(session: Session): Principal {
    const role = this.roles.get(session.roleArn);
    const { partition, account, name } = parseRoleArn(session.roleArn);
    const arn = `arn:${partition}:sts::${account}:assumed-role/${name}/${session.sessionName}`;
    const userId = `${role?.roleId ?? 'AROA'}:${session.sessionName}`;
    const context = new Map<string, readonly string[]>([
      ['aws:principalarn', [session.roleArn]],
      ['aws:principalaccount', [account]],
      ['aws:userid', [userId]],
    ]);
    for (const [key, value] of session.tags) {
      context.set(`aws:principaltag/${key.toLowerCase()}`, [value]);
    }
    return {
      arn,
      account,
      partition,
      userId,
      roleArn: session.roleArn,
      policies: role?.policies ?? [],
      sessionPolicy: session.sessionPolicy,
      context,
    };
  }
}

export interface RoleArn {
  readonly partition: string;
  readonly account: string;
  readonly name: string;
}

const ROLE_ARN =
  /^arn:(aws[a-z-]*):iam::(\d{12}):role\/(?:[\u0021-\u007E]+\/)?([\w+=,.@-]{1,64})$/u;

/** A role's name is what stands after its path; the session's ARN carries the name alone. */
export function parseRoleArn(arn: string): RoleArn {
  const match = ROLE_ARN.exec(arn);
  const [, partition, account, name] = match ?? [];
  if (partition === undefined || account === undefined || name === undefined) {
    throw new TypeError(`${arn} is not the ARN of a role`);
  }
  return { partition, account, name };
}

export function isRoleArn(arn: string): boolean {
  return ROLE_ARN.test(arn);
}

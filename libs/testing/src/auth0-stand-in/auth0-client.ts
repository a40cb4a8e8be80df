/** A machine-to-machine application. */
export interface Auth0Client {
  readonly clientId: string;
  readonly clientSecret: string;
  /** What it may do with the Management API: `read:logs` unless said otherwise; without any it may not use it at all. */
  readonly scopes?: readonly string[];
}

export const READ_LOGS = 'read:logs';

export function scopesOf({ scopes }: Auth0Client): readonly string[] {
  return scopes ?? [READ_LOGS];
}

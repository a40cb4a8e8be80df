// What a test of a connection does, one step after the other, and what it says of each.
import type { FailureCode } from '@logferry/core';

export const STEPS = {
  session: 'get a session in the account',
  identity: 'ask AWS who we are there',
  region: "find the bucket's Region",
  write: 'write, and create what is missing for it',
  parts: 'rehearse an object in parts',
  decoy: 'try the role as somebody else, which AWS must refuse',
} as const;
export type StepName = keyof typeof STEPS;

/** What to change, ready to paste. */
export interface Remedy {
  to:
    | 'role_policy'
    | 'user_policy'
    | 'trust_policy'
    | 'identity_provider'
    | 'key_policy'
    | 'bucket_policy';
  add: object;
}

export interface Step {
  step: StepName;
  outcome: 'ok' | 'failed' | 'skipped' | 'unknown';
  /** What was found out, or what is wrong. */
  message: string;
  code?: FailureCode;
  /** The actions that are not allowed. */
  missing?: readonly string[];
  remedies?: readonly Remedy[];
  /** What the step found: identity, Region, names. */
  found?: Readonly<Record<string, unknown>>;
  tookMs: number;
}

export type Verdict = Omit<Step, 'step' | 'tookMs'>;

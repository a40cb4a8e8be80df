// What AWS says of a denial beside that it is one. Only what is known to be a fact is taken out of its words, and never the words.
import type { Failure } from '@logferry/core';

/** Whose policy it was that denied. https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
export type DenyingPolicy =
  'identity' | 'resource' | 'session' | 'permissions_boundary' | 'organization' | 'endpoint';

export interface Denial {
  /** Such as `s3:PutObject`; nothing if AWS kept it to itself, as it does towards other accounts. */
  action?: string;
  by?: DenyingPolicy;
  /** Whether something forbids it, instead of nothing allowing it. */
  isExplicit: boolean;
  /** The KMS key that may not be used. */
  keyArn?: string;
}

const POLICIES: readonly (readonly [words: string, policy: DenyingPolicy])[] = [
  ['identity-based policy', 'identity'],
  ['resource-based policy', 'resource'],
  ['session policy', 'session'],
  ['permissions boundary', 'permissions_boundary'],
  ['service control policy', 'organization'],
  ['resource control policy', 'organization'],
  ['VPC endpoint policy', 'endpoint'],
];

const ACTION = /is not authorized to perform: ([a-z0-9-]{1,32}:[A-Za-z]{1,64})\b/;
const KEY_ARN = /\barn:aws[a-z-]*:kms:[a-z0-9-]{1,32}:\d{12}:key\/[\w-]{1,64}/;

/** CloudWatch Logs refuses a new group with tags in words of its own. */
const WITH_TAGS = /not authorized to perform CreateLogGroup with Tags/;

/** Reads the error of AWS that a failure was made of. */
export function readDenial({ cause }: Pick<Failure, 'cause'>): Denial {
  const text = cause instanceof Error ? cause.message : '';
  const action = WITH_TAGS.test(text) ? 'logs:TagResource' : ACTION.exec(text)?.[1];
  const by = POLICIES.find(([words]) => text.includes(words))?.[1];
  const keyArn = action?.startsWith('kms:') === true ? KEY_ARN.exec(text)?.[0] : undefined;
  return {
    isExplicit: text.includes('with an explicit deny in'),
    ...(action === undefined ? {} : { action }),
    ...(by === undefined ? {} : { by }),
    ...(keyArn === undefined ? {} : { keyArn }),
  };
}

import { AwsError } from './aws-error';
import type { Constraints } from './constraints';
import { STS } from './limits';

export const TAGS_CLAIM = 'https://aws.amazon.com/tags';

/** Session tags of a web identity token: `{"principal_tags": {"team": ["red"]}}`, every value a list of exactly one string. */
export function readTagsClaim(claim: unknown): Map<string, string> {
  const tags = new Map<string, string>();
  if (claim === undefined) return tags;
  const principalTags = isRecord(claim) ? claim['principal_tags'] : undefined;
  if (!isRecord(principalTags)) throw malformedTags();
  for (const [key, values] of Object.entries(principalTags)) {
    const [value, ...more] = Array.isArray(values) ? (values as unknown[]) : [];
    if (typeof value !== 'string' || more.length > 0) throw malformedTags();
    tags.set(key, value);
  }
  return tags;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformedTags(): AwsError {
  return new AwsError(
    'InvalidIdentityToken',
    `The ${TAGS_CLAIM} claim must hold principal_tags, each with a list of one value.`,
  );
}

export function requireTagsWithinLimits(
  tags: ReadonlyMap<string, string>,
  constraints: Constraints,
): void {
  constraints.require(
    tags.size <= STS.sessionTagsMax,
    String(tags.size),
    'tags',
    `have length less than or equal to ${String(STS.sessionTagsMax)}`,
  );
  for (const [key, value] of tags) {
    constraints.requireLength(key, 'tags.member.key', 1, STS.tagKeyLengthMax);
    constraints.requirePattern(key, 'tags.member.key', STS.tagPattern);
    constraints.requireLength(value, 'tags.member.value', 0, STS.tagValueLengthMax);
    constraints.requirePattern(value, 'tags.member.value', STS.tagPattern);
  }
}

/** What a trust policy can ask about the tags: each by name, and the set of their names. */
export function tagContext(tags: ReadonlyMap<string, string>): [string, readonly string[]][] {
  if (tags.size === 0) return [];
  const each = [...tags].map(([key, value]): [string, readonly string[]] => [
    `aws:requesttag/${key.toLowerCase()}`,
    [value],
  ]);
  return [...each, ['aws:tagkeys', [...tags.keys()]]];
}

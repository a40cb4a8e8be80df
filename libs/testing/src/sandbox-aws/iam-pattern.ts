// IAM's wildcards and policy variables. Matching walks the text once with one step back per star, so a hostile pattern costs
// time in proportion to its length and never more.

const ANY = '\uE000';
const ONE = '\uE001';

/** The values a policy can ask about; keys are lower-case, since IAM compares them without case. */
export type ConditionContext = ReadonlyMap<string, readonly string[]>;

/** Fills `${aws:PrincipalTag/team}` and turns `*` and `?` into marks, so that a star inside a filled-in value stays a star. */
export function expandPattern(pattern: string, context: ConditionContext): string | undefined {
  let isKnown = true;
  const parts = pattern.split(/(\$\{[^}]*\})/u).map((part) => {
    if (!part.startsWith('${')) return part.replaceAll('*', ANY).replaceAll('?', ONE);
    const filled = fillVariable(part.slice(2, -1), context);
    if (filled === undefined) isKnown = false;
    return filled ?? '';
  });
  return isKnown ? parts.join('') : undefined;
}

function fillVariable(body: string, context: ConditionContext): string | undefined {
  if (body === '*' || body === '?' || body === '$') return body;
  const [name = '', fallback] = body.split(',').map((text) => text.trim());
  const values = context.get(name.toLowerCase());
  if (values?.length === 1) return values[0];
  return fallback?.replace(/^'(.*)'$/u, '$1');
}

export function matchesPattern(pattern: string, text: string, context: ConditionContext): boolean {
  const expanded = expandPattern(pattern, context);
  return expanded !== undefined && matchesMarks(expanded, text);
}

/** Actions are compared without case and know no variables. */
export function matchesAction(pattern: string, action: string): boolean {
  const marked = pattern.toLowerCase().replaceAll('*', ANY).replaceAll('?', ONE);
  return matchesMarks(marked, action.toLowerCase());
}

function matchesMarks(pattern: string, text: string): boolean {
  let patternAt = 0;
  let textAt = 0;
  let starAt = -1;
  let resumeAt = 0;
  while (textAt < text.length) {
    const mark = pattern[patternAt];
    if (mark === ANY) {
      starAt = patternAt;
      resumeAt = textAt;
      patternAt += 1;
    } else if (mark !== undefined && (mark === ONE || mark === text[textAt])) {
      patternAt += 1;
      textAt += 1;
    } else if (starAt >= 0) {
      resumeAt += 1;
      patternAt = starAt + 1;
      textAt = resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[patternAt] === ANY) patternAt += 1;
  return patternAt === pattern.length;
}

/** ARN patterns match part by part, so that a star in one of the first five parts cannot swallow a colon. */
export function matchesArn(pattern: string, arn: string, context: ConditionContext): boolean {
  const expanded = expandPattern(pattern, context);
  if (expanded === undefined) return false;
  const wanted = splitArn(expanded);
  const given = splitArn(arn);
  if (wanted.length !== 6 || given.length !== 6) return matchesMarks(expanded, arn);
  return wanted.every((part, index) => matchesMarks(part, given[index] ?? ''));
}

function splitArn(arn: string): string[] {
  const parts = arn.split(':');
  return parts.length <= 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(':')];
}

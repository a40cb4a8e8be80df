import { CLOUDWATCH } from './limits';
import { literalsOf, parseTemplate } from './template';

/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html */
const notInLogGroup = /[^.\-_/#A-Za-z0-9]/g;
const LOG_GROUP_CHARS = 'may hold letters, digits and . - _ / # beside variables';

/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html */
const notInLogStream = /[:*\u0000-\u001f\u007f]/g;
const LOG_STREAM_CHARS = 'may hold no colon, no star and no control character';

/**
 * What is wrong with a template of a log group's name, for whoever saves it. What a log event brings is bent to fit, for there is
 * nobody to ask then; what a destination says itself is not, since its owner would look for the group under another name.
 *
 * @param prefix what stands before it
 */
export function logGroupProblem(template: string, prefix = ''): string | undefined {
  // AWS keeps `aws/` for itself and says so of `AWS/` too.
  if (/^aws\//i.test(prefix + template))
    return 'must not begin with aws/, which AWS keeps for itself';
  // No template: a brace in it is one.
  if (prefix.search(notInLogGroup) !== -1) return LOG_GROUP_CHARS;
  return nameProblem(prefix + template, new RegExp(notInLogGroup, ''), LOG_GROUP_CHARS);
}

/** The same of a log stream's name. */
export function logStreamProblem(template: string): string | undefined {
  return nameProblem(template, new RegExp(notInLogStream, ''), LOG_STREAM_CHARS);
}

function nameProblem(text: string, notInName: RegExp, allowed: string): string | undefined {
  const template = parseTemplate(text);
  if ('problem' in template) return template.problem;
  const literals = literalsOf(text);
  if (literals.some((literal) => notInName.test(literal) || !literal.isWellFormed()))
    return allowed;
  const chars = literals.join('').length;
  if (chars > CLOUDWATCH.nameCharsMax)
    return `has ${chars} characters without its variables; AWS takes ${CLOUDWATCH.nameCharsMax}`;
  if (
    literals
      .join('x')
      .split('/')
      .some((segment) => /^\.{1,2}$/.test(segment))
  )
    return 'no part of it between slashes may be . or ..';
  return undefined;
}

/**
 * Bends a rendered name to what CloudWatch Logs takes: a log event's attribute must not be able to make a delivery fail.
 *
 * A part that is `..` stays, other than in an object's key: these names are flat, nobody resolves them, and policies compare them as
 * they are, so that no attribute leads out of what stands before it. Bent, it would no longer be what the policy of a session allows.
 */
export function logGroupName(rendered: string): string {
  const name = rendered.replace(notInLogGroup, '_');
  // AWS keeps `aws/` for itself and says so of `AWS/` too.
  return (/^aws\//i.test(name) ? `_${name}` : name).slice(0, CLOUDWATCH.nameCharsMax) || '_';
}

export function logStreamName(rendered: string): string {
  const name = rendered.toWellFormed().replace(notInLogStream, '_');
  const cut = name.slice(0, CLOUDWATCH.nameCharsMax);
  // The cut may have gone through a character of two units, of which half is none.
  return (cut.isWellFormed() ? cut : cut.slice(0, -1)) || '_';
}

/** FNV-1a, folded once more so that ids that differ in their last character differ everywhere. 32 bits, unsigned. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

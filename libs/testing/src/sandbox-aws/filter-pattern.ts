// The plain part of CloudWatch's filter patterns: terms that must occur, "phrases", -excluded and ?optional terms. Patterns over
// JSON fields and space-delimited columns are refused by name, so that no test passes on a filter that was never applied.
import { AwsError } from './aws-error';

export type MessageFilter = (message: string) => boolean;

export function parseFilterPattern(pattern: string): MessageFilter {
  const text = pattern.trim();
  if (/^[{[%]/u.test(text)) {
    throw new AwsError(
      'InvalidParameterException',
      'The sandbox knows filter patterns of terms only, no JSON, column or regular expression patterns.',
    );
  }
  const required: string[] = [];
  const excluded: string[] = [];
  const optional: string[] = [];
  for (const [, sign = '', phrase, word = ''] of text.matchAll(/([-?]?)(?:"([^"]*)"|(\S+))/gu)) {
    const term = phrase ?? word;
    (sign === '-' ? excluded : sign === '?' ? optional : required).push(term);
  }
  return (message) =>
    required.every((term) => message.includes(term)) &&
    !excluded.some((term) => message.includes(term)) &&
    (optional.length === 0 ||
      required.length > 0 ||
      optional.some((term) => message.includes(term)));
}

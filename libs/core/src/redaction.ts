// What is taken out of a log event before anything of it is stored for a destination. It is done at ingest, once for each destination
// that asks for it: what waits in Redis, becomes a dead letter or names a stream is what is left.
import { z } from 'zod';
import type { Destination } from './destination';
import { inspectJson, isContainer, parseJsonExact } from './json-text';
import { LOG_EVENT } from './limits';
import type { LogEvent } from './log-event';
import { replaceSensitive, SENSITIVE_TEXTS, type SensitiveText } from './sensitive-text';

/** What stands where something was masked. */
export const MASK = '***';

const RULES_MAX = 50;
const SEGMENTS_MAX = 8;
const ATTRIBUTES = 'attributes.';
const MESSAGE = 'message.';

const FIELD_FORM = 'must be attributes.NAME, or a path in JSON messages such as message.user.email';

/** What is redacted, and how. */
const Rule = z
  .strictObject({
    field: z
      .string()
      .max(256)
      .superRefine((field, context) => {
        const message = fieldProblem(field);
        if (message !== undefined) context.addIssue({ code: 'custom', message });
      })
      .optional(),
    pattern: z.enum(Object.keys(SENSITIVE_TEXTS) as [SensitiveText]).optional(),
    action: z.enum(['drop', 'mask', 'hash']),
  })
  .superRefine(({ field, pattern, action }, context) => {
    if ((field === undefined) === (pattern === undefined))
      context.addIssue({ code: 'custom', message: 'must have exactly one of field and pattern' });
    if (pattern !== undefined && action === 'drop') {
      const message = 'what a pattern finds can be masked or hashed; drop is for fields';
      context.addIssue({ code: 'custom', path: ['action'], message });
    }
  });
type Rule = z.infer<typeof Rule>;

export const Redaction = z
  .array(Rule)
  .max(RULES_MAX)
  .default([])
  .describe('what is taken out before anything is stored: see [redaction](#redaction)');

function fieldProblem(field: string): string | undefined {
  if (field.startsWith(ATTRIBUTES)) {
    const chars = field.length - ATTRIBUTES.length;
    if (chars > 0 && chars <= LOG_EVENT.attributeNameCharsMax) return undefined;
    return `an attribute's name has 1 to ${LOG_EVENT.attributeNameCharsMax} characters`;
  }
  if (!field.startsWith(MESSAGE)) return FIELD_FORM;
  if (/\\(?![.*\\])/.test(field)) return 'a backslash stands before a dot, a star or a backslash';
  const segments = segmentsOf(field);
  if (segments.some(({ name }) => name === '')) return `${FIELD_FORM}; no part of it may be empty`;
  if (segments.length > SEGMENTS_MAX) return `a path has ${SEGMENTS_MAX} parts at most`;
  if (segments.some(({ isPart }) => isPart))
    return 'a star stands for a whole name, not for a part of one';
  // With more than one of them, the ways to read a path would grow with every level of the message.
  if (segments.slice(1).some(isAnywhere)) return '** may only stand at the beginning of a path';
  if (segments.length === 1 && segments.every(isAnywhere)) return '** needs a name behind it';
  return undefined;
}

/** A part of a path: a name as it stands in the message, or a star that was not written `\*`. */
interface Segment {
  name: string;
  isStar: boolean;
  /** Whether a star stands in it beside something else, which is no path. */
  isPart: boolean;
}

const isAnywhere = ({ name, isStar }: Segment): boolean => isStar && name === '**';

/** A dot in a name is written `\.`, and a star that is a name `\*`. */
function segmentsOf(field: string): Segment[] {
  const parts = field.slice(MESSAGE.length).match(/(?:\\[\s\S]|[^.\\])+|(?<=^|\.)(?=\.|$)/g) ?? [
    '',
  ];
  return parts.map((part) => ({
    name: part.replace(/\\([\s\S])/g, '$1'),
    isStar: part === '*' || part === '**',
    isPart: part !== '*' && part !== '**' && part.replace(/\\[\s\S]/g, '').includes('*'),
  }));
}

/** A keyed hash of a text, the same for the same text of one tenant: without the key nobody can try values until one fits. */
export type KeyedHash = (text: string) => string;

/** What a text becomes. */
type Replace = (text: string) => string;

export type Redact = (event: LogEvent) => LogEvent;

/**
 * Reads a destination's redaction once. Nothing for a destination that has none: the way of its log events is then as if there were
 * no such thing.
 *
 * @param hash nothing where the platform has set no key; what should be hashed is masked then, since a hash without a key hides nothing
 */
export function redactionOf(
  { redact: rules }: Pick<Destination, 'redact'>,
  hash: KeyedHash | undefined,
): Redact | undefined {
  if (rules.length === 0) return undefined;
  const replaceBy = ({ action }: Rule): Replace =>
    action === 'hash' && hash !== undefined ? hash : () => MASK;
  const patterns = rules.flatMap((rule): TextRule[] =>
    rule.pattern === undefined ? [] : [{ kind: rule.pattern, replace: replaceBy(rule) }],
  );
  const attributes: AttributeRule[] = [];
  const paths: PathRule[] = [];
  for (const rule of rules) {
    const { field } = rule;
    if (field === undefined) continue;
    const replace = rule.action === 'drop' ? undefined : replaceBy(rule);
    if (field.startsWith(ATTRIBUTES))
      attributes.push({ name: field.slice(ATTRIBUTES.length), replace });
    else paths.push(pathRule(field, replace));
  }
  const redactText = patterns.length === 0 ? undefined : textRedaction(patterns);
  const hasMessageRules = paths.length > 0 || redactText !== undefined;
  return (event) => {
    const { message, json } = hasMessageRules ? redactMessage(event, paths, redactText) : event;
    const left = redactAttributes(event.attributes, attributes, redactText);
    return { ...event, message, json, attributes: left };
  };
}

interface TextRule {
  kind: SensitiveText;
  replace: Replace;
}

function textRedaction(patterns: readonly TextRule[]): Replace {
  return (text) =>
    patterns.reduce((left, { kind, replace }) => replaceSensitive(kind, left, replace), text);
}

interface AttributeRule {
  name: string;
  /** Nothing, if the attribute goes. */
  replace: Replace | undefined;
}

interface PathRule {
  segments: readonly Segment[];
  anywhere: boolean;
  replace: Replace | undefined;
}

function pathRule(field: string, replace: Replace | undefined): PathRule {
  const segments = segmentsOf(field);
  const anywhere = segments[0] !== undefined && isAnywhere(segments[0]);
  return { segments: anywhere ? segments.slice(1) : segments, anywhere, replace };
}

function redactAttributes(
  attributes: LogEvent['attributes'],
  rules: readonly AttributeRule[],
  redactText: Replace | undefined,
): LogEvent['attributes'] {
  if (attributes === undefined) return undefined;
  const left = { ...attributes };
  for (const { name, replace } of rules) {
    const text = Object.hasOwn(left, name) ? left[name] : undefined;
    if (text === undefined) continue;
    if (replace === undefined) delete left[name];
    else left[name] = replace(text);
  }
  if (redactText !== undefined)
    for (const name of Object.keys(left)) left[name] = redactText(left[name] ?? '');
  return left;
}

type Message = Pick<LogEvent, 'message' | 'json'>;

/**
 * A text that is JSON is redacted as JSON, and delivered compact: whether a platform sends an object or its text must not decide
 * whether a password is taken out of it. All of it is written anew, whether a path was found or not: a member that stands in the text
 * twice is found once.
 */
function redactMessage(
  event: LogEvent,
  paths: readonly PathRule[],
  redactText: Replace | undefined,
): Message {
  const { message, isJson } = event;
  const value = isJson || /^\s*[[{]/.test(message) ? parseBounded(message) : undefined;
  if (value === undefined)
    return redactText === undefined ? event : textMessage(redactText(message));
  if (value === TOO_DEEP) return textMessage(MASK);
  for (const { segments, anywhere, replace } of paths) {
    if (anywhere) replaceAnywhere(value, segments, replace);
    else replaceAt(value, segments, replace);
  }
  const text = JSON.stringify(redactText === undefined ? value : redactStrings(value, redactText));
  return isJson ? { message: text, json: text } : textMessage(text);
}

const textMessage = (message: string): Message => ({ message, json: JSON.stringify(message) });

const TOO_DEEP = Symbol('nested too deeply');

/** The value of a JSON text, or nothing if it is none. */
function parseBounded(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    const found = inspectJson(value, LOG_EVENT.messageDepthMax);
    if (found === 'too_deep') return TOO_DEEP;
    return found === 'inexact' ? parseJsonExact(text) : value;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

type Members = Record<string, unknown>;

function replaceAnywhere(
  value: unknown,
  segments: readonly Segment[],
  replace: Replace | undefined,
): void {
  if (!isContainer(value)) return;
  replaceAt(value, segments, replace);
  for (const member of Object.values(value)) replaceAnywhere(member, segments, replace);
}

function replaceAt(
  value: unknown,
  [segment, ...rest]: readonly Segment[],
  replace: Replace | undefined,
): void {
  if (segment === undefined || !isContainer(value)) return;
  const members = value as Members;
  const names = segment.isStar
    ? Object.keys(members)
    : Object.hasOwn(members, segment.name)
      ? [segment.name]
      : [];
  for (const name of names) {
    if (rest.length > 0) replaceAt(members[name], rest, replace);
    else if (replace !== undefined) members[name] = replace(textOf(members[name]));
    // Taken out of an array, an element would move all behind it to another place.
    else if (Array.isArray(members)) members[name as unknown as number] = null;
    else delete members[name];
  }
}

/** A text itself, so that it has the same hash wherever it stands; of anything else, its JSON. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function redactStrings(value: unknown, redactText: Replace): unknown {
  if (typeof value === 'string') return redactText(value);
  if (!isContainer(value)) return value;
  const members = value as Members;
  for (const name of Object.keys(members)) members[name] = redactStrings(members[name], redactText);
  return value;
}

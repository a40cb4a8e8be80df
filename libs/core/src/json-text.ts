// JSON values whose text survives a round trip. JSON.parse turns 12345678901234567890 into 12345678901234567000: a log event would
// arrive with another id than it was sent with. Where a value holds such a number, it is parsed a second time with the number's own
// source text kept, which costs only those who need it.
//
// Whole numbers keep their digits, however many, and so does whatever is beyond 2^53. A fraction keeps what a double holds of it: 15
// significant digits always, and all that a program wrote that has doubles itself. What a longer one has lost cannot be seen in the
// value, so that keeping it would take a second parse of every log event with a fraction in it, which is most of those with metrics.

interface JsonWithRawText {
  rawJSON: (text: string) => object;
  isRawJSON: (value: unknown) => boolean;
}

// Part of Node's JavaScript since version 22, not yet of TypeScript's library.
const { rawJSON, isRawJSON } = JSON as typeof JSON & JsonWithRawText;

/** Parses JSON so that every number beyond what a double counts one by one keeps its digits when it is stringified again. */
export function parseJsonExact(text: string): unknown {
  const keepDigits = (_key: string, value: unknown, context: { source?: string }): unknown =>
    typeof value === 'number' && !isExact(value) && context.source !== undefined
      ? rawJSON(context.source)
      : value;
  return JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown);
}

/**
 * What stringifying a parsed value would do to it.
 *
 * - `fine`: its text says the same as what was sent, fractions to the precision of a double
 * - `inexact`: a whole number lost digits in parsing; parse the text again with `parseJsonExact`
 * - `too_deep`: nested deeper than `depthMax`; stringifying may overflow the stack
 */
export function inspectJson(value: unknown, depthMax: number): 'fine' | 'inexact' | 'too_deep' {
  if (typeof value === 'number') return isExact(value) ? 'fine' : 'inexact';
  if (!isContainer(value)) return 'fine';
  if (depthMax === 0) return 'too_deep';
  let found: 'fine' | 'inexact' = 'fine';
  for (const member of Object.values(value)) {
    const inside = inspectJson(member, depthMax - 1);
    if (inside === 'too_deep') return inside;
    if (inside === 'inexact') found = inside;
  }
  return found;
}

/** Whether a parsed value holds others: an object or an array, and not a number that is kept by its text. */
export function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !isRawJSON(value);
}

function isExact(value: number): boolean {
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * The texts of an array's members, so that one of them can be parsed again without the others.
 *
 * @param text valid JSON, an array with at least one member
 */
export function memberTexts(text: string): string[] {
  const members: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = text.indexOf('['); at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else if (code === OPEN_ARRAY || code === OPEN_OBJECT) {
      depth++;
      if (depth === 1) start = at + 1;
    } else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) {
      depth--;
      if (depth === 0) members.push(text.slice(start, at));
    } else if (code === COMMA && depth === 1) {
      members.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return members;
}

/** Where the quote stands that ends a string: the first with an even number of backslashes before it. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let first = end;
    while (text.charCodeAt(first - 1) === BACKSLASH) first--;
    if ((end - first) % 2 === 0) return end;
  }
}

const MESSAGE_FIELD = '"message":"';

/**
 * The JSON text of a message that was parsed out of `line`, cut from the line itself where that is the same text: log lines mostly
 * need no escapes, and cutting takes a fifth of the time that writing JSON anew does (measured).
 *
 * In a line without a backslash nothing is escaped: no string in it holds a quote, and each stands there as it is. The comparison is
 * for lines that have the field twice, where the last one counts.
 */
export function jsonTextOf(message: string, line: string | undefined): string {
  if (line !== undefined && !line.includes('\\')) {
    const start = line.indexOf(MESSAGE_FIELD) + MESSAGE_FIELD.length;
    const end = start + message.length;
    if (
      start >= MESSAGE_FIELD.length &&
      line.charCodeAt(end) === QUOTE &&
      line.slice(start, end) === message
    ) {
      return line.slice(start - 1, end + 1);
    }
  }
  return JSON.stringify(message);
}

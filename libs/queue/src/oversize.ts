import { assert, type Lane, type LogEvent, utf8Bytes } from '@logferry/core';
import { encodeFragment, type Fragment } from './fragment';

/** Room for what a cut log event says about itself. */
const MARK_BYTES_MAX = 64;

/**
 * Makes of a log event that is larger than its lane takes one or more that fit, as the destination's policy says. What is cut is its
 * message, between characters; JSON that was cut is text from then on.
 */
export function cutToFit(lane: Lane, event: LogEvent): Fragment[] {
  const withMessage = (message: string): Fragment =>
    encodeFragment(lane, { ...event, message, json: JSON.stringify(message), isJson: false });
  const room = lane.limits.logEventBytesMax - withMessage('').bytes - MARK_BYTES_MAX;
  assert(room > 0, 'a log event without its message leaves room for one');
  const pieces = cut(event.message, room, lane.format === 'event' ? jsonBytesAt : utf8BytesAt);
  if (lane.oversize === 'truncate') {
    const bytes = utf8Bytes(event.message);
    return [withMessage(`${pieces[0] ?? ''} [truncated, ${bytes} bytes in all]`)];
  }
  return pieces.map((piece, i) => withMessage(`[${i + 1}/${pieces.length}] ${piece}`));
}

/** The bytes that the character at a place takes where it is delivered. */
type BytesAt = (text: string, at: number) => number;

function cut(text: string, bytesMax: number, bytesAt: BytesAt): string[] {
  const pieces: string[] = [];
  let start = 0;
  let bytes = 0;
  for (let at = 0; at < text.length; at += isPair(text, at) ? 2 : 1) {
    const more = bytesAt(text, at);
    if (bytes + more > bytesMax) {
      pieces.push(text.slice(start, at));
      start = at;
      bytes = 0;
    }
    bytes += more;
  }
  pieces.push(text.slice(start));
  return pieces;
}

/** Whether the character at a place takes two units. Messages are well-formed: a high surrogate is never alone. */
function isPair(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit < 0xdc00;
}

function utf8BytesAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  if (unit < 0x80) return 1;
  if (unit < 0x800) return 2;
  return isPair(text, at) ? 4 : 3;
}

/** As `JSON.stringify` writes it: `\\n` and its like take two bytes, other control characters six. */
function jsonBytesAt(text: string, at: number): number {
  const char = text.charAt(at);
  if (char < ' ') return '\b\f\n\r\t'.includes(char) ? 2 : 6;
  return char === '"' || char === '\\' ? 2 : utf8BytesAt(text, at);
}

export interface ObjectPart {
  bytes: Buffer;
  isLast: boolean;
}

/**
 * Cuts what comes into parts of exactly the size given, the last one excepted. Nothing at all has no parts.
 *
 * A part is good until the next but one is asked for: two pieces of memory serve for all of them, where a new one each left the
 * collector an object's size to work for.
 */
export async function* cutIntoParts(
  body: AsyncIterable<Buffer>,
  partBytes: number,
): AsyncGenerator<ObjectPart, void, void> {
  let part: Buffer = Buffer.allocUnsafeSlow(partBytes);
  let other: Buffer | undefined;
  let filled = 0;
  for await (const piece of body) {
    for (let at = 0; at < piece.length;) {
      if (filled === partBytes) {
        yield { bytes: part, isLast: false };
        [part, other] = [other ?? Buffer.allocUnsafeSlow(partBytes), part];
        filled = 0;
      }
      const copied = piece.copy(part, filled, at);
      at += copied;
      filled += copied;
    }
  }
  if (filled > 0) yield { bytes: part.subarray(0, filled), isLast: true };
}

export interface ObjectPart {
  bytes: Buffer;
  isLast: boolean;
}

/** Cuts what comes into parts of exactly the size given, the last one excepted. Nothing at all has no parts. */
export async function* cutIntoParts(
  body: AsyncIterable<Buffer>,
  partBytes: number,
): AsyncGenerator<ObjectPart, void, void> {
  let part = Buffer.allocUnsafeSlow(partBytes);
  let filled = 0;
  for await (const piece of body) {
    for (let at = 0; at < piece.length;) {
      if (filled === partBytes) {
        yield { bytes: part, isLast: false };
        part = Buffer.allocUnsafeSlow(partBytes);
        filled = 0;
      }
      const copied = piece.copy(part, filled, at);
      at += copied;
      filled += copied;
    }
  }
  if (filled > 0) yield { bytes: part.subarray(0, filled), isLast: true };
}

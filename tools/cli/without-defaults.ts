import { isDeepStrictEqual } from 'node:util';

type Reader = (value: unknown) => unknown;

/** The same with every field left out that would be read so anyway, so that a file says what somebody has decided. */
export function withoutDefaults(value: object, read: Reader): object {
  const whole = read(value);
  const result = structuredClone(value) as Record<string, unknown>;
  leaveOut(result, () => isDeepStrictEqual(read(result), whole));
  return result;
}

/** @param isSame whether the whole is read as it was */
function leaveOut(part: Record<string, unknown>, isSame: () => boolean): void {
  for (const [name, field] of Object.entries(part)) {
    delete part[name];
    if (isSame()) continue;
    part[name] = field;
    if (typeof field === 'object' && field !== null && !Array.isArray(field))
      leaveOut(field as Record<string, unknown>, isSame);
  }
}

/** Thrown when our own code is wrong. Never caught to go on: the request or the job fails, and an operator is told. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** States what must be true if the code is right. For input that may be wrong, use a `Failure` or a refusal instead. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new AssertionError(`expected: ${what}`);
}

/** Closes a switch over a union, so that a new member is a compile error and an unknown value at run time is loud. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}

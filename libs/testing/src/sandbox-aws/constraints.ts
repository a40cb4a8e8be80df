// AWS checks a request's members against its model before it looks at anything else, and names each failure in one fixed form.
// This collects the failures of one request; the service then puts its own error code in front.

export class Constraints {
  private readonly problems: string[] = [];

  require(isMet: boolean, value: string, path: string, rule: string): void {
    if (isMet) return;
    const shown = value.length > 200 ? `${value.slice(0, 200)}…` : value;
    this.problems.push(
      `Value '${shown}' at '${path}' failed to satisfy constraint: Member must ${rule}`,
    );
  }

  requireLength(value: string, path: string, lengthMin: number, lengthMax: number): void {
    const length = [...value].length;
    this.require(
      length >= lengthMin,
      value,
      path,
      `have length greater than or equal to ${String(lengthMin)}`,
    );
    this.require(
      length <= lengthMax,
      value,
      path,
      `have length less than or equal to ${String(lengthMax)}`,
    );
  }

  requirePattern(value: string, path: string, pattern: RegExp): void {
    const shown = pattern.source.replace(/^\^|\$$/gu, '');
    this.require(pattern.test(value), value, path, `satisfy regular expression pattern: ${shown}`);
  }

  requirePresent(isPresent: boolean, path: string): void {
    if (isPresent) return;
    this.problems.push(
      `Value null at '${path}' failed to satisfy constraint: Member must not be null`,
    );
  }

  requireRange(value: number, path: string, lowest: number, highest: number): void {
    const text = String(value);
    this.require(
      value >= lowest,
      text,
      path,
      `have value greater than or equal to ${String(lowest)}`,
    );
    this.require(
      value <= highest,
      text,
      path,
      `have value less than or equal to ${String(highest)}`,
    );
  }

  /** The one message AWS makes of all failures, or undefined where there is none. */
  message(): string | undefined {
    const count = this.problems.length;
    if (count === 0) return undefined;
    return `${String(count)} validation error${count === 1 ? '' : 's'} detected: ${this.problems.join('; ')}`;
  }
}

import { ID_DIGITS, ID_MARK } from './plan';

const ZERO = 0x30;

/** Finds ids in a body as it comes in, wherever the network has cut it. */
export class IdCounter {
  private tail: Buffer = Buffer.alloc(0);
  found = 0;

  constructor(private readonly count: (id: number) => void) {}

  add(data: Buffer): void {
    const bytes = this.tail.length === 0 ? data : Buffer.concat([this.tail, data]);
    const idBytes = ID_MARK.length + ID_DIGITS;
    let at = bytes.indexOf(ID_MARK);
    let done = 0;
    while (at !== -1 && at + idBytes <= bytes.length) {
      let id = 0;
      for (let i = at + ID_MARK.length; i < at + idBytes; i++)
        id = id * 10 + (bytes[i] ?? ZERO) - ZERO;
      this.count(id);
      this.found++;
      done = at + idBytes;
      at = bytes.indexOf(ID_MARK, done);
    }
    this.tail = bytes.subarray(at === -1 ? Math.max(done, bytes.length - ID_MARK.length + 1) : at);
  }
}

import { ID_DIGITS, ID_MARK } from './plan';

const SYLLABLES = [
  'ser',
  'vi',
  'ce',
  'plan',
  'ap',
  'ply',
  'lo',
  'ck',
  'sta',
  'te',
  're',
  'sour',
  'ro',
  'le',
  'net',
  'mo',
  'du',
];

/**
 * Words by chance, the same at every run: text that is made of one sentence again and again would compress to nothing, and flatter
 * everything that compresses.
 */
class Words {
  private state: number;

  constructor(seed: number) {
    this.state = (seed + 1) * 2_654_435_761;
  }

  text(chars: number): string {
    let text = '';
    while (text.length < chars) text += this.word();
    return text.slice(0, chars);
  }

  private word(): string {
    const syllables = 1 + this.next(3);
    let word = '';
    for (let i = 0; i < syllables; i++) word += SYLLABLES[this.next(SYLLABLES.length)] ?? '';
    return this.next(8) === 0 ? `${word}=${this.next(100_000)} ` : `${word} `;
  }

  private next(below: number): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0;
    return (this.state >>> 8) % below;
  }
}

/**
 * A message of exactly so many bytes when it is delivered, with room for an id behind the mark.
 *
 * @param n which one of the many different ones
 */
export function benchMessage(bytes: number, kind: 'text' | 'json', n: number): unknown {
  const id = `${ID_MARK}${'0'.repeat(ID_DIGITS)}`;
  const words = new Words(n);
  if (kind === 'text') return `${id} ${words.text(bytes - id.length - 1)}`;
  const object = { seq: id, type: 'deployment', msg: '' };
  return { ...object, msg: words.text(bytes - JSON.stringify(object).length) };
}

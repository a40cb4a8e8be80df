import { createPrng } from '@logferry/testing';

/** What victims, moments and sizes are drawn from: the same seed and name draw the same. */
export class Chance {
  private readonly draw: () => number;

  constructor(
    private readonly seed: number,
    private readonly name = '',
  ) {
    let hash = seed;
    for (const letter of name) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
    this.draw = createPrng(hash);
  }

  /** A source of its own for somebody, so that nobody's draws depend on how often others draw. */
  for(name: string): Chance {
    return new Chance(this.seed, `${this.name}/${name}`);
  }

  /** A whole number from the least to the most. */
  between(least: number, most: number): number {
    return least + Math.floor(this.draw() * (most - least + 1));
  }

  happens(probability: number): boolean {
    return this.draw() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.between(0, items.length - 1)];
    if (item === undefined) throw new Error('there is nothing to pick from');
    return item;
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, at: this.draw() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item);
  }
}

/**
 * What a generator yields, with so many of it fetched in advance: while one page is being accepted, the next ones are on their way. An
 * error comes when it is its turn, behind everything that was fetched before.
 */
export async function* ahead<T>(
  source: AsyncGenerator<T, void>,
  depth: number,
): AsyncGenerator<T, void> {
  const underWay: Promise<IteratorResult<T, void>>[] = [];
  try {
    for (;;) {
      while (underWay.length < depth) {
        const next = source.next();
        next.catch(() => undefined); // whoever takes it hears of it; if nobody does any more, it concerns nobody
        underWay.push(next);
      }
      const result = await underWay.shift();
      if (result === undefined || result.done === true) return;
      yield result.value;
    }
  } finally {
    void source.return().catch(() => undefined);
  }
}

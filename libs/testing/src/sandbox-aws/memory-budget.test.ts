// Goal: what is held never exceeds the budget, and what goes is what came first. Method: random holds and releases. Doubles: none.
import fc from 'fast-check';
import { MemoryBudget } from './memory-budget';
import type { Held } from './memory-budget';

test('the oldest go first, and nothing is forgotten', () => {
  const step = fc.oneof(
    fc.record({ bytes: fc.integer({ min: 0, max: 60 }) }),
    fc.record({ releaseAt: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const budget = new MemoryBudget(100);
      let kept: Held[] = [];
      for (const one of steps) {
        if ('bytes' in one) {
          const item: Held = {
            bytes: one.bytes,
            drop: () => {
              expect(kept[0]).toBe(item);
              kept = kept.slice(1);
            },
          };
          kept.push(item);
          budget.hold(item);
        } else {
          const item = kept[one.releaseAt];
          if (item !== undefined) budget.release(item);
          kept = kept.filter((other) => other !== item);
        }
        const bytes = kept.reduce((sum, item) => sum + item.bytes, 0);
        expect(budget.bytesHeld).toBe(bytes);
        expect(bytes).toBeLessThanOrEqual(100);
      }
    }),
  );
});

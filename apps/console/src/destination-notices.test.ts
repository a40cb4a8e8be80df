import fc from 'fast-check';
import type { Standing } from '@logferry/queue';
import {
  FAILED_AFTER_MS,
  freshMemory,
  noticesOf,
  type DestinationMemory,
  type Looked,
} from './destination-notices';

const standing = (over: Partial<Standing> = {}): Standing => ({
  hold: undefined,
  delivered: 0,
  waiting: 0,
  dead: 0,
  ...over,
});
const looked = (over: Partial<Looked> = {}): Looked => ({
  tenantId: 'acme',
  destinationId: 'logs',
  standing: standing(),
  wait: undefined,
  nowMs: 10_000_000,
  lateAfterMs: 1_800_000,
  ...over,
});
const suspended = (sinceMs: number) =>
  ({ kind: 'suspended', code: 's3.bucket_missing', sinceMs }) as const;
const broken = (sinceMs: number) => ({ kind: 'broken', code: 's3.unavailable', sinceMs }) as const;

/** What is told by looking at it again and again. */
function told(views: readonly Looked[], isTenantKnown = true): string[] {
  let memory: DestinationMemory | undefined;
  return views.flatMap((view) => {
    const before: DestinationMemory = memory ?? freshMemory(view, isTenantKnown);
    const { notifications, after } = noticesOf(view, before);
    memory = after;
    return notifications.map(({ kind }) => kind);
  });
}

test('a destination that is suspended is told of once, and that it goes on', () => {
  const views = [
    looked({ standing: standing({ hold: suspended(5) }) }),
    looked({ standing: standing({ hold: suspended(5) }), nowMs: 20_000_000 }),
    looked({ standing: standing({ delivered: 9 }) }),
    looked({ standing: standing({ delivered: 10 }) }),
    looked({ standing: standing({ hold: suspended(6), delivered: 10 }) }),
  ];
  expect(told(views)).toEqual([
    'destination.suspended',
    'destination.resumed',
    'destination.suspended',
  ]);
});

test('a hold that ended without anything delivered proves nothing, and is not told as the end of it', () => {
  const views = [looked({ standing: standing({ hold: suspended(5) }) }), looked()];
  expect(told(views)).toEqual(['destination.suspended']);
});

test('what somebody suspends and resumes is told, though nothing was sent meanwhile', () => {
  const hold = { ...suspended(5), code: 'destination.suspended_by_hand' } as const;
  expect(told([looked({ standing: standing({ hold }) }), looked()])).toEqual([
    'destination.suspended',
    'destination.resumed',
  ]);
});

test('who switched a destination off is not told that it is off', () => {
  const hold = { ...suspended(5), code: 'destination.disabled' } as const;
  expect(told([looked({ standing: standing({ hold }) })])).toEqual([]);
});

test.each([
  [FAILED_AFTER_MS - 1, []],
  [FAILED_AFTER_MS, ['destination.failed']],
  [FAILED_AFTER_MS + 1, ['destination.failed']],
])('a destination that has been broken for %d ms', (ms, kinds) => {
  const nowMs = 10_000_000;
  expect(told([looked({ nowMs, standing: standing({ hold: broken(nowMs - ms) }) })])).toEqual(
    kinds,
  );
});

test.each([
  [4, []],
  [5, ['destination.failed', 'destination.resumed']],
])('one of whose batches has burnt %d attempts', (attempts, kinds) => {
  const wait = { sinceMs: 9_990_000, attempts, code: 's3.unavailable' } as const;
  expect(told([looked({ wait }), looked({ standing: standing({ delivered: 1 }) })])).toEqual(kinds);
});

test.each([
  [1_799_999, []],
  [1_800_000, []],
  [1_800_001, ['destination.late']],
])('what has waited for %d ms where it may wait for half an hour', (ms, kinds) => {
  const wait = { sinceMs: 10_000_000 - ms, attempts: 0, code: undefined };
  expect(told([looked({ wait }), looked({ wait })])).toEqual(kinds);
});

test('a held destination is not told of as late too, and one that has caught up may be late again', () => {
  const wait = { sinceMs: 1, attempts: 0, code: undefined };
  expect(told([looked({ wait, standing: standing({ hold: suspended(1) }) })])).toEqual([
    'destination.suspended',
  ]);
  expect(told([looked({ wait }), looked(), looked({ wait })])).toEqual([
    'destination.late',
    'destination.late',
  ]);
});

test('nothing is said of waits before all of them were looked at, and nothing that was said is forgotten', () => {
  const wait = { sinceMs: 1, attempts: 0, code: undefined };
  expect(told([looked({ wait: 'unknown' })])).toEqual([]);
  expect(told([looked({ wait }), looked({ wait: 'unknown' }), looked({ wait })])).toEqual([
    'destination.late',
  ]);
});

test('of a tenant that was not watched before, dead letters of before are no news; of one that was, they are', () => {
  const view = looked({ standing: standing({ dead: 7 }) });
  expect(told([view], false)).toEqual([]);
  expect(told([view], true)).toEqual(['destination.dead_lettered']);
});

test('every dead letter is told of in the end, in few messages with names of their own', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 40 }), (growth) => {
      let dead = 0;
      let memory = freshMemory(looked(), true);
      let count = 0;
      const ids = new Set<string>();
      let messages = 0;
      const steps = [...growth, 0].map((more, i) => {
        dead += more;
        // The last look is long after.
        const nowMs = 10_000_000 + i * 60_000 + (i === growth.length ? 700_000 : 0);
        return looked({ nowMs, standing: standing({ dead }) });
      });
      for (const view of steps) {
        const { notifications, after } = noticesOf(view, memory);
        for (const { id, logEvents = 0 } of notifications) {
          count += logEvents;
          ids.add(id);
          messages++;
        }
        memory = after;
      }
      expect(count).toBe(dead);
      expect(ids.size).toBe(messages);
      expect(messages).toBeLessThanOrEqual(Math.ceil(steps.length / 10) + 2);
    }),
  );
});

test('dead letters that were redriven and died again are news again', () => {
  const at = (dead: number, minutes: number) =>
    looked({ nowMs: 10_000_000 + minutes * 60_000, standing: standing({ dead }) });
  expect(told([at(0, 0), at(3, 1), at(0, 2), at(3, 20)])).toEqual([
    'destination.dead_lettered',
    'destination.dead_lettered',
  ]);
});

test('what was told and not remembered has the same id when it is noticed again', () => {
  const view = looked({ standing: standing({ hold: suspended(5), dead: 2 }) });
  const memory = freshMemory(looked(), true);
  const later = { ...view, nowMs: view.nowMs + 30_000 };
  const ids = (of: Looked) => noticesOf(of, memory).notifications.map(({ id }) => id);
  expect(ids(later)).toEqual(ids(view));
  expect(ids(view)).toHaveLength(2);
});

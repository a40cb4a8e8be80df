import fc from 'fast-check';
import { Filter, filterOf } from './filter';
import type { LogEvent } from './log-event';

function aLogEvent(over: Partial<LogEvent> = {}): LogEvent {
  return {
    type: 'deployment',
    timeMs: 1,
    message: 'm',
    isJson: false,
    json: '"m"',
    id: undefined,
    level: undefined,
    scope: undefined,
    attributes: { deploymentId: 'dep-1' },
    ...over,
  };
}

const wants = (filter: unknown, over: Partial<LogEvent> = {}): boolean =>
  filterOf({ filter: Filter.parse(filter) })(aLogEvent(over));

test.each<[string, object, Partial<LogEvent>, boolean]>([
  ['no filter', {}, {}, true],
  ['a type that is listed', { types: ['deployment'] }, {}, true],
  ['a type that is not', { types: ['audit'] }, {}, false],
  ['a level that is listed', { levels: ['error'] }, { level: 'error' }, true],
  ['no level where levels are listed', { levels: ['error'] }, {}, false],
  ['the scope itself', { scopes: ['project/web'] }, { scope: 'project/web' }, true],
  ['a scope below', { scopes: ['project/web/'] }, { scope: 'project/web/env/prod' }, true],
  [
    'a scope that only starts alike',
    { scopes: ['project/web'] },
    { scope: 'project/website' },
    false,
  ],
  ['one of two filters', { types: ['deployment'], levels: ['error'] }, { level: 'info' }, false],
  ['a condition that holds', { where: { attribute: 'deploymentId', prefix: 'dep' } }, {}, true],
  ['one that does not', { where: { attribute: 'deploymentId', prefix: 'x' } }, {}, false],
  [
    'a condition and a type that does not agree',
    { types: ['audit'], where: { attribute: 'deploymentId', exists: true } },
    {},
    false,
  ],
])('%s decides whether the log event is wanted', (_, filter, event, wanted) => {
  expect(wants(filter, event)).toBe(wanted);
});

const ids = Array.from({ length: 20_000 }, (_, i) => `event-${i}`);

test.each([0.01, 0.1, 0.5, 0.9])('a share of %d is about that many of all', (sample) => {
  for (const over of [(id: string) => ({ id }), (message: string) => ({ message })]) {
    const taken = ids.filter((id) => wants({ sample }, over(id))).length;
    expect(taken / ids.length).toBeGreaterThan(sample * 0.9 - 0.002);
    expect(taken / ids.length).toBeLessThan(sample * 1.1 + 0.002);
  }
});

test('none is none, and all is all', () => {
  fc.assert(
    fc.property(fc.string(), (id) => {
      expect(wants({ sample: 0 }, { id })).toBe(false);
      expect(wants({ sample: 1 }, { id })).toBe(true);
    }),
  );
});

test('the same log event is always in or out, and what is in a small share is in every larger one', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.string(), share, share, (id, a, b) => {
      const [small, large] = a < b ? [a, b] : [b, a];
      expect(wants({ sample: small }, { id })).toBe(wants({ sample: small }, { id, timeMs: 2 }));
      if (wants({ sample: small }, { id })) expect(wants({ sample: large }, { id })).toBe(true);
    }),
  );
});

test.each([-0.001, 1.001, Number.NaN, '0.5'])('%p is no share', (sample) => {
  expect(Filter.safeParse({ sample }).success).toBe(false);
});

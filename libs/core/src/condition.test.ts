import fc from 'fast-check';
import {
  compileCondition,
  CONDITION_DEPTH_MAX,
  CONDITIONS_MAX,
  ConditionSchema,
  type Condition,
} from './condition';

const attributes = { team: 'payments', tier: '', deploymentId: 'dep-42' };

test.each<[string, Condition, boolean]>([
  ['equal', { attribute: 'team', equals: 'payments' }, true],
  ['not equal', { attribute: 'team', equals: 'Payments' }, false],
  ['equal to nothing', { attribute: 'tier', equals: '' }, true],
  ['one of a list', { attribute: 'team', in: ['core', 'payments'] }, true],
  ['none of a list', { attribute: 'team', in: ['core'] }, false],
  ['beginning so', { attribute: 'deploymentId', prefix: 'dep-' }, true],
  ['beginning otherwise', { attribute: 'deploymentId', prefix: 'ep-' }, false],
  ['there', { attribute: 'tier', exists: true }, true],
  ['there, where it should not be', { attribute: 'tier', exists: false }, false],
  ['not there', { attribute: 'other', exists: false }, true],
  ['not there, compared with nothing', { attribute: 'other', equals: '' }, false],
  ['not there, looked for in a list', { attribute: 'other', in: [''] }, false],
  ['a part of every object', { attribute: 'constructor', exists: true }, false],
  ['not equal, as wanted', { not: { attribute: 'other', equals: 'x' } }, true],
  [
    'both',
    {
      and: [
        { attribute: 'team', exists: true },
        { attribute: 'tier', equals: 'x' },
      ],
    },
    false,
  ],
  [
    'either',
    {
      or: [
        { attribute: 'team', exists: true },
        { attribute: 'tier', equals: 'x' },
      ],
    },
    true,
  ],
])('an attribute that is %s', (_, condition, holds) => {
  expect(compileCondition(ConditionSchema.parse(condition))(attributes)).toBe(holds);
});

test('a log event without attributes has none of them', () => {
  expect(compileCondition({ attribute: 'team', exists: false })(undefined)).toBe(true);
  expect(compileCondition({ attribute: 'team', equals: 'payments' })(undefined)).toBe(false);
});

const comparison = fc.record({
  attribute: fc.constantFrom('team', 'tier', 'other'),
  equals: fc.constantFrom('payments', '', 'x'),
});
const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    comparison,
    fc.record({ not: tie('condition') }),
  ),
}));

test('not all of them is the same as some of them not, and the other way round', () => {
  fc.assert(
    fc.property(condition, condition, (a, b) => {
      const holds = (c: Condition) => compileCondition(c)(attributes);
      expect(holds({ not: { and: [a, b] } })).toBe(holds({ or: [{ not: a }, { not: b }] }));
      expect(holds({ not: { or: [a, b] } })).toBe(holds({ and: [{ not: a }, { not: b }] }));
    }),
  );
});

const problems = (value: unknown): string[] => {
  const { error } = ConditionSchema.safeParse(value);
  return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
};

function deep(levels: number): Condition {
  let condition: Condition = { attribute: 'a', exists: true };
  for (let level = 1; level < levels; level++) condition = { not: condition };
  return condition;
}

test.each([
  [CONDITION_DEPTH_MAX - 1, 0],
  [CONDITION_DEPTH_MAX, 0],
  [CONDITION_DEPTH_MAX + 1, 1],
  [10_000, 1],
])('%d levels have %d problems', (levels, count) => {
  expect(problems(deep(levels))).toHaveLength(count);
});

test.each([
  [CONDITIONS_MAX - 1, 0],
  [CONDITIONS_MAX, 0],
  [CONDITIONS_MAX + 1, 1],
])('%d conditions have %d problems', (conditions, count) => {
  const half = Math.floor((conditions - 3) / 2);
  const list = (n: number) => Array.from({ length: n }, () => ({ attribute: 'a', exists: true }));
  const all = { and: [{ or: list(half) }, { or: list(conditions - 3 - half) }] };
  expect(problems(all)).toHaveLength(count);
});

test.each<[string, unknown, string]>([
  ['nothing', {}, ': must have exactly one of attribute, and, or, not'],
  ['no comparison', { attribute: 'a' }, ': an attribute is compared by exactly one of'],
  ['two comparisons', { attribute: 'a', equals: 'b', prefix: 'b' }, ': an attribute is compared'],
  ['two joins', { and: [deep(1)], or: [deep(1)] }, ': must have exactly one of'],
  ['a comparison beside a join', { and: [deep(1)], equals: 'x' }, ': and stands alone'],
  ['an empty list', { attribute: 'a', in: [] }, 'in: '],
  ['nothing joined', { and: [] }, 'and: '],
  ['a regular expression', { attribute: 'a', matches: '.*' }, ': Unrecognized key'],
  ['a fault inside', { and: [deep(1), { not: { attribute: 'a' } }] }, 'and.1.not: an attribute is'],
])('a condition with %s is refused, and its place is named', (_, value, problem) => {
  expect(problems(value).join('\n')).toContain(problem);
});

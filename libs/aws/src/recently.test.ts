import { Recently } from './recently';

test('something is recent until its time is over, or it is forgotten', () => {
  let nowMs = 0;
  const recently = new Recently(100, 10, () => nowMs);
  recently.note('a');
  recently.note('b');
  nowMs = 99;
  recently.forget('b');
  expect([recently.has('a'), recently.has('b')]).toEqual([true, false]);
  nowMs = 100;
  expect(recently.has('a')).toBe(false);
});

test('what is noted again is recent again, and the oldest make room', () => {
  let nowMs = 0;
  const recently = new Recently(100, 2, () => nowMs++);
  for (const key of ['a', 'b', 'a', 'c']) recently.note(key);
  expect(['a', 'b', 'c'].map((key) => recently.has(key))).toEqual([true, false, true]);
});

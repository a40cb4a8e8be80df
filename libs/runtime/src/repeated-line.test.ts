import { RepeatedLine } from './repeated-line';

let told: [times: number, latest: string][];
let line: RepeatedLine<string>;

beforeEach(() => {
  jest.useFakeTimers();
  told = [];
  line = new RepeatedLine((times, latest) => told.push([times, latest]), 1_000);
});
afterEach(() => jest.useRealTimers());

test('the first is told at once, and what comes within an interval together at its end', () => {
  line.add('a');
  expect(told).toEqual([[1, 'a']]);
  for (let i = 0; i < 5_000; i++) line.add(`b${i}`);
  jest.advanceTimersByTime(999);
  expect(told).toHaveLength(1);
  jest.advanceTimersByTime(1);
  expect(told).toEqual([
    [1, 'a'],
    [5_000, 'b4999'],
  ]);
});

test('what goes on is told once an interval, and after a pause at once again', () => {
  for (let ms = 0; ms < 3_000; ms += 100) {
    line.add('a');
    jest.advanceTimersByTime(100);
  }
  expect(told.map(([times]) => times)).toEqual([1, 9, 10, 10]);
  jest.advanceTimersByTime(10_000);
  expect(told).toHaveLength(4);
  line.add('b');
  expect(told.at(-1)).toEqual([1, 'b']);
});

import * as fc from 'fast-check';
import { memberTexts } from './json-text';

test.each([
  ['[1]', ['1']],
  [' [ 1 , [2,3] ,{"a":[4,{}]}] ', [' 1 ', ' [2,3] ', '{"a":[4,{}]}']],
  ['["a,b","]","[","\\"","\\\\",""]', ['"a,b"', '"]"', '"["', '"\\""', '"\\\\"', '""']],
])('the members of %j are told apart', (text, members) => {
  expect(memberTexts(text)).toEqual(members);
});

test('of whatever is in an array, each text is that of its member', () => {
  const members = fc.array(fc.jsonValue({ maxDepth: 3 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(members, fc.constantFrom(0, 2), (values, indent) => {
      const texts = memberTexts(JSON.stringify(values, undefined, indent));
      expect(texts.map((text) => JSON.stringify(JSON.parse(text)))).toEqual(
        values.map((value) => JSON.stringify(value)),
      );
    }),
    { numRuns: 300 },
  );
});

import fc from 'fast-check';
import { replaceSensitive, SENSITIVE_TEXTS, type SensitiveText } from './sensitive-text';

const mask = (kind: SensitiveText, text: string): string =>
  replaceSensitive(kind, text, (found) => `<${found.length}>`);

const jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';

test.each<[SensitiveText, string, string]>([
  ['email', 'from ann.b+c@example.co.uk, to x@y.io.', 'from <21>, to <6>.'],
  ['email', '<ann@example.com>(bob@example.com)', '<<15>>(<15>)'],
  ['email', 'an jürgen.groß@bücher.example, иван@пример.рф', 'an <26>, <14>'],
  ['email', '联系ann@example.com谢谢', '联系<15>谢谢'],
  ['email', 'ann@localhost @ann a@ b@.c', 'ann@localhost @ann a@ b@.c'],
  ['email', 'a@b.c@d.e', '<5>@d.e'],
  ['ipv4', 'GET from 203.0.113.9:443', 'GET from <11>:443'],
  ['ipv4', 'version 1.2.3, 1.2.3.4.5', 'version 1.2.3, <7>.5'],
  ['card_number', 'paid by 4111 1111 1111 1111 today', 'paid by <19> today'],
  ['card_number', 'paid by 4111-1111-1111-1111', 'paid by <19>'],
  ['card_number', 'order 4111111111111112', 'order 4111111111111112'],
  // What stands beside a card, a time above all, must not be read as the beginning or the end of it.
  ['card_number', '2026-01-02 10:00:00 4111111111111111 paid', '2026-01-02 10:00:00 <16> paid'],
  ['card_number', '2026-01-02 4111 1111 1111 1111', '2026-01-02 <19>'],
  ['card_number', 'card 4111 1111 1111 1111 05/27', 'card <19> 05/27'],
  ['card_number', 'card 4111111111111111 123', 'card <16> 123'],
  ['card_number', '4111111111111111 4242424242424242', '<16> <16>'],
  ['card_number', '12 3782 822463 10005 12', '12 <17> 12'],
  ['card_number', '6304 0000 0000 0000 000', '<23>'],
  ['card_number', '41 11 1111 11111111', '<19>'],
  ['card_number', '12345 41111 11111 11111 1', '12345 41111 11111 11111 1'],
  ['aws_access_key', 'key=AKIAIOSFODNN7EXAMPLE;', 'key=<20>;'],
  ['aws_access_key', 'XAKIAIOSFODNN7EXAMPLE', 'XAKIAIOSFODNN7EXAMPLE'],
  ['bearer', 'Authorization: Bearer abc.def-ghi~123', 'Authorization: Bearer <15>'],
  ['bearer', 'the bearer is here', 'the bearer is here'],
  ['jwt', `token=${jwt}; next`, `token=<${jwt.length}>; next`],
  ['jwt', `They showed ${jwt}. It was`, `They showed <${jwt.length}>. It was`],
  ['jwt', `session.${jwt}`, `session.<${jwt.length}>`],
  ['jwt', 'com.example.very.long.package.Name', 'com.example.very.long.package.Name'],
])('%s in %j', (kind, text, redacted) => {
  expect(mask(kind, text)).toBe(redacted);
});

const kinds = Object.keys(SENSITIVE_TEXTS) as SensitiveText[];

test.each(kinds)('%s: a text without any stays as it is', (kind) => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'xyz é😀\n"\\') }), (text) => {
      expect(mask(kind, text)).toBe(text);
    }),
  );
});

// 2 MB that make a pattern with many beginnings look at every letter from each of them: quadratic, it would take many minutes.
test.each(
  kinds.flatMap((kind) =>
    ['a', 'a.', '@a', 'a@a.', '1', '1-', '1.', 'eyJ', '-eyJ.', 'bearer ', 'AKIA', ' '].map(
      (unit) => [kind, unit] as const,
    ),
  ),
)('%s takes time in proportion to a text of %j over and over', (kind, unit) => {
  const text = unit.repeat(2_000_000 / unit.length);
  const startedAt = performance.now();
  mask(kind, text);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
});

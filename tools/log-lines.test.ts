import fc from 'fast-check';
import { logLines, type LogLine } from './log-lines';

async function read(chunks: readonly Buffer[]): Promise<LogLine[]> {
  async function* input(): AsyncGenerator<Buffer> {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  }
  const lines: LogLine[] = [];
  for await (const line of logLines(input())) lines.push(line);
  return lines;
}

test('a line ends at a newline, with or without a carriage return before it, and nowhere else', async () => {
  const lines = await read([Buffer.from('a\r\nb\rc\n\nd\u2028e\r\n\r\nlast')]);
  expect(lines.map(({ text }) => text)).toEqual(['a', 'b\rc', '', 'd\u2028e', '', 'last']);
});

test('however the input is cut, the lines and their bytes are the same', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\n', '\r\n', '\r') }),
      fc.nat(),
      async (text, at) => {
        const whole = Buffer.from(text);
        const cut = whole.length === 0 ? 0 : at % whole.length;
        const lines = await read([whole.subarray(0, cut), whole.subarray(cut)]);
        expect(lines).toEqual(await read([whole]));
        expect(lines.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(whole.length);
      },
    ),
  );
});

test('what is not UTF-8 is marked', async () => {
  expect((await read([Buffer.from([0x63, 0x61, 0x66, 0xe9, 0x0a])])).at(0)).toMatchObject({
    isDamaged: true,
  });
  expect((await read([Buffer.from('café\n')])).at(0)).toMatchObject({ isDamaged: false });
});

import { Writable } from 'node:stream';
import { format, inspect } from 'node:util';
import { pino } from 'pino';
import { Secret } from './secret';

const TEXT = 'correct horse battery staple';
const secret = new Secret(TEXT);

test.each<[string, () => string]>([
  ['String()', () => String(secret)],
  // eslint-disable-next-line @typescript-eslint/restrict-template-expressions -- what happens by mistake is what is tested
  ['a template', () => `${secret}`],
  ['concatenation', () => '' + String(secret)],
  ['JSON', () => JSON.stringify({ nested: [secret] })],
  ['inspect', () => inspect({ nested: { secret } }, { depth: null, showHidden: true })],
  ['format', () => format('%s %o %O %j', secret, secret, secret, secret)],
  ['an error', () => inspect(new Error('refused', { cause: { secret } }))],
  ['its members', () => JSON.stringify([Object.entries(secret), { ...secret }])],
])('a secret is not seen in %s', (_, print) => {
  expect(print()).not.toContain('horse');
});

test('a secret says that it is one', () => {
  expect(String(secret)).toBe('[secret]');
  expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}');
  expect(inspect({ secret })).toBe('{ secret: [secret] }');
});

test('a secret is not seen in a log, at any place of a line', () => {
  const lines: string[] = [];
  const log = pino(collect(lines));
  log.info({ secret, nested: { secret }, list: [secret], err: new Error(String(secret)) }, 'line');
  log.info(secret, 'as the line itself');
  log.child({ secret }).info('%s %o %j', secret, secret, secret);
  expect(lines).toHaveLength(3);
  expect(lines.join('')).not.toContain('horse');
  expect(lines[0]).toContain('"secret":"[secret]"');
});

test('it is revealed on demand, and compared with another text', () => {
  expect(secret.reveal()).toBe(TEXT);
  expect(secret.equals(TEXT)).toBe(true);
  for (const other of ['', TEXT.slice(1), `${TEXT} `, TEXT.toUpperCase(), '[secret]']) {
    expect(secret.equals(other)).toBe(false);
  }
});

function collect(lines: string[]): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
}

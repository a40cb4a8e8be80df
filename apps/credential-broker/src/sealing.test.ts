import { SealedSecret } from '@logferry/core';
import fc from 'fast-check';
import { Sealing } from './sealing';

const key = (id: string, fill: number) => ({ id, bytes: Buffer.alloc(32, fill) });
const owner = { tenantId: 'acme', destinationId: 'cw' };
const unreadable = expect.objectContaining({ code: 'credential.secret_unreadable' }) as Error;

test('what was sealed opens for its own destination, and is what the store takes', () => {
  const sealing = new Sealing([key('2026-11', 1)]);
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 512, unit: 'grapheme' }), (secret) => {
      const sealed = sealing.seal(owner, secret);
      expect(sealing.open(owner, sealed)).toBe(secret);
      if (secret.length <= 128) expect(SealedSecret.safeParse(sealed).success).toBe(true);
    }),
  );
});

test('the same secret is never sealed to the same text, and its text does not stand in it', () => {
  const sealing = new Sealing([key('1', 1)]);
  const sealed = Array.from({ length: 20 }, () => sealing.seal(owner, 'the-secret'));
  expect(new Set(sealed).size).toBe(20);
  for (const text of sealed)
    expect(Buffer.from(text.split('.')[3] ?? '', 'base64url').toString()).not.toContain('secret');
});

test.each([
  ["another tenant's", { tenantId: 'globex', destinationId: 'cw' }],
  ['another destination of the same tenant', { tenantId: 'acme', destinationId: 's3' }],
  ['a pair that reads the same when it is joined', { tenantId: 'acmec', destinationId: 'w' }],
  ['a source of the same id', { tenantId: 'acme', sourceId: 'cw' }],
  ['a channel of the same id', { tenantId: 'acme', channelId: 'cw' }],
])('it does not open for %s', (_, other) => {
  const sealing = new Sealing([key('1', 1)]);
  const sealed = sealing.seal(owner, 'the-secret');
  expect(() => sealing.open(other, sealed)).toThrow(unreadable);
});

test('a secret of a source opens for it alone, and not for a channel or a destination of the same id', () => {
  const sealing = new Sealing([key('1', 1)]);
  const source = { tenantId: 'acme', sourceId: 'auth0' };
  const sealed = sealing.seal(source, 'the-secret');
  expect(sealing.open(source, sealed)).toBe('the-secret');
  for (const other of [
    { tenantId: 'acme', channelId: 'auth0' },
    { tenantId: 'acme', destinationId: 'auth0' },
    { tenantId: 'globex', sourceId: 'auth0' },
    { tenantId: 'acme', sourceId: 'auth1' },
  ])
    expect(() => sealing.open(other, sealed)).toThrow(unreadable);
});

test('what was sealed for a destination before there were sources still opens', () => {
  const sealed = 'v1.1.Bt4jJC_pr9VVKP5u.SBP5Vo9LJWKwVARuoGdxNTbKWDofL3Q3Rik';
  expect(new Sealing([key('1', 1)]).open(owner, sealed)).toBe('the-secret');
});

test('nothing that was changed opens, whichever letter it was', () => {
  const sealing = new Sealing([key('1', 1)]);
  const sealed = sealing.seal(owner, 'the-secret');
  for (let at = 'v1.'.length; at < sealed.length - 1; at++) {
    const other = sealed[at] === 'A' ? 'B' : 'A';
    const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
    expect(() => sealing.open(owner, changed)).toThrow(unreadable);
  }
});

test.each(['', 'v1', 'v1.1', 'v1.1..', 'v1.1.AAAAAAAAAAAAAAAA.', 'v1.1.AAAAAAAAAAAAAAAA.AAAA'])(
  'what is no sealed secret is refused and not taken apart: %p',
  (text) => {
    expect(() => new Sealing([key('1', 1)]).open(owner, text)).toThrow(unreadable);
  },
);

test('a new key seals from now on, and the old one still opens; after sealing anew it can go', () => {
  const before = new Sealing([key('old', 1)]);
  const during = new Sealing([key('new', 2), key('old', 1)]);
  const after = new Sealing([key('new', 2)]);
  const sealed = before.seal(owner, 'the-secret');
  expect(during.open(owner, sealed)).toBe('the-secret');
  expect(() => after.open(owner, sealed)).toThrow(unreadable);
  const resealed = during.reseal(owner, sealed);
  expect(after.open(owner, resealed)).toBe('the-secret');
  expect(during.reseal(owner, resealed)).toBe(resealed);
});

test('without a key there are no access keys', () => {
  const sealing = new Sealing([]);
  const unavailable = expect.objectContaining({ code: 'credential.kind_unavailable' }) as Error;
  expect(() => sealing.seal(owner, 's')).toThrow(unavailable);
  expect(() => sealing.open(owner, 'v1.1.a.b')).toThrow(unavailable);
});

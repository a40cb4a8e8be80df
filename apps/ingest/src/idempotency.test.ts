import { onceOf } from './idempotency';

const request = {
  sender: { kind: 'tenant', tenantId: 'acme' },
  tenantId: 'acme',
  type: 'audit',
  scope: undefined,
  contentType: 'application/json',
  body: Buffer.from('{"message":"paid by 4111111111111111"}'),
} as const;
const once = (key: string, over: object = {}) => onceOf(key, 1_000, { ...request, ...over });

test('a repetition is known by its key and by all that it says', () => {
  expect(once('a')).toEqual(once('a'));
  for (const over of [{ type: 'task' }, { body: Buffer.from('{}') }, { contentType: 'x' }])
    expect(once('a', over)?.fingerprint).not.toBe(once('a')?.fingerprint);
});

test('what is stored of a request cannot be had by trying bodies, without its key', () => {
  expect(once('b')?.fingerprint).not.toBe(once('a')?.fingerprint);
});

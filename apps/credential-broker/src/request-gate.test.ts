import { Failure, type FailureCode } from '@logferry/core';
import { Secret } from '@logferry/runtime';
import { z } from 'zod';
import { RequestGate } from './request-gate';

const SECRET = 'what all of ours know';
const Asked = z.object({
  secret: z.string(),
  tenantId: z.string(),
  destinationId: z.string(),
});

let lines: object[];
let gate: RequestGate;

beforeEach(() => {
  jest.useFakeTimers();
  lines = [];
  const note = (facts: object, text: string) => lines.push({ ...facts, text });
  gate = new RequestGate(new Secret(SECRET), { warn: note, error: note } as never);
});
afterEach(() => jest.useRealTimers());

const ask = (code: FailureCode, tenantId = 'acme') =>
  gate.answer(Asked, { secret: SECRET, tenantId, destinationId: 'logs' }, () => {
    throw new Failure(code, { retryAfterMs: 2_000 });
  });

test('thousands that wait for their turn are a line an interval, and each of them is answered', async () => {
  for (let i = 0; i < 1_000; i++)
    expect(await ask('credential.rationed', `tenant-${i}`)).toEqual({
      failure: 'credential.rationed',
      retryAfterMs: 2_000,
    });
  jest.advanceTimersByTime(60_000);
  expect(lines).toMatchObject([
    { code: 'credential.rationed', times: 1 },
    { code: 'credential.rationed', times: 999 },
  ]);
});

test('any other refusal is a line of its own, with whose it is', async () => {
  await ask('credential.trust_denied');
  await ask('credential.trust_denied', 'ajax');
  expect(lines).toMatchObject([
    { tenantId: 'acme', destinationId: 'logs', code: 'credential.trust_denied' },
    { tenantId: 'ajax', destinationId: 'logs', code: 'credential.trust_denied' },
  ]);
});

import { Failure, failureKinds, isFailureCode, type FailureCode } from './failure';
import { imbalance } from './ledger';

test('a failure says what, whose move, and what we do, and keeps its cause', () => {
  const cause = new Error('socket hang up');
  const failure = new Failure('s3.unavailable', { cause, detail: 'HTTP 503' });
  expect(failure).toMatchObject({
    code: 's3.unavailable',
    fault: 'aws',
    disposition: 'retry',
    cause,
  });
  expect(failure.message).toBe(`s3.unavailable: ${failureKinds['s3.unavailable'].publicMessage}`);
  expect(failure.message).not.toContain('socket');
});

test.each(Object.keys(failureKinds) as FailureCode[])(
  '%s reads as area.what_happened, with a sentence',
  (code) => {
    expect(code).toMatch(/^[a-z0-9]+\.[a-z_]+$/);
    expect(failureKinds[code].publicMessage).toMatch(/^[A-Z].*\.$/);
  },
);

test('what only a tenant can fix is suspended or rejected, not retried to death', () => {
  const burning = (Object.keys(failureKinds) as FailureCode[]).filter(
    (code) => failureKinds[code].fault === 'tenant' && failureKinds[code].disposition === 'retry',
  );
  // A channel is told again for a day; no log event waits for it.
  expect(burning).toEqual(['s3.key_taken', 'channel.unavailable']);
});

test('what is ours to mend burns no attempt, but for a session that expired again at once', () => {
  const burning = (Object.keys(failureKinds) as FailureCode[]).filter(
    (code) => failureKinds[code].fault === 'us' && failureKinds[code].disposition === 'retry',
  );
  expect(burning).toEqual(['credential.expired']);
});

test('an unknown code is not one of ours, even where every object has it', () => {
  expect(isFailureCode('constructor')).toBe(false);
  expect(isFailureCode('s3.throttled')).toBe(true);
});

test('a ledger balances when every accepted log event is somewhere', () => {
  const ledger = {
    accepted: 10,
    delivered: 5,
    rejected: 2,
    rejectedBy: {},
    deadLettered: 1,
    waiting: 2,
  };
  expect(imbalance(ledger)).toBe(0);
  expect(imbalance({ ...ledger, waiting: 1 })).toBe(1);
});

test('what is said of permissions fits a role and an access key alike', () => {
  const said = Object.entries(failureKinds).filter(
    ([code, { publicMessage }]) =>
      !code.startsWith('credential.') && /\brole\b/i.test(publicMessage),
  );
  expect(said.length).toBeGreaterThan(3);
  for (const [, { publicMessage }] of said) expect(publicMessage).toMatch(/access key/);
});

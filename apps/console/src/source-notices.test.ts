import { Channel, Source, type SourceRun } from '@logferry/core';
import { localTime } from './local-time';
import { reportDay, reportOf, stoppedNotice, unreadableNotice } from './source-notices';

const sealedSecret = `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}`;
const aSource = (over: object = {}): Source =>
  Source.parse({
    id: 'auth0',
    type: 'auth0',
    domain: 'a.auth0.com',
    clientId: 'c',
    sealedSecret,
    ...over,
  });
const aChannel = (over: object = {}): Channel =>
  Channel.parse({ id: 'ops', kind: 'slack', host: 'hooks.slack.com', sealedSecret, ...over });
const aRun = (over: Partial<SourceRun> = {}): SourceRun =>
  ({ state: 'succeeded', kind: 'schedule', accepted: 5, warnings: [], ...over }) as SourceRun;

const ENDED = Date.UTC(2026, 10, 21, 10, 0, 5);
const THIRD = Date.UTC(2026, 10, 21, 10, 15) + 60_000; // of a schedule every five minutes, and a moment
const look = (nowMs: number, over: Partial<Parameters<typeof stoppedNotice>[0]> = {}) =>
  stoppedNotice(
    { tenantId: 'acme', source: aSource(), endedAtMs: ENDED, nowMs, ...over },
    { sinceMs: 0 },
  );

test.each([
  [THIRD - 1, undefined],
  [THIRD, undefined],
  [THIRD + 1, 'source.stopped'],
])('a source of which no run has ended by %d', (nowMs, kind) => {
  expect(look(nowMs).notification?.kind).toBe(kind);
});

test('it is told once, and anew when it has run and stopped again', () => {
  const first = look(THIRD + 1);
  const looked = { tenantId: 'acme', source: aSource(), endedAtMs: ENDED, nowMs: THIRD + 9e5 };
  expect(stoppedNotice(looked, first.after).notification).toBeUndefined();
  const endedAtMs = ENDED + 9e5;
  const again = stoppedNotice({ ...looked, endedAtMs, nowMs: THIRD + 2e6 }, first.after);
  expect(again.notification?.kind).toBe('source.stopped');
  expect(again.notification?.id).not.toBe(first.notification?.id);
});

test('one that runs for long, is switched off, or was switched on a moment ago has not stopped', () => {
  const nowMs = THIRD + 9e7;
  expect(look(nowMs, { runningSinceMs: THIRD }).notification).toBeUndefined();
  expect(look(nowMs, { source: aSource({ enabled: false }) })).toEqual({ after: undefined });
  const looked = { tenantId: 'acme', source: aSource(), nowMs };
  expect(stoppedNotice(looked, undefined)).toEqual({ after: { sinceMs: nowMs } });
});

test('one whose runs are interrupted, one after the other, has stopped although one runs', () => {
  const nowMs = THIRD + 9e7;
  expect(look(nowMs, { runningSinceMs: nowMs - 5_000 }).notification?.kind).toBe('source.stopped');
});

test('one that has never run has stopped when three runs were due', () => {
  expect(look(THIRD + 9e7, { endedAtMs: undefined }).notification?.kind).toBe('source.stopped');
});

test('one that cannot be read is told once, and watched anew when it can be', () => {
  const looked = { tenantId: 'acme', sourceId: 'auth0', nowMs: THIRD };
  const first = unreadableNotice(looked, { sinceMs: 0 });
  expect(first.notification).toMatchObject({ kind: 'source.stopped', code: 'source.unreadable' });
  expect(unreadableNotice(looked, first.after)).toEqual({ after: first.after });
  const readable = stoppedNotice({ tenantId: 'acme', source: aSource(), nowMs: 9e15 }, first.after);
  expect(readable).toEqual({ after: { sinceMs: 9e15 } });
});

test.each([
  ['UTC', 15, undefined],
  ['UTC', 16, '2026-11-21'],
  ['UTC', 23, '2026-11-21'],
  ['Asia/Tokyo', 16, undefined],
  ['America/New_York', 20, undefined],
  ['America/New_York', 21, '2026-11-21'],
])('a report in %s at %d UTC', (timeZone, hour, day) => {
  const nowMs = Date.UTC(2026, 10, 21, hour, 0);
  const looked = { tenantId: 'acme', source: aSource(), nowMs };
  expect(reportDay(aChannel({ timeZone }), looked)).toBe(day);
  expect(reportDay(aChannel({ timeZone, events: ['run.failed'] }), looked)).toBeUndefined();
  expect(reportDay(aChannel({ timeZone, sources: ['other'] }), looked)).toBeUndefined();
});

test('midnight is hour 0 of the new day', () => {
  expect(localTime(Date.UTC(2026, 10, 21), 'UTC')).toEqual({ date: '2026-11-21', hour: 0 });
  expect(localTime(Date.UTC(2026, 10, 21), 'Asia/Kolkata')).toEqual({
    date: '2026-11-21',
    hour: 5,
  });
});

test('a report has what came, without what was asked for once more', () => {
  const runs = [
    aRun(),
    aRun({ state: 'failed', accepted: 1 }),
    aRun({ warnings: ['gap', 'late'] }),
    aRun({ kind: 'replay', accepted: 1_000, state: 'failed' }),
  ];
  expect(reportOf(runs, '42')).toEqual({ processed: 11, warnings: 1, errors: 1, checkpoint: '42' });
  expect(reportOf([], undefined)).toEqual({ processed: 0, warnings: 0, errors: 0 });
});

import { lineTimeMs } from './line-time';

test.each<[string, string]>([
  ['2015-10-18 18:01:47,978 INFO [main] org.apache.hadoop: Created', '2015-10-18T18:01:47.978Z'],
  [
    'nova-api.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25746 INFO nova',
    '2017-05-16T00:00:00.008Z',
  ],
  ['[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok', '2005-12-04T04:47:44.000Z'],
  ['127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200', '2000-10-10T20:55:36.000Z'],
  ['2026-11-21T10:48:00.123456Z apply', '2026-11-21T10:48:00.123Z'],
  ['2026-11-21T10:48:00+01:00 apply', '2026-11-21T09:48:00.000Z'],
  ['time="2026-11-21T10:48:00Z" level=info', '2026-11-21T10:48:00.000Z'],
])('%s', (line, iso) => {
  expect(new Date(lineTimeMs(line) ?? NaN).toISOString()).toBe(iso);
});

test.each([
  'no date at all',
  `${'x'.repeat(100)} 2026-11-21T10:48:00Z`,
  '2026-11-21 without a time',
  '[Sun Foo 04 04:47:44 2005]',
])('%s says no time', (line) => {
  expect(lineTimeMs(line)).toBeUndefined();
});

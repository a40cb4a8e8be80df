import { Misuse } from '../misuse';
import { connect, DEFAULT_URL } from './connection';

const local = { url: 'http://127.0.0.1:19381', password: 'made up' };
const started = () => ({ console: local });
const never = () => undefined;
const elsewhere = 'https://console.example.com';

test.each<[string, object, NodeJS.ProcessEnv, string]>([
  ['npm start alone is asked', {}, {}, local.url],
  ['with a key too', {}, { LOGFERRY_CONSOLE_KEY: 'lf_key' }, local.url],
  [
    'the one that the environment names goes before it',
    {},
    { LOGFERRY_CONSOLE_URL: elsewhere, LOGFERRY_CONSOLE_KEY: 'lf_key' },
    elsewhere,
  ],
  ['and the one that the command names', { url: elsewhere, key: 'lf_key' }, {}, elsewhere],
])('where the console is: %s', (_, given, environment, url) => {
  expect(connect(given, environment, started).url).toBe(url);
});

test('where npm start has not run, the console is at its usual port, and a key is needed', () => {
  const environment = { LOGFERRY_CONSOLE_KEY: 'lf_key' };
  expect(connect({}, environment, never).url).toBe(DEFAULT_URL);
  expect(() => connect({}, {}, never)).toThrow(Misuse);
});

test('the password of npm start is shown to its console alone', () => {
  expect(() => connect({ url: elsewhere }, {}, started)).toThrow(Misuse);
});

import { Secret } from '@logferry/runtime';
import { Login } from './login';

const PASSWORD = 'correct horse battery staple';
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const HERE = '192.0.2.1';

function world(password = PASSWORD, loginHours = 12) {
  const clock = { nowMs: Date.UTC(2026, 10, 21) };
  const login = new Login({
    password: new Secret(password),
    loginHours,
    now: () => clock.nowMs,
  });
  return { login, clock };
}

/** What a browser sends back of a cookie that it was given. */
function sent(cookie: string | undefined): { cookie: string } {
  return { cookie: cookie?.split(';')[0] ?? '' };
}

const basic = (text: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(text).toString('base64')}`,
});

test('the right password opens a login, and no other does', () => {
  const { login } = world();
  expect(login.isOpen(sent(login.open(PASSWORD, HERE, false)), HERE)).toBe(true);
  for (const wrong of ['', PASSWORD.toUpperCase(), `${PASSWORD} `, PASSWORD.slice(1), '[secret]'])
    expect(login.open(wrong, HERE, false)).toBeUndefined();
});

test('the cookie is for this console alone, out of reach of scripts and of other sites', () => {
  const { login } = world();
  const cookie = login.open(PASSWORD, HERE, false);
  expect(cookie).toMatch(
    /^logferry_login=\d+\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
  );
  expect(cookie).not.toContain('horse');
  expect(login.open(PASSWORD, HERE, true)).toMatch(/; Secure$/);
  expect(login.close(true)).toBe(
    'logferry_login=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0; Secure',
  );
});

test('a login is good for its hours and not a millisecond longer', () => {
  const { login, clock } = world(PASSWORD, 2);
  const loggedIn = sent(login.open(PASSWORD, HERE, false));
  clock.nowMs += 2 * HOUR_MS - 1;
  expect(login.isOpen(loggedIn, HERE)).toBe(true);
  clock.nowMs += 1;
  expect(login.isOpen(loggedIn, HERE)).toBe(false);
});

test('another console with the same password knows the login, and one with a new password does not', () => {
  const loggedIn = sent(world().login.open(PASSWORD, HERE, false));
  expect(world().login.isOpen(loggedIn, HERE)).toBe(true);
  expect(world('another password of theirs').login.isOpen(loggedIn, HERE)).toBe(false);
});

test('a login is found among other cookies', () => {
  const { login } = world();
  const { cookie } = sent(login.open(PASSWORD, HERE, false));
  expect(login.isOpen({ cookie: `a=b; ${cookie};c=d` }, HERE)).toBe(true);
  expect(login.isOpen({ cookie: `x${cookie}` }, HERE)).toBe(false);
});

test('a cookie that anybody has had a hand in is none, and no reason to fall over', () => {
  const { login, clock } = world();
  const { cookie } = sent(login.open(PASSWORD, HERE, false));
  const [name = '', until = '', signature = ''] = cookie.split(/[=.]/);
  const later = String(Number(until) + 1);
  for (const value of [
    `${later}.${signature}`,
    `${until}.${signature.slice(1)}`,
    `${until}.${signature}A`,
    `${until}.${signature.replace(/./, (first) => (first === 'A' ? 'B' : 'A'))}`,
    `${until}`,
    `.${signature}`,
    `${until}.`,
    '.',
    '',
    `Infinity.${signature}`,
    `NaN.${signature}`,
    // As many characters as a signature has, but more bytes.
    `${until}.${'é'.repeat(signature.length)}`,
    `${until}.${'\u{1f6a2}'.repeat(signature.length)}`,
  ])
    expect(login.isOpen({ cookie: `${name}=${value}` }, HERE)).toBe(false);
  clock.nowMs = 0;
  expect(login.isOpen({ cookie: `${name}=${later}.${signature}` }, HERE)).toBe(false);
});

test('a script may show the password itself, under any name', () => {
  const { login } = world();
  expect(login.isOpen(basic(`ops:${PASSWORD}`), HERE)).toBe(true);
  expect(login.isOpen(basic(`:${PASSWORD}`), HERE)).toBe(true);
  const { authorization } = basic(`:${PASSWORD}`);
  expect(login.isOpen({ authorization: authorization.replace('Basic', 'basic') }, HERE)).toBe(true);
  for (const wrong of [
    basic(`ops:${PASSWORD}x`),
    basic('ops:'),
    basic(''),
    { authorization: 'Basic' },
    { authorization: `Bearer ${PASSWORD}` },
    { authorization: '' },
    {},
  ])
    expect(login.isOpen(wrong, HERE)).toBe(false);
});

test('a password may hold a colon', () => {
  const password = 'correct:horse:battery';
  expect(world(password).login.isOpen(basic(`ops:${password}`), HERE)).toBe(true);
});

test('ten wrong passwords a minute may be tried from an address; then even the right one has to wait', () => {
  const { login, clock } = world();
  for (let i = 0; i < 10; i++) {
    expect(login.mayTry(HERE)).toBe(true);
    login.open('wrong', HERE, false);
  }
  expect(login.mayTry(HERE)).toBe(false);
  expect(login.open(PASSWORD, HERE, false)).toBeUndefined();
  expect(login.mayTry('192.0.2.2')).toBe(true);
  clock.nowMs += MINUTE_MS - 1;
  expect(login.mayTry(HERE)).toBe(false);
  clock.nowMs += 1;
  expect(login.open(PASSWORD, HERE, false)).toBeDefined();
});

test('however many addresses guess, only the one that began first is forgotten', () => {
  const { login } = world();
  const guess = (address: string, times: number): void => {
    for (let i = 0; i < times; i++) login.open('wrong', address, false);
  };
  guess('192.0.2.9', 1);
  guess(HERE, 10);
  for (let i = 0; i < 9_999; i++) guess(`10.0.${i >> 8}.${i & 255}`, 1);
  expect(login.mayTry(HERE)).toBe(false);
  guess('10.1.0.0', 1);
  expect(login.mayTry(HERE)).toBe(true);
});

test('guessing by way of Basic authentication is as slow', () => {
  const { login } = world();
  for (let i = 0; i < 10; i++) login.isOpen(basic('ops:wrong'), HERE);
  expect(login.isOpen(basic(`ops:${PASSWORD}`), HERE)).toBe(false);
  expect(login.mayTry(HERE)).toBe(false);
  expect(login.isOpen(basic(`ops:${PASSWORD}`), '192.0.2.2')).toBe(true);
});

test('whoever knows the password is never slowed, however often it is shown', () => {
  const { login } = world();
  for (let i = 0; i < 100; i++) {
    expect(login.isOpen(basic(`ops:${PASSWORD}`), HERE)).toBe(true);
    expect(login.open(PASSWORD, HERE, false)).toBeDefined();
  }
});

test('a login stays good while somebody else at its address guesses', () => {
  const { login } = world();
  const loggedIn = sent(login.open(PASSWORD, HERE, false));
  for (let i = 0; i < 20; i++) login.open('wrong', HERE, false);
  expect(login.isOpen(loggedIn, HERE)).toBe(true);
});

import { AUTH0_DOMAINS_STANDARD, isAllowedAuth0Domain } from './auth0-domain';

test.each([
  ['acme.auth0.com', true],
  ['acme.eu.auth0.com', true],
  ['ACME.EU.auth0.com', true],
  ['auth0.com', false],
  ['.auth0.com', false],
  ['evilauth0.com', false],
  ['acme.auth0.com.evil.example', false],
  ['169.254.169.254', false],
  ['localhost', false],
])('whether we ask at %s: %s', (domain, may) => {
  expect(isAllowedAuth0Domain(domain, AUTH0_DOMAINS_STANDARD)).toBe(may);
});

test('a platform may name other endings, and single domains', () => {
  const allowed = ' .auth0.example , tenant.login.example,,';
  expect(isAllowedAuth0Domain('a.auth0.example', allowed)).toBe(true);
  expect(isAllowedAuth0Domain('tenant.login.example', allowed)).toBe(true);
  expect(isAllowedAuth0Domain('other.login.example', allowed)).toBe(false);
  expect(isAllowedAuth0Domain('a.auth0.com', allowed)).toBe(false);
  expect(isAllowedAuth0Domain('a.auth0.com', '')).toBe(false);
});

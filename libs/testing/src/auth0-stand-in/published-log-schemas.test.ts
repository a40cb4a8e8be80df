// Generated log events are such as Auth0's published schemas want: of each type, what it must have is there, and of the right kind.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Auth0Tenant } from './auth0-tenant';

type Kinds = readonly string[];
interface Field {
  name: string;
  kinds: Kinds;
  mayBeMissing: boolean;
}

const words = (text = ''): string[] => text.split(' ').filter((word) => word !== '');
const fieldOf = (word: string): Field => {
  const [name = '', kinds = ''] = word.split(':');
  return { name: name.replace('?', ''), kinds: kinds.split('|'), mayBeMissing: name.endsWith('?') };
};

const lines = readFileSync(join(__dirname, 'published-log-schemas.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
const [, ...kindWords] = words(lines[0]);
const kindsOf = new Map(kindWords.map(fieldOf).map(({ name, kinds }) => [name, kinds]));
const [, ...always] = words(lines[1]);
const published = lines.slice(2).map((line) => {
  const [fields = '', details] = line.split(' / ');
  const [type = '', ...further] = words(fields);
  return { type, required: [...always, ...further], details: words(details).map(fieldOf) };
});

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

const fits = (value: unknown, kinds: Kinds): boolean =>
  kinds.includes(kindOf(value)) || (Number.isInteger(value) && kinds.includes('integer'));

test('there are the schemas of all types', () => {
  expect(published).toHaveLength(166);
});

test.each(published)('$type', ({ type, required, details }) => {
  const tenant = new Auth0Tenant({ domain: 'acme.eu.auth0.com' }, () => Date.UTC(2026, 10, 21));
  for (const log of tenant.fill(20, { types: [type] })) {
    const fields = log as Record<string, unknown>;
    expect(required.filter((name) => fields[name] === undefined)).toEqual([]);
    const wrong = Object.entries(fields).filter(
      ([name, value]) => kindsOf.has(name) && !fits(value, kindsOf.get(name) ?? []),
    );
    expect(wrong).toEqual([]);
    const inside = fields.details as Record<string, unknown> | undefined;
    if (inside === undefined) continue;
    const amiss = details.filter(({ name, kinds, mayBeMissing }) =>
      inside[name] === undefined ? !mayBeMissing : !fits(inside[name], kinds),
    );
    expect(amiss).toEqual([]);
  }
});

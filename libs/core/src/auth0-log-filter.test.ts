// Each row of what LOG_LEVEL and LOG_TYPES did in Auth0's extension, and what they do here.
import { auth0Filter } from './auth0-log-filter';
import { auth0LogTypes } from './auth0-log-types';

/** What the extension knew, which is what its numbers were counted of. */
const known = [...auth0LogTypes.keys()].slice(0, 98);
const all = [...auth0LogTypes.keys()];

const passing = (codes: string[], filter: Parameters<typeof auth0Filter>[0]): number =>
  codes.filter(auth0Filter(filter)).length;

test.each([
  { logLevel: undefined, logTypes: [], ofExtension: 98, unknown: true },
  { logLevel: 0, logTypes: [], ofExtension: 98, unknown: true },
  { logLevel: 1, logTypes: [], ofExtension: 98, unknown: true },
  { logLevel: 2, logTypes: [], ofExtension: 51, unknown: true },
  { logLevel: 3, logTypes: [], ofExtension: 46, unknown: true },
  { logLevel: 4, logTypes: [], ofExtension: 6, unknown: true },
  { logLevel: 4, logTypes: ['s'], ofExtension: 7, unknown: true },
  { logLevel: undefined, logTypes: ['s'], ofExtension: 1, unknown: false },
  { logLevel: undefined, logTypes: ['s', 'fp'], ofExtension: 2, unknown: false },
  // The blank of the form alone matched nothing, and everything was lost while the checkpoint went on.
  { logLevel: undefined, logTypes: ['-'], ofExtension: 98, unknown: true },
  { logLevel: 4, logTypes: ['-'], ofExtension: 6, unknown: true },
])(
  'LOG_LEVEL $logLevel and LOG_TYPES $logTypes let $ofExtension of 98 through',
  ({ ofExtension, unknown, ...filter }) => {
    expect(passing(known, filter)).toBe(ofExtension);
    expect(auth0Filter(filter)('brand_new')).toBe(unknown);
  },
);

test.each([
  [1, 178],
  [2, 51 + 43],
  [3, 46 + 37],
  [4, 7],
])('level %i lets the newer codes through too, of which the extension lost all', (logLevel, of) => {
  expect(passing(all, { logLevel, logTypes: [] })).toBe(of);
});

test('a type that nobody knows may be named', () => {
  const passes = auth0Filter({ logLevel: undefined, logTypes: ['brand_new'] });
  expect([passes('brand_new'), passes('s'), passes('another_new')]).toEqual([true, false, false]);
});

import { Destination } from './destination';
import { isTypeTaken } from './type-taken';

const aDestination = (over: Record<string, unknown> = {}): Destination =>
  Destination.parse({
    id: 'logs',
    preset: 'auth0',
    region: 'eu-central-1',
    credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
    type: 's3',
    s3: { bucket: 'acme-logs' },
    ...over,
  });

const ofTenant = { type: 'tenant', scope: '' };
const ofWeb = { type: 'tenant', scope: 'project/web' };

test.each<[string, Record<string, unknown>[], typeof ofTenant, boolean]>([
  ['nobody', [], ofTenant, false],
  ['one without a filter', [{}], ofTenant, true],
  ['one that is switched off', [{ enabled: false }], ofTenant, false],
  ['one beside one that is switched off', [{ enabled: false }, { id: 'other' }], ofTenant, true],
  ['one that names the type', [{ filter: { types: ['audit', 'tenant'] } }], ofTenant, true],
  ['one that names others', [{ filter: { types: ['audit'] } }], ofTenant, false],
  ['one of a scope above', [{ filter: { scopes: ['project'] } }], ofWeb, true],
  ['one of another scope', [{ filter: { scopes: ['project/api'] } }], ofWeb, false],
  ['one of a scope, for what has none', [{ filter: { scopes: ['project'] } }], ofTenant, false],
  ['one that asks for a level', [{ filter: { levels: ['error'] } }], ofTenant, true],
  [
    'one whose place another has taken that is off',
    [{}, { id: 'web', override: { scope: 'project/web' }, enabled: false }],
    ofWeb,
    false,
  ],
])('%s', (_, destinations, of, isTaken) => {
  expect(isTypeTaken(destinations.map(aDestination), of)).toBe(isTaken);
});

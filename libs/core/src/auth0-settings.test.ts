// The extension's settings as its forms store them, row by row.
import { eventsStandard } from './channel';
import { readAuth0Settings, type Auth0Import } from './auth0-settings';

const minimal = {
  AUTH0_DOMAIN: 'acme.eu.auth0.com',
  AUTH0_CLIENT_ID: 'aClientOfTheExtension',
  AUTH0_CLIENT_SECRET: 'the-secret-of-the-client',
  CLOUDWATCH_LOG_GROUP_NAME: '/auth0/acme',
  CLOUDWATCH_LOG_STREAM_NAME: 'logs',
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_KEY: 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY',
  AWS_REGION: 'eu-central-1',
};
const hook = 'https://hooks.slack.com/services/T0/B0/x';
const roleArn = 'arn:aws:iam::123456789012:role/logferry';

const read = (
  over: Record<string, unknown> = {},
  options: { roleArn?: string } = {},
): Auth0Import => readAuth0Settings({ ...minimal, ...over }, { id: 'auth0', ...options });
const told = (result: Auth0Import, name: string): string[] =>
  result.problems.filter((p) => p.name === name).map(({ kind, message }) => `${kind}: ${message}`);

test('what the extension needs makes a source and a destination, with its own defaults', () => {
  const { source, destination, channel, problems } = read();
  expect(source).toMatchObject({
    id: 'auth0',
    domain: 'acme.eu.auth0.com',
    clientId: 'aClientOfTheExtension',
    clientSecret: 'the-secret-of-the-client',
    schedule: '0 */5 * * * *',
    batchSize: 100,
    logTypes: [],
  });
  expect([source?.startFrom, source?.logLevel]).toEqual([undefined, undefined]);
  expect(destination).toMatchObject({
    id: 'auth0-cloudwatch',
    type: 'cloudwatch',
    preset: 'auth0',
    region: 'eu-central-1',
    filter: { types: ['tenant'] },
    credentials: { kind: 'access_key', accessKeyId: 'AKIAIOSFODNN7EXAMPLE' },
    cloudwatch: { logGroup: '/auth0/acme', logStream: 'logs' },
  });
  expect(channel).toBeUndefined();
  expect(problems.map(({ name }) => name)).toEqual(['AWS_ACCESS_KEY_ID']);
});

test.each([
  ['100', 100, 0, 100],
  [100, 100, 0, 100],
  ['1', 1, 0, 1],
  ['99', 99, 0, 99],
  ['101', 100, 1, 101],
  ['1000', 100, 1, 1_000],
  [1000, 100, 1, 1_000],
  ['9999', 100, 1, 9_999],
  ['10000', 100, 1, 10_000],
  ['10001', 100, 1, 10_000],
  ['0', 100, 1, 10_000],
  ['-5', 100, 1, 10_000],
  ['many', 100, 1, 10_000],
  ['50 logs', 50, 1, 50],
  ['', 100, 0, 10_000],
  [null, 100, 0, 10_000],
])('BATCH_SIZE %p asks Auth0 for %i', (entered, batchSize, warnings, ofOneCall) => {
  const result = read({ BATCH_SIZE: entered });
  expect(result.source?.batchSize).toBe(batchSize);
  expect(told(result, 'BATCH_SIZE')).toHaveLength(warnings);
  // And AWS is given as many with one call.
  expect(result.destination).toMatchObject({ cloudwatch: { batchLogEventsMax: ofOneCall } });
});

test.each([
  ['-', undefined],
  ['', undefined],
  ['0', 0],
  [0, 0],
  ['1', 1],
  [2, 2],
  ['3', 3],
  ['4', 4],
  ['4 Critical', 4],
  ['debug', 0],
  ['Info', 1],
  ['warning', 2],
  ['warn', 2],
  ['Errors', 3],
  ['critical', 4],
  [['3'], 3],
  [['3', '4'], 3],
])('LOG_LEVEL %p is level %p', (entered, logLevel) => {
  const result = read({ LOG_LEVEL: entered });
  expect(result.source?.logLevel).toBe(logLevel);
});

test.each(['5', '-1', 'loud', '12', 'e'])('LOG_LEVEL %p is a fault', (entered) => {
  const result = read({ LOG_LEVEL: entered });
  expect(told(result, 'LOG_LEVEL')).toEqual([expect.stringMatching(/^fault: must be 0 to 4/)]);
  expect(result.source).toBeUndefined();
  expect(result.destination).toBeDefined();
});

test('several levels, which the extension took for none, are the lowest, and it is said', () => {
  expect(told(read({ LOG_LEVEL: ['4', '3'] }), 'LOG_LEVEL')).toEqual([
    expect.stringContaining('the lowest of several'),
  ]);
});

test.each([
  ['s,fp', ['s', 'fp'], 0],
  [' s , fp ', ['s', 'fp'], 0],
  [['s', 'fp', 's'], ['s', 'fp'], 0],
  ['-', [], 1],
  [['-'], [], 1],
  [['-', 's'], ['s'], 1],
  ['', [], 0],
  ['s,brand_new', ['s', 'brand_new'], 1],
])('LOG_TYPES %p are %p', (entered, logTypes, warnings) => {
  const result = read({ LOG_TYPES: entered });
  expect(result.source?.logTypes).toEqual(logTypes);
  expect(told(result, 'LOG_TYPES')).toHaveLength(warnings);
});

test('START_FROM is behind which log event it begins, and that is said', () => {
  const result = read({ START_FROM: '90020211201185132572079310688835925971249535794074878050' });
  expect(result.source).toMatchObject({
    startFrom: '90020211201185132572079310688835925971249535794074878050',
    startFromInclusive: false,
  });
  expect(told(result, 'START_FROM')).toEqual([expect.stringContaining('startFromInclusive')]);
});

test.each([
  ['*/5 * * * *', '*/5 * * * *'],
  ['0 */10 * * * *', '0 */10 * * * *'],
  ['', '0 */5 * * * *'],
])('Schedule %p is %p', (entered, schedule) => {
  expect(read({ Schedule: entered }).source?.schedule).toBe(schedule);
});

test.each(['every 5 minutes', 'hourly', '* * * *'])('Schedule %p is a fault', (entered) => {
  expect(told(read({ Schedule: entered }), 'Schedule')).toEqual([expect.stringMatching(/^fault/)]);
});

test.each(['SLACK_INCOMING_WEBHOOK_URL', 'SLACK_INCOMING_WEBHOOK'])(
  '%s makes a channel for this source and this destination',
  (name) => {
    const { channel } = read({ [name]: hook });
    expect(channel).toMatchObject({
      id: 'auth0-slack',
      kind: 'slack',
      url: hook,
      sources: ['auth0'],
      destinations: ['auth0-cloudwatch'],
      events: eventsStandard,
      dailyReportHour: 16,
    });
  },
);

test('of both names the longer one wins, and neither address is told', () => {
  const other = 'https://hooks.slack.com/services/T1/B1/y';
  const result = read({ SLACK_INCOMING_WEBHOOK: other, SLACK_INCOMING_WEBHOOK_URL: hook });
  expect(result.channel?.url).toBe(hook);
  expect(told(result, 'SLACK_INCOMING_WEBHOOK')).toEqual([
    'warning: is another name of SLACK_INCOMING_WEBHOOK_URL, which wins',
  ]);
  expect(JSON.stringify(result.problems)).not.toContain('hooks.slack.com');
});

test.each([
  [true, true],
  ['true', true],
  ['True', true],
  [false, false],
  ['false', false],
  ['yes', false],
  [undefined, false],
])('SLACK_SEND_SUCCESS %p tells of runs that went well: %p', (entered, tells) => {
  const result = read({ SLACK_INCOMING_WEBHOOK_URL: hook, SLACK_SEND_SUCCESS: entered });
  expect(result.channel?.events.includes('run.succeeded')).toBe(tells);
  // The daily report is sent either way.
  expect(result.channel?.events).toContain('report.daily');
});

test.each([
  ['9', 9, 0],
  [0, 0, 0],
  ['23', 23, 0],
  ['24', 16, 1],
  ['noon', 16, 1],
  [undefined, 16, 0],
])('DAILY_REPORT_TIME %p is hour %i', (entered, hour, warnings) => {
  const result = read({ SLACK_INCOMING_WEBHOOK_URL: hook, DAILY_REPORT_TIME: entered });
  expect(result.channel?.dailyReportHour).toBe(hour);
  expect(told(result, 'DAILY_REPORT_TIME')).toHaveLength(warnings);
});

test.each([
  ['https://acme.eu.auth0.com/', 'acme.eu.auth0.com'],
  ['Acme.EU.auth0.com', 'acme.eu.auth0.com'],
])('AUTH0_DOMAIN %p is %p', (entered, domain) => {
  const result = read({ AUTH0_DOMAIN: entered });
  expect(result.source?.domain).toBe(domain);
  expect(told(result, 'AUTH0_DOMAIN')).toHaveLength(1);
});

test.each([
  'AUTH0_DOMAIN',
  'AUTH0_CLIENT_ID',
  'AUTH0_CLIENT_SECRET',
  'CLOUDWATCH_LOG_GROUP_NAME',
  'CLOUDWATCH_LOG_STREAM_NAME',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_KEY',
  'AWS_REGION',
])('%s is needed, and named once where it is missing', (name) => {
  const result = read({ [name]: ' ' });
  expect(told(result, name)).toEqual([expect.stringContaining('is missing')]);
  expect(result.source === undefined || result.destination === undefined).toBe(true);
});

test('every fault is told at once, by the name of its setting, and no secret with it', () => {
  const { problems } = read({
    AUTH0_DOMAIN: 'not a domain',
    AUTH0_CLIENT_SECRET: 'short',
    AWS_REGION: 'frankfurt',
    AWS_SECRET_KEY: 'no secret!',
    CLOUDWATCH_LOG_GROUP_NAME: 'a:b',
    CLOUDWATCH_LOG_STREAM_NAME: '{attributes.x}',
    START_FROM: 'a log',
  });
  const faults = problems.filter(({ kind }) => kind === 'fault').map(({ name }) => name);
  expect(new Set(faults)).toEqual(
    new Set([
      'AUTH0_DOMAIN',
      'AUTH0_CLIENT_SECRET',
      'AWS_REGION',
      'AWS_SECRET_KEY',
      'CLOUDWATCH_LOG_GROUP_NAME',
      'CLOUDWATCH_LOG_STREAM_NAME',
      'START_FROM',
    ]),
  );
  expect(faults).toHaveLength(7);
  expect(JSON.stringify(problems)).not.toMatch(/short|no secret!/);
});

test('a role takes the place of the access key, which is named as one to be deleted', () => {
  const result = read({}, { roleArn });
  expect(result.destination?.credentials).toMatchObject({ kind: 'web_identity', roleArn });
  expect(told(result, 'AWS_ACCESS_KEY_ID')).toEqual([expect.stringContaining('Delete the key')]);
  const without = read({ AWS_ACCESS_KEY_ID: '', AWS_SECRET_KEY: undefined }, { roleArn });
  expect(without.problems).toEqual([]);
  expect(read({}, { roleArn: 'a role' }).problems).toContainEqual(
    expect.objectContaining({ kind: 'fault', name: 'destination.credentials.roleArn' }),
  );
});

test.each([
  ['AWS_ACCESS_KEY', 'AWS_ACCESS_KEY_ID'],
  ['AWS_SECRET_ACCESS_KEY', 'AWS_SECRET_KEY'],
  ['LOG_GROUP', 'CLOUDWATCH_LOG_GROUP_NAME'],
  ['LOG_STREAM', 'CLOUDWATCH_LOG_STREAM_NAME'],
] as const)('%s, of a fork or a slip, is read as %s', (alias, name) => {
  const { [name]: value, ...others } = minimal;
  const result = readAuth0Settings({ ...others, [alias]: value }, { id: 'auth0' });
  expect(result.destination).toEqual(read().destination);
  expect(told(result, alias)).toEqual([`warning: is another name of ${name}, and read as that`]);
});

test('names are read however the form shows them; one that is not known is named and left out', () => {
  const result = read({ 'batch size': '7', PAPERTRAIL_HOST: 'x', EXTENSION_SECRET: 'y' });
  expect(result.source?.batchSize).toBe(7);
  expect(told(result, 'PAPERTRAIL_HOST')).toEqual([expect.stringContaining('left out')]);
  expect(told(result, 'EXTENSION_SECRET')).toEqual([]);
});

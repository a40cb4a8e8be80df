// The examples of the OpenAPI document. A test sends each of them to a console, which must take it.

export const aTenant = { name: 'Acme Corporation' };

export const aDestination = {
  type: 'cloudwatch',
  enabled: true,
  region: 'eu-central-1',
  credentials: {
    kind: 'web_identity',
    roleArn: 'arn:aws:iam::123456789012:role/logferry',
    sessionDurationSeconds: 3_600,
  },
  filter: { types: ['deployment'] },
  keep: { forMs: 86_400_000, bytesMax: 268_435_456 },
  cloudwatch: {
    logGroup: 'deployments',
    logStream: '{attributes.deploymentId}',
    retentionDays: 30,
  },
};

export const aChannel = {
  kind: 'webhook',
  url: 'https://ops.acme.com/logferry',
  events: ['destination.suspended', 'destination.resumed', 'run.failed'],
};

export const aSource = {
  type: 'auth0',
  domain: 'acme.eu.auth0.com',
  clientId: 'AaBbCcDdEeFfGgHhIiJjKkLlMmNnOoPp',
  clientSecret: 'as-auth0-shows-it-for-the-application',
  schedule: '0 */5 * * * *',
  batchSize: 100,
  logLevel: 2,
  logTypes: ['s'],
};

export const aCheckpoint = {
  after: '90020211201185132572079310688835925971249535794074878050',
};

export const aReplay = {
  from: { time: '2026-11-20T00:00:00Z' },
  to: { time: '2026-11-21T00:00:00Z' },
};

export const someVariables = {
  variables: {
    ENV0_CLOUDWATCH_ROLE_ARN: 'arn:aws:iam::123456789012:role/logferry',
    ENV0_CLOUDWATCH_AWS_REGION: 'eu-central-1',
    ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: 'prod/',
  },
};

export const aKey = { name: 'terraform', tenant: 'acme', scopes: ['read', 'admin'] };

export const aKeyChange = { name: 'terraform, production', scopes: ['read'] };

export const aKeptReplay = {
  by: 'delivered',
  from: '2026-11-21T10:00:00Z',
  to: '2026-11-21T11:00:00Z',
  mark: true,
};

export const aProblem = {
  code: 'config.invalid',
  message: 'nothing was written: 2 problems',
  requestId: '5f3c9a1b2d4e-1',
  problems: [
    { path: '$.region', message: 'must be the name of an AWS Region, such as eu-central-1' },
    { path: '$.filter.types[1]', message: 'must be a string' },
  ],
};

// What is switched on with a role that trusts others, over HTTP. AWS is asked in the Region of the destination: where there is no such
// Region, it says nothing, and that must be no way around its answer.
import type { RunningApp } from '@logferry/runtime';
import { startSessionBroker, type SessionBroker } from '@logferry/testing';
import { useConsoleTestbed } from './console.testbed';

const bed = useConsoleTestbed();

const DEAD = 'xx-nowhere-1';
const LIVE = 'eu-central-1';
const roleArn = 'arn:aws:iam::123456789012:role/too-wide';

let broker: SessionBroker;
let app: RunningApp;

beforeAll(async () => {
  broker = await startSessionBroker((request) => {
    const { region } = request as unknown as { region: string };
    const answer = { outcome: region === DEAD ? 'unknown' : 'accepted' };
    return answer as unknown as ReturnType<Parameters<typeof startSessionBroker>[0]>;
  });
  app = await bed.startApp({ LOGFERRY_BROKER_TCP_PORT: String(broker.port) });
});
beforeEach(() => bed.call('/v1/tenants/acme', { method: 'PUT', body: {} }));
afterAll(async () => {
  await app.close();
  await broker.stop();
});

type Ways = [string, (region: string) => { path: string; body: object }][];
const ways: Ways = [
  [
    'a destination',
    (region) => ({
      path: '/v1/tenants/acme/destinations/logs',
      body: {
        type: 's3',
        region,
        s3: { bucket: 'acme-logs' },
        credentials: { kind: 'web_identity', roleArn },
      },
    }),
  ],
  [
    'variables',
    (region) => ({
      path: '/v1/tenants/acme/variables',
      body: {
        variables: { ENV0_CLOUDWATCH_ROLE_ARN: roleArn, ENV0_CLOUDWATCH_AWS_REGION: region },
      },
    }),
  ],
  [
    'variables that take the Region of their scope',
    (region) => ({
      path: '/v1/tenants/acme/variables',
      body: {
        region,
        variables: {
          ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED: 'True',
          ASTRO_CLOUDWATCH_ROLE_ARN: roleArn,
        },
      },
    }),
  ],
];

const regions = async (): Promise<string[]> =>
  Object.values(await bed.redis.hgetall('{lf}:destinations:acme')).map(
    (json) => (JSON.parse(json) as { region: string }).region,
  );

test.each(ways)('%s cannot be moved with it from a Region that there is not', async (_, of) => {
  const put = (region: string) => {
    const { path, body } = of(region);
    return bed.json(path, { method: 'PUT', to: app, body });
  };
  const refused = { status: 422, body: { code: 'config.refused' } };
  expect((await put(DEAD)).status).toBe(201);
  expect(await regions()).toEqual([DEAD]);
  expect(await put(LIVE)).toMatchObject(refused);
  expect(await regions()).toEqual([DEAD]);
});

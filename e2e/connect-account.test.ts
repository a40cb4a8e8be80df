// A new customer connects an account with nothing but what the console prints, and is told what is wrong with it.
import { until } from '@logferry/testing';
import { ACCOUNT, REGION, Stack, TENANT } from './stack';

const ROLE = `arn:aws:iam::${ACCOUNT}:role/new-customer`;
const path = `/v1/tenants/${TENANT}/destinations/new`;

interface Printed {
  trustPolicy: { Statement: { Condition: { StringEquals: Record<string, string> } }[] };
  permissionPolicy: { document: object };
}
interface Tested {
  outcome: string;
  isCurrent?: boolean;
  steps: { step: string; outcome: string; code?: string }[];
}

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
  await until(async () => (await stack.console('/health/ready')).status === 200);
}, 120_000);
afterAll(() => stack.stop());

const destination = (over: object = {}): object => ({
  type: 'cloudwatch',
  region: REGION,
  credentials: { kind: 'web_identity', roleArn: ROLE },
  cloudwatch: { logGroup: 'new-logs', logStream: 'all', lingerMs: 200 },
  ...over,
});

const send = async (method: string, to: string, body?: object): Promise<Response> =>
  stack.console(to, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
const json = async <T>(answer: Promise<Response>): Promise<T> =>
  (await answer).json() as Promise<T>;

function paste(trustPolicy: object, permissions: object): void {
  aws().seed({ roles: [{ arn: ROLE, trustPolicy, policies: [permissions] }] });
}
const aws = () => stack.aws;

test('with the printed policies only, the test is green and logs arrive; a role that trusts others is refused', async () => {
  const printed = await json<Printed>(send('POST', `${path}/policy`, destination()));
  paste(printed.trustPolicy, printed.permissionPolicy.document);
  expect((await send('PUT', path, destination())).status).toBe(201);

  const tested = await json<Tested>(send('POST', `${path}/test`));
  expect(tested.steps.map(({ step, outcome }) => [step, outcome])).toEqual([
    ['session', 'ok'],
    ['identity', 'ok'],
    ['write', 'ok'],
    ['decoy', 'ok'],
  ]);
  await stack.send([{ message: 'the first of a new customer' }]);
  await until(() => stack.messages('all', 'new-logs').includes('the first of a new customer'));

  const [statement] = printed.trustPolicy.Statement;
  const { StringEquals } = statement?.Condition ?? { StringEquals: {} };
  const audience = Object.entries(StringEquals).filter(([name]) => name.endsWith(':aud'));
  const wide = {
    ...printed.trustPolicy,
    Statement: [{ ...statement, Condition: { StringEquals: Object.fromEntries(audience) } }],
  };
  paste(wide, printed.permissionPolicy.document);
  const answer = await stack.console(`${path}/test`, {
    method: 'POST',
    headers: { accept: 'application/x-ndjson' },
  });
  const lines = (await answer.text()).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { step: 'session', outcome: 'ok' },
    { step: 'identity', outcome: 'ok' },
    { step: 'write', outcome: 'ok' },
    { step: 'decoy', outcome: 'failed', code: 'credential.trusts_others' },
    { outcome: 'failed' },
  ]);
  expect(await json<Tested>(send('GET', `${path}/test`))).toMatchObject({
    outcome: 'failed',
    isCurrent: true,
  });
  const overview = await (await stack.console('/')).text();
  expect(overview).toContain('acme/new');
  expect(overview).toContain('AWS lets another tenant assume the role');

  // What is on is held, and nothing is lost.
  const held = async (): Promise<unknown> =>
    json<{ heldDestinations: { destination: string; reason: string }[] }>(
      send('GET', '/v1/held-destinations'),
    );
  const sent: string[] = [];
  await until(
    async () => {
      const message = `while others could come in, ${sent.length}`;
      if ((await stack.send([{ message }]))?.status === 202) sent.push(message);
      return JSON.stringify(await held()).includes('"credential.trusts_others"');
    },
    { intervalMs: 300 },
  );
  const audit = await json<{ entries: object[] }>(
    send('GET', `/v1/audit?tenant=${TENANT}&order=newest`),
  );
  expect(audit.entries[0]).toMatchObject({
    by: { kind: 'check' },
    action: 'created',
    kind: 'wide_role',
    record: `web_identity ${ROLE}`,
  });

  expect((await send('PUT', path, destination({ enabled: false }))).status).toBe(200);
  const refused = await send('PUT', path, destination());
  expect(refused.status).toBe(422);
  expect(await refused.json()).toMatchObject({ code: 'config.refused' });

  paste(printed.trustPolicy, printed.permissionPolicy.document);
  expect(await json<Tested>(send('POST', `${path}/test`))).toMatchObject({ outcome: 'passed' });
  expect((await send('PUT', path, destination())).status).toBe(200);
  await until(
    () => {
      const there = stack.messages('all', 'new-logs');
      return sent.every((message) => there.includes(message));
    },
    { timeoutMs: 30_000 },
  );
}, 120_000);

test('what was never tested has no result, and says so', async () => {
  const answer = await send('GET', `/v1/tenants/${TENANT}/destinations/s3/test`);
  const body = (await answer.json()) as object;
  expect({ status: answer.status, body }).toMatchObject({
    status: 404,
    body: { code: 'console.never_tested' },
  });
});

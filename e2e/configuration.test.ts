// A customer is configured over the console's API while everything runs: no process is started again.
import { until } from '@logferry/testing';
import { ACCOUNT, REGION, Stack, TENANT } from './stack';

let stack: Stack;

beforeAll(async () => {
  stack = await Stack.start();
}, 120_000);
afterAll(() => stack.stop());

const PATH = `/v1/tenants/${TENANT}/destinations/by-api`;

const put = (over: object = {}): Promise<Response> =>
  stack.console(PATH, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      type: 'cloudwatch',
      region: REGION,
      credentials: {
        kind: 'web_identity',
        roleArn: `arn:aws:iam::${ACCOUNT}:role/logferry`,
      },
      filter: { types: ['invoice'] },
      cloudwatch: { logGroup: 'env0-by-api', logStream: 'all', lingerMs: 0 },
      ...over,
    }),
  });

const delivered = (): string[] => {
  try {
    return stack.messages('all', 'env0-by-api');
  } catch {
    return []; // the group is made with the first delivery
  }
};

const send = (key: string, message: string): Promise<Response> =>
  fetch(`${stack.ingestUrl}/v1/tenants/${TENANT}/events?type=invoice`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify([{ message }]),
  });

async function mint(scopes: string[]): Promise<{ id: string; key: string }> {
  const answer = await stack.console('/v1/keys', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'e2e', tenant: TENANT, scopes }),
  });
  expect(answer.status).toBe(201);
  return (await answer.json()) as { id: string; key: string };
}

test('a destination and a key that are made over the API deliver; switched off and revoked, they do not', async () => {
  const { key, id } = await mint(['send']);
  expect((await send(key, 'nobody wants it yet')).status).toBe(202);
  expect((await put()).status).toBe(201);
  let sent = 0;
  await until(
    async () => {
      expect((await send(key, `invoice ${++sent}`)).status).toBe(202);
      return delivered().length > 0;
    },
    { intervalMs: 100, timeoutMs: 20_000, what: 'ingest has heard of the destination' },
  );

  expect((await put({ enabled: false })).status).toBe(200);
  const count = async (): Promise<number> => {
    const { body } = await stack.tenantApi<{ accepted: number }>('/destinations/by-api/ledger');
    return body.accepted;
  };
  // What is accepted is counted before its sender is told.
  const isWanted = async (): Promise<boolean> => {
    const accepted = await count();
    expect(accepted).toBeGreaterThan(0);
    expect((await send(key, 'nobody wants it any more')).status).toBe(202);
    return (await count()) > accepted;
  };
  await until(async () => !(await isWanted()), { intervalMs: 100, what: 'ingest has heard of it' });
  expect(await isWanted()).toBe(false);

  expect((await stack.console(`/v1/keys/${id}`, { method: 'DELETE' })).status).toBe(200);
  await until(async () => (await send(key, 'never')).status === 401);

  const reader = await mint(['read']);
  expect((await send(reader.key, 'never')).status).toBe(403);
}, 60_000);

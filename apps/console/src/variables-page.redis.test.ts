// The form of variables: what is set at a scope, and the destinations that it makes.
import { aCloudWatchLane } from '@logferry/testing';
import { fieldsIn, HOSTILE, roleArn, SECRET, TENANT, useFormsTestbed } from './forms.testbed';

const forms = useFormsTestbed();
const { bed, send, show, follow } = forms;
const PAGE = `${TENANT}/variables`;
const AT_WEB = `${PAGE}?scope=project%2Fweb`;
const ENV0 = [
  `ENV0_CLOUDWATCH_ROLE_ARN=${roleArn}`,
  'ENV0_CLOUDWATCH_AWS_REGION=eu-central-1',
  'ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX=prod/',
].join('\n');

beforeEach(() => bed.call('/v1/tenants/acme', { method: 'PUT', body: {} }));

const entered = (over: Record<string, string> = {}): Record<string, string> => ({
  ...{ scope: '', version: '0', variables: ENV0, secret: '', region: '' },
  ...over,
});

const made = async (scope: string) => {
  const { body } = await bed.json<{
    variables: Record<string, string | null>;
    destinations: { id: string }[];
  }>(`/v1/tenants/acme/${scope === '' ? '' : `scopes/${encodeURIComponent(scope)}/`}variables`);
  return body;
};

test('what is set makes a destination, which its page says; what is no more takes it away', async () => {
  const empty = await show(PAGE);
  expect(empty).toContain('Nothing is set.');
  expect(fieldsIn(empty)).toMatchObject({ version: '0', variables: '', scope: '' });
  const tenant = await follow(await send(PAGE, entered()), TENANT);
  expect(tenant).toContain('The variables were set.');
  expect(tenant).toContain('ENV0_CLOUDWATCH_ROLE_ARN');
  const { destinations } = await made('');
  expect(destinations).toHaveLength(1);
  const address = `${TENANT}/destinations/${destinations[0]?.id}`;
  expect(tenant).toContain(`href="${address}"`);
  const page = await show(address);
  expect(page).toContain(`href="${PAGE}?scope="`);
  expect(page).not.toContain(`${address}/change`);
  expect((await bed.call(`${address}/change`, { to: forms.app })).status).toBe(409);
  const fields = fieldsIn(await show(PAGE));
  expect(fields.variables?.split(/\s+/)).toEqual(ENV0.split('\n'));
  expect((await send(PAGE, { ...fields, variables: '' })).status).toBe(303);
  expect((await made('')).destinations).toEqual([]);
});

test('those of a scope stand beside what holds there from above', async () => {
  await send(PAGE, entered());
  const before = fieldsIn(await show(AT_WEB));
  expect(before).toMatchObject({ scope: 'project/web', variables: '' });
  const variables = 'ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX = web/ ';
  expect((await send(PAGE, { ...before, variables })).status).toBe(303);
  expect((await made('project/web')).variables).toEqual({
    ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: 'web/',
  });
  const text = await show(AT_WEB);
  expect(text).toMatch(/AWS_REGION<\/td> <td class="id">eu-central-1<\/td> <td>the tenant itself/);
  expect(await show(TENANT)).toContain('href="/tenants/acme/variables?scope=project%2Fweb"');
});

test('what is wrong is told all at once, and what was entered is still there', async () => {
  const lines = ['not a line', 'A=1', 'A=2', `AUTH0_X=${HOSTILE}`].join('\n');
  const first = await send(PAGE, entered({ variables: lines }));
  expect(first.status).toBe(422);
  for (const part of ['line 1 is not NAME=value', 'line 3 sets A once more'])
    expect(first.text).toContain(part);
  expect(fieldsIn(first.text).variables).toBe(lines);
  const variables = `${ENV0}\nENV0_CLOUDWATCH_NONSENSE=1`;
  const second = await send(PAGE, entered({ variables, region: 'here', secret: SECRET }));
  expect(second.status).toBe(422);
  expect(second.text).toMatch(/id="region-problem">must be the name of an AWS Region/);
  expect(second.text).not.toContain(SECRET);
  const third = await send(PAGE, entered({ variables, secret: SECRET }));
  expect(third.text).toMatch(/id="variables-problem">[^<]*ENV0_CLOUDWATCH_NONSENSE/);
  expect(third.text).toMatch(/id="secret-problem">/);
  expect(third.text).not.toContain(SECRET);
  expect((await made('')).variables).toEqual({});
});

test('somebody else is not written over, and what waits is held only by whoever means it', async () => {
  await send(PAGE, entered());
  const late = await send(PAGE, entered({ variables: '' }));
  expect(late.status).toBe(412);
  expect(late.text).toContain('Somebody has changed the variables');
  const [destination] = (await made('')).destinations;
  await bed.send(
    aCloudWatchLane({ tenantId: 'acme', destinationId: destination?.id ?? '', lingerMs: 0 }),
    ['one'],
  );
  const fields = { ...fieldsIn(await show(PAGE)), variables: '' };
  const waiting = await send(PAGE, fields);
  expect(waiting.status).toBe(409);
  expect(waiting.text).toContain('name="force"');
  expect((await send(PAGE, { ...fields, force: 'yes' })).status).toBe(303);
});

test('there is no form where the console only shows, none from another site, and no such tenant', async () => {
  expect(await show(PAGE, bed.readOnlyApp)).not.toContain('method="post"');
  expect((await send(PAGE, entered(), { to: bed.readOnlyApp })).status).toBe(405);
  expect((await send(PAGE, entered(), { origin: 'https://evil.example' })).status).toBe(403);
  expect((await send('/tenants/nope/variables', entered())).status).toBe(404);
  expect((await bed.call(`${PAGE}?scope=a//b`)).status).toBe(400);
  expect((await send(PAGE, { ...entered(), evil: '1' })).status).toBe(400);
  expect((await made('')).variables).toEqual({});
});

test('nothing that is set, nor a scope, becomes markup', async () => {
  const set = { variables: { ENV0_CLOUDWATCH_ROLE_ARN: HOSTILE } };
  await bed.redis.hset('{lf}:variables', 'acme', JSON.stringify({ '': set, [HOSTILE]: set }));
  for (const path of [PAGE, `${PAGE}?scope=${encodeURIComponent(HOSTILE)}`, TENANT]) {
    const text = await show(path);
    expect(text).not.toMatch(/<script|<img/i);
    expect(text).toContain('&#60;script&#62;alert(1)');
  }
  const { variables } = fieldsIn((await bed.call(PAGE)).text);
  expect(variables).toBe(`ENV0_CLOUDWATCH_ROLE_ARN=${HOSTILE}`);
});

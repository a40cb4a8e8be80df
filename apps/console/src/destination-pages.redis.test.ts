// The pages of tenants and destinations as a customer goes through them: from nothing to a destination with its policies printed, tested,
// held, and tried again.
import { aCloudWatchLane, until } from '@logferry/testing';
import {
  CHANGE,
  fieldsIn,
  filledIn,
  HOSTILE,
  NEW,
  PAGE,
  roleArn,
  TENANT,
  useFormsTestbed,
} from './forms.testbed';

const forms = useFormsTestbed();
const { bed, send, show, follow, stored, made } = forms;

test('from nothing to a destination with its policies ready to paste, by forms alone', async () => {
  expect(await show('/')).toContain('href="/tenants"');
  expect(await show('/tenants')).toContain('There are none.');
  const tenant = await follow(await send('/tenants', { id: 'acme', name: 'Acme & Sons' }), TENANT);
  expect(tenant).toContain('The tenant is there.');
  expect(tenant).toContain('Acme &#38; Sons');
  expect(tenant).toContain(`href="${NEW}"`);
  expect(await show('/tenants')).toContain(`<a href="${TENANT}">acme</a>`);
  expect(Object.keys(fieldsIn(await show(NEW)))).toEqual(
    expect.arrayContaining(Object.keys(filledIn())),
  );
  const page = await follow(await send(NEW, filledIn()), PAGE);
  for (const part of [
    'The destination is there.',
    'aws iam put-role-policy',
    'resource &#34;aws_iam_role&#34;',
    'tenant:acme',
    'prod/deployments',
    'It was not tested yet.',
  ])
    expect(page).toContain(part);
  expect(await stored()).toMatchObject({
    enabled: true,
    credentials: { kind: 'web_identity', roleArn },
    filter: { types: ['deployment', 'audit'] },
    cloudwatch: { logGroup: 'deployments', logGroupPrefix: 'prod/', retentionDays: 30 },
  });
  const listed = await show(TENANT);
  expect(listed).toContain(`<a href="${PAGE}">logs</a>`);
  expect(listed).toContain('<span class="good">on</span>');
  const { body } = await bed.json<{ entries: { by: object; kind: string }[] }>('/v1/audit');
  expect(body.entries.at(-1)).toMatchObject({ by: { kind: 'login' }, kind: 'destination' });
});

describe('the page of a destination', () => {
  beforeEach(() => made({ types: '' }));

  test('a button tests the connection, and what came of it is told', async () => {
    const page = await follow(await send(`${PAGE}/test`, {}), PAGE);
    expect(page).toContain('The connection was tested');
    expect(page).toMatch(/The last test <span class="bad">failed<\/span>/);
    expect(page).toContain('get a session in the account');
    const fields = fieldsIn(await show(CHANGE));
    await send(CHANGE, { ...fields, region: 'us-east-1' });
    expect(await show(PAGE)).toContain('The destination was changed since.');
  });

  test('one that is held says why, and a button has it tried', async () => {
    expect(await show(PAGE)).not.toContain(`action="${PAGE}/resume"`);
    const lane = aCloudWatchLane({ tenantId: 'acme', destinationId: 'logs', lingerMs: 0 });
    const batchId = await bed.send(lane, ['one', 'two']);
    for (const holds of bed.holds)
      await holds.fail(batchId, {
        code: 'cloudwatch.access_denied',
        ...{ countsAttempt: false, says: 'suspended', isProbe: false },
      });
    for (const page of [await show(PAGE), await show(TENANT)]) {
      expect(page).toContain('suspended: cloudwatch.access_denied');
      expect(page).toContain('<td class="n">2</td>');
    }
    const page = await follow(await send(`${PAGE}/resume`, { back: 'page' }), PAGE);
    expect(page).toContain('It is tried now');
  });

  test('a button suspends it, and another resumes it', async () => {
    const page = await follow(await send(`${PAGE}/suspend`, {}), PAGE);
    expect(page).toContain('suspended: destination.suspended_by_hand');
    expect(page).toContain('It is not tried until it is resumed.');
    expect(page).not.toContain(`action="${PAGE}/suspend"`);
    expect(await follow(await send(`${PAGE}/resume`, { back: 'page' }), PAGE)).toContain(
      '<span class="good">on</span>',
    );
  });

  test('one that cannot be read hides no other, and is said to be so', async () => {
    await bed.redis.hset('{lf}:destinations:acme', 'broken', '{}');
    const text = await show(TENANT);
    expect(text).toContain('What is stored of it cannot be read: write it anew.');
    expect(text).toContain(`<a href="${PAGE}">logs</a>`);
    expect(await show(`${TENANT}/destinations/broken`)).toContain('cannot be read');
    expect((await bed.call(`${TENANT}/destinations/broken/change`, { to: forms.app })).status).toBe(
      409,
    );
  });

  test('its dead letters are a step away', async () => {
    await bed.deadLetters(1, { destinationId: 'logs' });
    await until(async () => (await show(PAGE)).includes('Its dead letters'));
    const [, link = ''] =
      /href="(\/dead-letters[^"]*)"/.exec((await show(PAGE)).replace(/<nav>.*<\/nav>/, '')) ?? [];
    expect(await show(link.replaceAll('&#38;', '&'))).toContain('logs');
  });
});

test('what there is not is 404, and what is no such form is refused', async () => {
  for (const path of [TENANT, NEW, PAGE, CHANGE])
    expect((await bed.call(path, { to: forms.app })).status).toBe(404);
  expect((await send(NEW, filledIn())).status).toBe(404);
  await made();
  expect((await bed.call(`${PAGE}?evil=1`, { to: forms.app })).status).toBe(400);
  for (const path of [NEW, CHANGE, '/tenants'])
    expect((await send(path, { ...filledIn(), evil: '1' })).status).toBe(400);
  const missing = `${TENANT}/destinations/nope`;
  for (const path of [missing, `${missing}/change`])
    expect((await bed.call(path, { to: forms.app })).status).toBe(404);
  for (const path of [`${missing}/test`, `${missing}/change`])
    expect((await send(path, {})).status).toBe(404);
});

const BUTTONS = [
  '/tenants',
  NEW,
  CHANGE,
  ...['test', 'suspend', 'resume'].map((of) => `${PAGE}/${of}`),
];

test('from another site, no form is sent and no button is pressed', async () => {
  await made();
  const before = await stored();
  for (const path of BUTTONS) {
    const fields = path === '/tenants' ? { id: 'globex', name: '' } : filledIn({ id: 'other' });
    expect((await send(path, fields, { origin: 'https://evil.example' })).status).toBe(403);
  }
  expect(await stored()).toEqual(before);
  expect(await stored('other')).toBeUndefined();
  expect(await bed.redis.hkeys('{lf}:tenants')).toEqual(['acme']);
});

test('where the console only shows, there are no forms, and none that is sent does anything', async () => {
  await made();
  const before = await stored();
  const to = bed.readOnlyApp;
  for (const path of ['/tenants', TENANT, PAGE])
    expect(await show(path, to)).not.toMatch(/method="post"|new-destination|\/change"/);
  for (const path of BUTTONS) {
    const fields = path === '/tenants' ? { id: 'globex', name: '' } : filledIn({ id: 'other' });
    const sent = path.endsWith('/resume') ? {} : fields;
    expect([path, (await send(path, sent, { to })).status]).toEqual([path, 405]);
  }
  expect(await stored()).toEqual(before);
  expect(await bed.redis.hkeys('{lf}:tenants')).toEqual(['acme']);
});

test('nothing that is stored, entered or asked becomes markup', async () => {
  await made();
  const evil = encodeURIComponent(HOSTILE);
  const raw = (await bed.redis.hget('{lf}:destinations:acme', 'logs')) ?? '{}';
  const hostile = { ...(JSON.parse(raw) as object), filter: { types: [HOSTILE] } };
  await bed.redis.hset('{lf}:destinations:acme', 'logs', JSON.stringify(hostile));
  await bed.redis.hset('{lf}:destinations:acme', HOSTILE, '{}');
  await bed.redis.hset('{lf}:tenants', 'acme', JSON.stringify({ id: 'acme', name: HOSTILE }));
  await bed.redis.hset('{lf}:tenants', HOSTILE, '{}');
  await bed.redis.hset('{lf}:sources:acme', HOSTILE, '{}');
  const shown = await Promise.all(
    [
      ...[
        '/tenants',
        `/tenants?cursor=${evil}`,
        `/tenants/${evil}`,
        TENANT,
        `${TENANT}?done=${evil}`,
      ],
      ...[PAGE, `${PAGE}?done=${evil}`, `${TENANT}/destinations/${evil}`],
    ].map((path) => show(path)),
  );
  const entered = Object.fromEntries(Object.keys(filledIn()).map((name) => [name, HOSTILE]));
  const refused = [
    await send(NEW, entered),
    await send(CHANGE, { ...filledIn(entered), version: HOSTILE }),
    await send('/tenants', { id: HOSTILE, name: HOSTILE.repeat(9) }),
  ];
  for (const { status } of refused) expect(status).toBe(422);
  for (const text of [...shown, ...refused.map((form) => form.text)]) {
    expect(text).not.toMatch(/<script|<img/i);
    expect(text).toContain("default-src 'none'");
  }
  expect(shown[3]).toContain('&#60;script&#62;alert(1)');
});

test("a tenant's key opens none of these pages", async () => {
  await made();
  const { body } = await bed.json<{ key: string }>('/v1/keys', {
    method: 'POST',
    body: { name: 'acme', tenant: 'acme', scopes: ['read', 'admin'] },
    to: forms.app,
  });
  const headers = { authorization: `Bearer ${body.key}` };
  for (const path of ['/tenants', TENANT, PAGE, CHANGE, NEW])
    expect((await bed.call(path, { headers, to: forms.app })).status).toBe(404);
});

// The page of dead letters as a person on call uses it: sees what is dead and until when, and presses its buttons.
import { aCloudWatchLane, until } from '@logferry/testing';
import { useConsoleTestbed, type Answer } from './console.testbed';

const bed = useConsoleTestbed();
const DAY_MS = 86_400_000;

const form = (path: string, fields: Record<string, string>, to = bed.app): Promise<Answer> =>
  bed.call(`/dead-letters${path}`, {
    method: 'POST',
    type: 'application/x-www-form-urlencoded',
    body: new URLSearchParams(fields).toString(),
    headers: { origin: `http://127.0.0.1:${to.ports.http}` },
    to,
  });

const show = async (query = ''): Promise<string> => {
  const { status, text } = await bed.call(`/dead-letters${query}`);
  expect(status).toBe(200);
  return text.replace(/\s+/g, ' ');
};

/** The page that a form led to. */
async function follow({ status, headers }: Answer): Promise<string> {
  expect(status).toBe(303);
  const location = headers.get('location') ?? '';
  expect(location).toMatch(/^\/dead-letters\?/);
  return show(location.slice('/dead-letters'.length));
}

const group = { tenant: 'acme', destination: 'cw', reason: 'cloudwatch.unavailable' };

test('without any, it says so', async () => {
  expect(await show()).toContain('There are none.');
});

test('it shows each destination and reason with counts and ages, and each dead letter', async () => {
  const [id] = await bed.deadLetters(2);
  await bed.deadLetters(1, { tenantId: 'globex' });
  const text = await show();
  expect(text).toContain('3 in all');
  expect(text).toContain('Each is kept for 14 days');
  expect(text).toContain('CloudWatch Logs did not answer as expected.');
  expect(text).toContain('expires in 13 days');
  expect(text).toContain('/v1/dead-letters/log-events?tenant=acme&#38;destination=cw');
  expect(text).toContain(`<a href="/batches/${id}">`);
  const filtered = await show('?tenant=globex&destination=&reason=');
  expect(filtered).not.toContain(`<a href="/batches/${id}">`);
  expect((await bed.call('/')).text).toContain('href="/dead-letters"');
});

test('what expires within a day is marked, before it is too late', async () => {
  const [id = ''] = await bed.deadLetters(1);
  expect(await show()).not.toContain('expire within 24 hours');
  const shard = (await bed.stores[0]?.batch(id)) === undefined ? 1 : 0;
  const deadAt = Date.now() - 13.5 * DAY_MS;
  for (const key of ['dead', 'deadOf:acme', 'deadBy:acme/cw cloudwatch.unavailable'])
    await bed.redis.zadd(`{lf-${shard}}:${key}`, deadAt, id);
  const text = await show();
  expect(text).toContain('1 of them expire within 24 hours.');
  expect(text).toMatch(/class="bad" ?>expires in 1[12] hours/);
});

test('a button redrives what a destination has for a reason, and only that', async () => {
  const ids = await bed.deadLetters(3);
  await bed.deadLetters(1, { tenantId: 'globex' });
  expect(await follow(await form('/redrive', group))).toContain('3 sent back to the workers.');
  expect(await follow(await form('/redrive', group))).toContain('3 were on their way already.');
  bed.consume(() => Promise.resolve({ rejected: [] }));
  await until(async () => (await bed.sum('delivered')) === 6);
  const text = await show();
  for (const id of ids) expect(text).not.toContain(id);
  expect(text).toContain('globex');
});

test('a button discards only with the number that is typed in', async () => {
  await bed.deadLetters(2);
  for (const confirm of ['1', '', 'all', '3']) {
    const { status, text } = await form('/discard', { ...group, confirm });
    expect(status).toBe(409);
    expect(text).toContain('2 dead letters of 4 log events match');
  }
  expect(await bed.sum('discarded')).toBe(0);
  expect(await follow(await form('/discard', { ...group, confirm: '2' }))).toContain(
    '2 discarded.',
  );
  expect(await bed.sum('discarded')).toBe(4);
});

test('a batch that is a dead letter has its buttons on its own page', async () => {
  const [first = '', second = ''] = await bed.deadLetters(2);
  const { text } = await bed.call(`/batches/${first}`);
  expect(text).toContain(`action="/dead-letters/${first}/redrive"`);
  expect(text).toContain(`/v1/dead-letters/${first}/log-events`);
  expect(await follow(await form(`/${first}/redrive`, {}))).toContain(
    '1 sent back to the workers.',
  );
  expect((await form(`/${second}/discard`, {})).status).toBe(409);
  expect(await follow(await form(`/${second}/discard`, { confirm: '1' }))).toContain(
    '1 discarded.',
  );
  const waiting = await bed.send(aCloudWatchLane({ lingerMs: 60_000 }), ['one']);
  expect((await bed.call(`/batches/${waiting}`)).text).not.toContain('<form');
});

test('where the console only shows, there are no buttons, and none that is sent does anything', async () => {
  const [id = ''] = await bed.deadLetters(1);
  for (const path of ['/dead-letters', `/batches/${id}`]) {
    const { text } = await bed.call(path, { to: bed.readOnlyApp });
    expect(text).toContain('Download');
    expect(text).not.toContain('method="post"');
  }
  const sent: [string, Record<string, string>][] = [
    ['/redrive', group],
    ['/discard', { ...group, confirm: '1' }],
    [`/${id}/redrive`, {}],
    [`/${id}/discard`, { confirm: '1' }],
  ];
  for (const [path, fields] of sent)
    expect((await form(path, fields, bed.readOnlyApp)).status).toBe(405);
  expect(await bed.sum('deadLettered')).toBe(2);
});

test('many are shown page by page', async () => {
  const ids = await bed.deadLetters(5);
  const first = await show('?limit=3&tenant=acme');
  const next = /<a href="(\/dead-letters\?[^"]*)">Older<\/a>/.exec(first)?.[1] ?? '';
  const second = await show(next.replaceAll('&#38;', '&').slice('/dead-letters'.length));
  for (const [i, id] of [...ids].reverse().entries())
    expect((i < 3 ? first : second).includes(`/batches/${id}"`)).toBe(true);
  expect(second).not.toContain('Older');
});

test('nothing of an address becomes markup, and of what was done only numbers are shown', async () => {
  const hostile = encodeURIComponent('"><script>alert(1)</script>');
  const text = await show(`?tenant=${hostile}&redriven=${hostile}&busy=${hostile}`);
  expect(text).not.toContain('<script');
  expect(text).toContain('0 sent back to the workers.');
  expect(text).toContain("default-src 'none'");
  expect((await bed.call('/dead-letters?evil=1')).status).toBe(400);
});

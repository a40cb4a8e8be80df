// The pages of sources as whoever looks after them uses them: sees what runs and what failed, reads a run's log, and presses the buttons.
import { SourceRuns } from '@logferry/sources';
import { ConfigStore } from '@logferry/store';
import type { Answer } from './console.testbed';
import { at as place, useSourcesTestbed } from './sources.testbed';

const sources = useSourcesTestbed();
const { made, begun, ended, bed } = sources;
const PAGE = '/tenants/acme/sources/auth0';
const HOSTILE = '"\'></pre><script>alert(1)</script><img src=x>';

/** What the forms hold that ask for something. */
const FIELDS: Record<string, Record<string, string>> = {
  checkpoint: { from: 'at', place: 'a-log-id', confirm: 'yes' },
  replay: {
    from: 'time',
    place: '2026-11-20T00:00:00Z',
    to: 'z-log-id',
    mark: 'yes',
    confirm: 'yes',
  },
};
const BUTTONS = ['pause', 'resume', 'run', 'checkpoint', 'replay'];

const press = (button: string, to = bed.app, fields = FIELDS[button]): Promise<Answer> =>
  bed.call(`${PAGE}/${button}`, {
    method: 'POST',
    type: 'application/x-www-form-urlencoded',
    body: new URLSearchParams(fields).toString(),
    headers: { origin: `http://127.0.0.1:${to.ports.http}` },
    to,
  });

const show = async (path: string, to = bed.app): Promise<string> => {
  const { status, text } = await bed.call(path, { to });
  expect([path, status]).toEqual([path, 200]);
  return text.replace(/\s+/g, ' ');
};

/** The page that a button led to. */
async function follow({ status, headers }: Answer): Promise<string> {
  expect(status).toBe(303);
  const location = headers.get('location') ?? '';
  expect(location).toMatch(/^\/tenants\/acme\/sources\/auth0\?done=/);
  return show(location);
}

const isEnabled = async (): Promise<boolean | undefined> =>
  (await new ConfigStore(bed.redis).source('acme', 'auth0'))?.enabled;

const rowsOf = (text: string): number => text.match(/\/sources\/auth0\/runs\//g)?.length ?? 0;

test('without any, it says so, and the overview leads there', async () => {
  expect(await show('/sources')).toContain('There are none.');
  expect((await bed.call('/')).text).toContain('href="/sources"');
});

describe('the sources', () => {
  beforeEach(made);

  test('each is listed with how it is: its domain, last run and checkpoint, and whether it is paused', async () => {
    const before = await show('/sources');
    for (const part of [`<a href="${PAGE}">auth0</a>`, 'acme.eu.auth0.com', 'none yet'])
      expect(before).toContain(part);
    expect(before).not.toContain('paused');
    await ended('one', true);
    await press('pause');
    const text = await show('/sources');
    expect(text).toMatch(/class="bad" ?><span aria-hidden="true">●<\/span> Failed/);
    expect(text).toContain('one-last');
    expect(text).toContain('<td>paused</td>');
    expect(text).not.toContain('sealed');
  });

  test('they are listed page by page, a tenant never in halves', async () => {
    const store = new ConfigStore(bed.redis);
    const source = await store.source('acme', 'auth0');
    if (source === undefined) throw new Error('there is such a source');
    const tenants = Array.from({ length: 51 }, (_, i) => `tenant-${String(i).padStart(2, '0')}`);
    for (const id of tenants) {
      await store.putTenant({ id });
      for (const sourceId of ['a', 'b']) await store.putSource(id, { ...source, id: sourceId });
    }
    const first = await show('/sources');
    const [, next = ''] = /<a href="(\/sources\?after=[^"]+)">More<\/a>/.exec(first) ?? [];
    const second = await show(next);
    for (const [i, id] of tenants.entries())
      for (const sourceId of ['a', 'b'])
        for (const [text, isThere] of [
          [first, i < 50],
          [second, i === 50],
        ] as const)
          expect(text.includes(`/tenants/${id}/sources/${sourceId}"`)).toBe(isThere);
    expect(second).not.toContain('More</a>');
  });

  test('one that cannot be read hides no other', async () => {
    await bed.redis.hset('{lf}:sources:globex', 'broken', '{}');
    const text = await show('/sources');
    expect(text).toContain('What is stored of it cannot be read: write it anew.');
    expect(text).toContain(`<a href="${PAGE}">auth0</a>`);
  });
});

describe('a source', () => {
  beforeEach(made);

  test('that has not run says so; what there is not is 404', async () => {
    expect(await show(PAGE)).toContain('There are no runs yet.');
    expect(await show(`${PAGE}?filter=failed`)).toContain('No run has failed.');
    for (const path of ['/tenants/acme/sources/nope', `${PAGE}/runs/nope`])
      expect((await bed.call(path)).status).toBe(404);
  });

  test('its runs are shown with what they came to, and an error with what to do', async () => {
    await ended('one');
    await ended('two', true);
    const all = await show(PAGE);
    expect(rowsOf(all)).toBe(2);
    expect(all).toMatch(/class="good" ?><span aria-hidden="true">●<\/span> Success/);
    expect(all).toMatch(/class="bad" ?><span aria-hidden="true">●<\/span> Failed/);
    for (const part of ['<td class="n">2</td>', '<td class="n">1</td>', 'two-last', 'late'])
      expect(all).toContain(part);
    expect(all).toContain('credential.broker_unavailable');
    expect(all).toContain('Try again.');
    const failed = await show(`${PAGE}?filter=failed`);
    expect(failed).toContain(`${PAGE}/runs/two`);
    expect(failed).not.toContain(`${PAGE}/runs/one`);
    expect(failed).toMatch(/aria-current="page"[^>]*>Failed runs/);
    expect(all).toMatch(/aria-current="page"[^>]*>All runs/);
  });

  test.each([
    [10, [10], '10 in all.'],
    [11, [10, 1], 'Page 1 of 2, 11 in all.'],
  ])('%d runs are shown ten a page', async (count, pages, says) => {
    for (let i = 0; i < count; i++) await ended(`run-${i}`, true);
    for (const filter of ['', 'filter=failed&'])
      for (const [i, rows] of pages.entries())
        expect(rowsOf(await show(`${PAGE}?${filter}page=${i + 1}`))).toBe(rows);
    const first = await show(`${PAGE}?filter=failed`);
    expect(first).toContain(says);
    expect(first.includes(`href="${PAGE}?filter=failed&#38;page=2">Older`)).toBe(pages.length > 1);
    expect(await show(`${PAGE}?page=9`)).toContain('There are no more runs.');
    expect((await bed.call(`${PAGE}?page=0`)).status).toBe(400);
  });

  test('buttons pause and resume it, and its checkpoint stays', async () => {
    await ended('one');
    expect(await follow(await press('pause'))).toContain('The source is paused.');
    expect(await isEnabled()).toBe(false);
    const paused = await show(PAGE);
    expect(paused).toContain(`action="${PAGE}/resume"`);
    expect(paused).toContain('one-last');
    expect(paused).not.toContain(`action="${PAGE}/run"`);
    expect((await press('run')).status).toBe(409);
    expect(await follow(await press('resume'))).toContain('The source runs again');
    expect(await isEnabled()).toBe(true);
    expect(await show(PAGE)).toContain('one-last');
  });

  test('a button asks for a run, and there is none while it runs', async () => {
    expect(await follow(await press('run'))).toContain('A run was asked for');
    expect(await bed.redis.llen('{lf}:source-runs:wait')).toBe(1);
    await begun('live');
    const text = await show(PAGE);
    expect(text).toContain('Running');
    expect(text).not.toContain(`action="${PAGE}/run"`);
    expect(text).toContain(`http-equiv="refresh" content="3; url=${PAGE}"`);
    expect(await show(`${PAGE}?filter=failed`)).not.toContain('http-equiv="refresh"');
    expect((await press('run')).status).toBe(409);
  });

  test('its checkpoint is set, behind a log event or at it, by whoever says that it is meant', async () => {
    const checkpoint = async (): Promise<object> => {
      const { checkpoint: at, isInclusive } = await new SourceRuns(bed.redis).position(place);
      return { at, isInclusive };
    };
    await ended('one');
    expect(await show(PAGE)).toContain(`action="${PAGE}/checkpoint"`);
    expect(await follow(await press('checkpoint'))).toContain('The checkpoint was set.');
    expect(await checkpoint()).toEqual({ at: 'a-log-id', isInclusive: true });
    const after = { from: 'after', place: 'another', confirm: 'yes' };
    expect((await press('checkpoint', bed.app, after)).status).toBe(303);
    const set = { at: 'another', isInclusive: false };
    expect(await checkpoint()).toEqual(set);
    for (const [fields, status] of [
      [{ from: 'at', place: 'a-log-id' }, 400],
      [{ from: 'at', place: HOSTILE, confirm: 'yes' }, 422],
      [{ from: 'time', place: 'a-log-id', confirm: 'yes' }, 400],
      [{ from: 'at', place: '', confirm: 'yes' }, 422],
    ] as const)
      expect((await press('checkpoint', bed.app, fields)).status).toBe(status);
    expect(await checkpoint()).toEqual(set);
  });

  test('a replay is asked for, of what lies between two places, by whoever says that it is meant', async () => {
    const asked = async (): Promise<object[]> => {
      const ids = await bed.redis.lrange('{lf}:source-runs:wait', 0, -1);
      const jobs = ids.map((id) => bed.redis.hget(`{lf}:source-runs:${id}`, 'data'));
      return (await Promise.all(jobs)).map((data) => JSON.parse(data ?? '{}') as object);
    };
    expect(await show(PAGE)).toContain(`action="${PAGE}/replay"`);
    expect(await follow(await press('replay'))).toContain('A run was asked for');
    const timeMs = Date.parse('2026-11-20T00:00:00Z');
    const replay = { from: { timeMs }, to: { at: 'z-log-id' }, isMarked: true };
    expect(await asked()).toMatchObject([{ kind: 'replay', ...place, replay }]);
    const open = { from: 'after', place: 'a-log-id', to: '', confirm: 'yes' };
    expect((await press('replay', bed.app, open)).status).toBe(303);
    const [latest] = await asked();
    expect(latest).toMatchObject({ replay: { from: { after: 'a-log-id' }, isMarked: false } });
    expect((latest as { replay: object }).replay).not.toHaveProperty('to');
    for (const [fields, status] of [
      [{ ...open, confirm: '' }, 400],
      [{ ...open, from: 'time' }, 422],
      [{ ...open, to: '2026-13-40' }, 422],
    ] as const)
      expect((await press('replay', bed.app, fields)).status).toBe(status);
    await press('pause');
    expect(await show(PAGE)).not.toContain(`action="${PAGE}/replay"`);
    expect((await press('replay')).status).toBe(409);
    expect(await asked()).toHaveLength(2);
  });

  test('from another site, no button is pressed', async () => {
    const headers = { origin: 'https://evil.example' };
    await begun('live');
    for (const button of [...BUTTONS, 'runs/live/cancel'])
      expect((await bed.call(`${PAGE}/${button}`, { method: 'POST', headers })).status).toBe(403);
    expect(await isEnabled()).toBe(true);
  });

  test('where the console only shows, there are no buttons, and none that is sent does anything', async () => {
    await begun('live');
    for (const path of [PAGE, `${PAGE}/runs/live`])
      expect(await show(path, bed.readOnlyApp)).not.toContain('method="post"');
    for (const button of [...BUTTONS, 'runs/live/cancel'])
      expect((await press(button, bed.readOnlyApp)).status).toBe(405);
    expect(await isEnabled()).toBe(true);
    expect(await bed.redis.exists('{lf}:source-runs:wait')).toBe(0);
  });
});

describe('a run', () => {
  beforeEach(made);

  test('is shown with its log, and by itself again for as long as it runs', async () => {
    const lease = await begun('live');
    expect(await show(`${PAGE}/runs/live`)).toContain('It has logged nothing yet.');
    await lease.log('info', 'the first page');
    await lease.log('warn', 'Auth0 is slow');
    const running = await show(`${PAGE}/runs/live`);
    expect(running).toContain(`http-equiv="refresh" content="3; url=${PAGE}/runs/live"`);
    expect(running).toMatch(/info the first page .* warn Auth0 is slow/);
    await lease.end({ state: 'succeeded', warnings: ['gap'], isCaughtUp: true, atMs: Date.now() });
    const over = await show(`${PAGE}/runs/live`);
    expect(over).not.toContain('http-equiv="refresh"');
    expect(over).toContain('Auth0 had deleted log events before they were read.');
  });

  test('is cancelled by a button for as long as it runs', async () => {
    const lease = await begun('live');
    const cancel = `${PAGE}/runs/live/cancel`;
    expect(await show(`${PAGE}/runs/live`)).toContain(`action="${cancel}"`);
    expect(await follow(await press('runs/live/cancel'))).toContain('The run ends before its next');
    expect(await lease.renew()).toMatchObject({ isCancelled: true });
    await lease.end({ state: 'cancelled', warnings: [], isCaughtUp: false, atMs: Date.now() });
    expect(await show(`${PAGE}/runs/live`)).not.toContain('method="post"');
    expect((await press('runs/live/cancel')).status).toBe(409);
    expect((await press('runs/nope/cancel')).status).toBe(404);
  });

  test('that is a replay and was interrupted is cancelled too, since it would go on', async () => {
    const lease = await begun('again', 'replay');
    await lease.end({ state: 'interrupted', warnings: [], isCaughtUp: false, atMs: Date.now() });
    expect(await show(`${PAGE}/runs/again`)).toContain(`action="${PAGE}/runs/again/cancel"`);
    await press('runs/again/cancel');
    expect(await show(`${PAGE}/runs/again`)).toContain('Cancelled');
  });

  test('of a long log, the last lines are there too', async () => {
    const lease = await begun('live');
    for (let i = 0; i < 1_050; i++) await lease.log('info', `line ${i}.`);
    expect(await show(`${PAGE}/runs/live`)).toContain('line 1049.');
  });

  test('nothing that it tells becomes markup, nor anything of an address', async () => {
    const lease = await begun('live');
    await lease.log('info', HOSTILE);
    await lease.settle(
      { checkpoint: HOSTILE, rejections: [{ logId: 'x<svg>', code: 'y<svg>' }] },
      { read: 1, rejected: 1, unknownTypes: { [HOSTILE]: 1 } },
    );
    const error = { code: 'credential.broker_unavailable', message: HOSTILE } as const;
    const how = { state: 'failed', error, warnings: [], isCaughtUp: false } as const;
    await lease.end({ ...how, atMs: Date.now() });
    const evil = encodeURIComponent(HOSTILE);
    for (const path of ['/sources', `/sources?after=${evil}`, PAGE, `${PAGE}?done=${evil}`]) {
      const text = await show(path);
      expect(text).not.toMatch(/<script|<img|<svg/i);
      expect(text).toContain("default-src 'none'");
    }
    const run = await show(`${PAGE}/runs/live`);
    expect(run).not.toMatch(/<script|<img|<svg/i);
    expect(run).toContain('&#60;script&#62;alert(1)');
    expect(run).toContain('x&#60;svg&#62;: y&#60;svg&#62;');
    expect((await bed.call(`${PAGE}?evil=1`)).status).toBe(400);
  });

  test("a tenant's key opens none of these pages", async () => {
    const { body } = await bed.json<{ key: string }>('/v1/keys', {
      method: 'POST',
      body: { name: 'acme', tenant: 'acme', scopes: ['read', 'admin'] },
      to: sources.app,
    });
    expect(typeof body.key).toBe('string');
    const headers = { authorization: `Bearer ${body.key}` };
    for (const path of ['/sources', PAGE])
      expect((await bed.call(path, { headers })).status).toBe(404);
  });
});

// Runs of sources over HTTP: asked for, listed, followed and cancelled; and the report of Auth0's extension.
import { hasJobsToTake, JobFetcher, patientRedis } from '@logferry/queue';
import type { RunningApp } from '@logferry/runtime';
import { Runner, RunLease, SourceRuns, type RunJob } from '@logferry/sources';
import { ConfigStore } from '@logferry/store';
import { until } from '@logferry/testing';
import { authorization } from './console.testbed';
import { at, PATH, useSourcesTestbed } from './sources.testbed';

const sources = useSourcesTestbed();
const { ask, made, begun, ended, bed } = sources;

/** What a poller is told to run, taken as one would. */
async function jobs(count: number): Promise<RunJob[]> {
  const taken: RunJob[] = [];
  const redis = patientRedis({ url: bed.redisUrl });
  const runner = new Runner(redis, (job) => Promise.resolve(void taken.push(job)), {
    concurrency: 1,
    fetch: ({ queue, ...parts }) =>
      new JobFetcher({ ...parts, hasWork: () => hasJobsToTake(redis, queue) }),
    onError: () => undefined,
  });
  await until(() => Promise.resolve(taken.length >= count));
  await runner.close(5_000);
  redis.disconnect();
  return taken;
}

describe('runs', () => {
  beforeEach(made);

  test('what is asked for is what a poller is told: a run now, and a replay from a time', async () => {
    const now = await ask('POST', `${PATH}/run`);
    expect(now).toMatchObject({ status: 202, body: { runId: expect.any(String) as string } });
    const replay = await ask('POST', `${PATH}/replay`, {
      from: { time: '2026-11-20T01:00:00+01:00' },
      to: { at: '900' },
    });
    expect(replay.status).toBe(202);
    expect(await jobs(2)).toEqual([
      { kind: 'now', ...at, runId: now.body.runId },
      {
        kind: 'replay',
        ...at,
        runId: replay.body.runId,
        replay: {
          from: { timeMs: Date.parse('2026-11-20T00:00:00Z') },
          to: { at: '900' },
          isMarked: false,
        },
      },
    ]);
  });

  test.each([{}, { from: {} }, { from: { time: 'yesterday' } }, { from: { after: 'a b' } }])(
    'a replay of %j is refused',
    async (body) => {
      expect((await ask('POST', `${PATH}/replay`, body)).status).toBe(422);
    },
  );

  test('one that is under way is not started again; a replay is beside it', async () => {
    await begun('replayed', 'replay');
    expect((await ask('POST', `${PATH}/run`)).status).toBe(202);
    await begun('live');
    expect(await ask('POST', `${PATH}/run`)).toMatchObject({
      status: 409,
      body: { code: 'source.running', runId: 'live' },
    });
    expect((await ask('POST', `${PATH}/replay`, { from: { after: '1' } })).status).toBe(202);
  });

  test('of its replays, a few wait at a time', async () => {
    const replay = () => ask('POST', `${PATH}/replay`, { from: { after: '1' } });
    for (let i = 0; i < 5; i++) expect((await replay()).status).toBe(202);
    expect(await replay()).toMatchObject({
      status: 409,
      body: { code: 'source.too_many_replays' },
    });
  });

  test('the checkpoint is set where it is wanted, as often as it is wanted', async () => {
    for (const id of ['900', '900', '850']) {
      const { status, body } = await ask('PUT', `${PATH}/checkpoint`, { after: id });
      expect([status, body.checkpoint, body.isInclusive]).toEqual([200, id, false]);
    }
    const { body } = await ask('PUT', `${PATH}/checkpoint`, { at: '850' });
    expect(body).toMatchObject({ checkpoint: '850', isInclusive: true });
    expect((await new SourceRuns(bed.redis).position(at)).epoch).toBe(4);
    for (const wrong of [{}, { after: '1', at: '2' }, { at: 'a b' }])
      expect((await ask('PUT', `${PATH}/checkpoint`, wrong)).status).toBe(422);
  });

  test('all are listed, the newest first, or those that failed; and each is told', async () => {
    await ended('one');
    await ended('two', true);
    await ended('three');
    type List = { runs: { id: string }[]; total: number };
    const list = async (query: string) => {
      const { runs, total } = (await ask('GET', `${PATH}/runs${query}`)).body as unknown as List;
      return [runs.map(({ id }) => id), total];
    };
    const [all] = await list('');
    expect(new Set(all as string[])).toEqual(new Set(['one', 'two', 'three']));
    expect(await list('?filter=failed')).toEqual([['two'], 1]);
    const [first] = await list('?perPage=2');
    const [second] = await list('?perPage=2&page=2');
    expect([...(first as string[]), ...(second as string[])]).toEqual(all);
    expect((await ask('GET', `${PATH}/runs?perPage=101`)).status).toBe(400);
    expect((await ask('GET', `${PATH}/runs?page=0`)).status).toBe(400);
    expect((await ask('GET', `${PATH}/runs/two`)).body).toMatchObject({
      id: 'two',
      kind: 'schedule',
      state: 'failed',
      read: 3,
      accepted: 2,
      filtered: 1,
      checkpoint: 'two-last',
      newestAt: '1970-01-01T00:00:01.000Z',
      error: { code: 'credential.broker_unavailable', message: 'Try again.' },
      warnings: ['late'],
    });
    const { body } = await ask('GET', `${PATH}/status`);
    expect(body).toMatchObject({ enabled: true, checkpoint: 'three-last', nextRunAt: null });
    expect(body.lastRun).toMatchObject({ state: 'succeeded' });
  });

  test('what there is not is told as such, whatever it is called', async () => {
    for (const id of ['nope', 'one:log', '%00', 'a'.repeat(65), '..']) {
      const { status } = await bed.call(`${PATH}/runs/${encodeURIComponent(id)}/log`, {
        to: sources.app,
      });
      expect([id, status]).toEqual([id, 404]);
    }
    expect(await ask('POST', `${PATH}/runs/nope/cancel`)).toMatchObject({
      status: 404,
      body: { code: 'source.unknown_run' },
    });
  });

  test('one that is under way is cancelled, and one that has ended is not', async () => {
    const lease = await begun('live');
    expect((await ask('POST', `${PATH}/runs/live/cancel`)).status).toBe(202);
    expect((await lease.renew()).isCancelled).toBe(true);
    await lease.end({ state: 'cancelled', warnings: [], isCaughtUp: false, atMs: Date.now() });
    expect(await ask('POST', `${PATH}/runs/live/cancel`)).toMatchObject({
      status: 409,
      body: { code: 'source.run_ended' },
    });
  });
});

interface Following {
  signal?: AbortSignal | null;
  to?: RunningApp;
  path?: string;
}

describe('the log of a run', () => {
  beforeEach(made);

  const follow = (query = '', { signal = null, to = sources.app, path = PATH }: Following = {}) =>
    fetch(`http://127.0.0.1:${to.ports.http}${path}/runs/live/log${query}`, {
      headers: { accept: 'application/x-ndjson', authorization },
      signal,
    });
  const textsOf = (body: string): string[] =>
    body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { text?: string; run?: { state: string } })
      .map(({ text, run }) => text ?? `ended: ${run?.state}`);

  test('is told as far as it is there, and followed to the end', async () => {
    const lease = await begun('live');
    await lease.log('info', 'first');
    const answer = await follow();
    const followed = answer.text();
    await lease.log('warn', 'second');
    await lease.end({ state: 'succeeded', warnings: [], isCaughtUp: true, atMs: Date.now() });
    expect(textsOf(await followed)).toEqual(['first', 'second', 'ended: succeeded']);
    const { lines } = (await ask('GET', `${PATH}/runs/live/log`)).body as unknown as {
      lines: { place: string; level: string; text: string }[];
    };
    expect(lines).toMatchObject([
      { level: 'info', text: 'first' },
      { level: 'warn', text: 'second' },
    ]);
    const rest = await follow(`?after=${lines[0]?.place}`);
    expect(textsOf(await rest.text())).toEqual(['second', 'ended: succeeded']);
    expect((await ask('GET', `${PATH}/runs/live/log?after=x`)).status).toBe(400);
  });

  test("one tenant's followers leave room for those of others", async () => {
    await (await begun('live')).log('info', 'a line');
    const store = new ConfigStore(bed.redis);
    const source = await store.source('acme', 'auth0');
    if (source === undefined) throw new Error('it was made');
    await store.putSource('globex', source);
    const feed = { tenantId: 'globex', sourceId: 'auth0' };
    const lease = await RunLease.take(bed.redis, feed);
    await lease?.begin({ id: 'live', kind: 'now', atMs: Date.now() }, source.domain);
    await lease?.log('info', 'a line');
    const gone = new AbortController();
    const { signal } = gone;
    const path = '/v1/tenants/globex/sources/auth0';
    for (let i = 0; i < 16; i++) expect((await follow('', { signal })).status).toBe(200);
    expect((await follow('', { signal })).status).toBe(503);
    expect((await follow('', { signal, path })).status).toBe(200);
    gone.abort();
  });

  test('whoever stops listening keeps no other from it, and a console that ends waits for nobody', async () => {
    await (await begun('live')).log('info', 'a line'); // without one, an answer begins when the run has ended
    for (let i = 0; i < 70; i++) {
      const gone = new AbortController();
      const answer = await until(async () => {
        const one = await follow('', { signal: gone.signal });
        return one.status === 200 ? one : undefined;
      });
      expect(answer.headers.get('content-type')).toContain('ndjson');
      gone.abort();
    }
    const other = await bed.startApp({});
    const followed = await follow('', { to: other });
    const startedMs = Date.now();
    await other.close();
    expect(Date.now() - startedMs).toBeLessThan(20_000);
    await followed.text().catch(() => undefined);
  });
});

test("the extension's report is told in its shape, to whoever reads that", async () => {
  await made();
  await ended('one');
  await ended('two', true);
  await begun('live');
  type Report = { logs: Record<string, unknown>[]; total: number; lastRun: string };
  const read = async (query: string) =>
    (await ask('GET', `${PATH}/api/report${query}`)).body as unknown as Report;
  const all = await read('');
  expect(Object.keys(all).sort()).toEqual(['lastRun', 'logs', 'total']);
  expect(all.logs).toHaveLength(2);
  const failed = await read('?page=1&per_page=10&filter=errors');
  expect(failed.total).toBe(1);
  expect(failed.logs).toEqual([
    {
      start: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      end: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      startCheckpoint: 'one-last',
      logsProcessed: 2,
      checkpoint: 'two-last',
      warning: 'late',
      error: { code: 'credential.broker_unavailable', message: 'Try again.' },
    },
  ]);
  expect((await read('?page=0&per_page=x&nonce=1')).total).toBe(all.total);
  expect((await read('?page=99')).logs).toEqual([]);
});

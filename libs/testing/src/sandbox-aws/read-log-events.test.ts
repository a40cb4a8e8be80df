// Goal: what was put can be read back whole: no event twice, none missing, whatever the page size. Method: the real SDK. Doubles: none.
import fc from 'fast-check';
import { ACCOUNT, ADMIN, REGION, startWorld } from './fixtures';
import { logs, logsClient, refusalOf } from './sdk-clients';
import type { SandboxAws } from './start-sandbox-aws';

const NOW_MS = Date.now();
let sandbox: SandboxAws;
let client: logs.CloudWatchLogsClient;

beforeAll(async () => {
  sandbox = await startWorld({ nowMs: () => NOW_MS });
  client = logsClient({ endpoint: sandbox.url, credentials: ADMIN });
});

beforeEach(() => {
  freshGroup();
});

afterAll(async () => {
  client.destroy();
  await sandbox.stop();
});

function freshGroup(): void {
  const place = { account: ACCOUNT, region: REGION };
  sandbox.deleteLogGroup({ ...place, group: 'g' });
  sandbox.seed({ accounts: [ACCOUNT], logGroups: [{ ...place, name: 'g', streams: ['a', 'b'] }] });
}

function put(logStreamName: string, agesMs: number[], message = 'm'): Promise<unknown> {
  const logEvents = agesMs
    .map((ageMs) => ({ timestamp: NOW_MS - ageMs, message: `${message} ${String(ageMs)}` }))
    .sort((x, y) => x.timestamp - y.timestamp);
  return client.send(new logs.PutLogEventsCommand({ logGroupName: 'g', logStreamName, logEvents }));
}

function get(more: Partial<logs.GetLogEventsCommandInput> = {}) {
  return client.send(
    new logs.GetLogEventsCommand({ logGroupName: 'g', logStreamName: 'a', ...more }),
  );
}

function messages(answer: { events?: { message?: string }[] }): (string | undefined)[] {
  return (answer.events ?? []).map(({ message }) => message);
}

describe('GetLogEvents', () => {
  test('reads the latest events first unless told to start at the head', async () => {
    await put('a', [5, 4, 3, 2, 1]);
    expect(messages(await get({ limit: 2 }))).toEqual(['m 2', 'm 1']);
    expect(messages(await get({ limit: 2, startFromHead: true }))).toEqual(['m 5', 'm 4']);
  });

  test('the end of the time range is exclusive, its start inclusive', async () => {
    await put('a', [3, 2, 1]);
    const range = { startTime: NOW_MS - 3, endTime: NOW_MS - 1 };
    expect(messages(await get(range))).toEqual(['m 3', 'm 2']);
  });

  test('says that there is no more by giving the token back, and goes on when more arrives', async () => {
    await put('a', [9, 8]);
    const first = await get({ startFromHead: true });
    const second = await get({ nextToken: first.nextForwardToken });
    expect(second.events).toEqual([]);
    expect(second.nextForwardToken).toBe(first.nextForwardToken);
    await put('a', [7]);
    expect(messages(await get({ nextToken: second.nextForwardToken }))).toEqual(['m 7']);
    expect(messages(await get({ nextToken: first.nextBackwardToken }))).toEqual([]);
  });

  test('a page holds no more than a mebibyte', async () => {
    for (const ageMs of [3, 2, 1]) await put('a', [ageMs], 'x'.repeat(600_000));
    expect((await get({ startFromHead: true })).events).toHaveLength(1);
  });

  test.each([
    [{ limit: 10_001 }, 'InvalidParameterException'],
    [{ limit: 0 }, 'InvalidParameterException'],
    [{ nextToken: 'nonsense' }, 'InvalidParameterException'],
    [{ logStreamName: 'absent' }, 'ResourceNotFoundException'],
    [{ logGroupName: 'absent' }, 'ResourceNotFoundException'],
    [{ logGroupIdentifier: 'g' }, 'InvalidParameterException'],
  ])('%j is refused', async (more, code) => {
    expect(await refusalOf(get(more))).toMatchObject({ code });
  });

  test('pages forward and backward hold every event once, for any events and any page size', async () => {
    const agesMs = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(agesMs, fc.integer({ min: 1, max: 7 }), async (ages, limit) => {
        freshGroup();
        await put('a', ages.slice(0, 10));
        if (ages.length > 10) await put('a', ages.slice(10));
        const wanted = sandbox
          .logEvents({ account: ACCOUNT, region: REGION, group: 'g', stream: 'a' })
          .map(({ message }) => message);
        const forward: unknown[] = [];
        const backward: unknown[] = [];
        let page = await get({ limit, startFromHead: true });
        while (page.events?.length) {
          forward.push(...messages(page));
          page = await get({ limit, nextToken: page.nextForwardToken });
        }
        page = await get({ limit });
        while (page.events?.length) {
          backward.unshift(...messages(page));
          page = await get({ limit, nextToken: page.nextBackwardToken });
        }
        expect(forward).toEqual(wanted);
        expect(backward).toEqual(wanted);
      }),
      { numRuns: 25 },
    );
  });
});

describe('FilterLogEvents', () => {
  const filter = (more: Partial<logs.FilterLogEventsCommandInput> = {}) =>
    client.send(new logs.FilterLogEventsCommand({ logGroupName: 'g', ...more }));

  test('merges streams by time and gives every event an id of its own', async () => {
    await put('a', [5, 3, 1], 'from a');
    await put('b', [4, 2], 'from b');
    const answer = await filter();
    expect(messages(answer)).toEqual(['from a 5', 'from b 4', 'from a 3', 'from b 2', 'from a 1']);
    expect(answer.nextToken).toBeUndefined();
    expect(new Set(answer.events?.map(({ eventId }) => eventId)).size).toBe(5);
  });

  test('goes page by page through all of them', async () => {
    await put('a', [3, 3, 1], 'from a');
    await put('b', [3, 2], 'from b');
    const all = messages(await filter());
    const paged: unknown[] = [];
    let nextToken: string | undefined;
    do {
      const page = await filter({ limit: 1, ...(nextToken && { nextToken }) });
      paged.push(...messages(page));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    expect(paged).toEqual(all);
    expect(paged).toHaveLength(5);
  });

  test.each([
    [{ logStreamNames: ['b'] }, ['ERROR disk full 2']],
    [{ logStreamNamePrefix: 'a' }, ['INFO started 3', 'WARN disk nearly full 1']],
    [
      { startTime: NOW_MS - 2, endTime: NOW_MS - 1 },
      ['ERROR disk full 2', 'WARN disk nearly full 1'],
    ],
    [{ filterPattern: 'disk full' }, ['ERROR disk full 2', 'WARN disk nearly full 1']],
    [{ filterPattern: '"disk full"' }, ['ERROR disk full 2']],
    [{ filterPattern: 'disk -WARN' }, ['ERROR disk full 2']],
    [{ filterPattern: '?ERROR ?INFO' }, ['INFO started 3', 'ERROR disk full 2']],
  ])('%j finds %j', async (more, expected) => {
    await put('a', [3], 'INFO started');
    await put('b', [2], 'ERROR disk full');
    await put('a', [1], 'WARN disk nearly full');
    expect(messages(await filter(more))).toEqual(expected);
  });

  test.each([
    [{ filterPattern: '{ $.level = "error" }' }, 'InvalidParameterException'],
    [{ logStreamNames: ['absent'] }, 'ResourceNotFoundException'],
    [{ logStreamNames: ['a'], logStreamNamePrefix: 'a' }, 'InvalidParameterException'],
    [{ nextToken: 'nonsense' }, 'InvalidParameterException'],
    [{ filterPattern: 'x'.repeat(1_025) }, 'InvalidParameterException'],
  ])('%j is refused', async (more, code) => {
    expect(await refusalOf(filter(more))).toMatchObject({ code });
  });
});

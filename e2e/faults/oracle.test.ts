// The judge is judged: whatever Logferry promises not to do, the oracle must see. A world by hand, since no real one does any of it.
import type { Ledger } from '@logferry/core';
import { judge, type Allowance } from './oracle';
import { messageOf, SentLogEvents, type Origin } from './sent-log-events';
import { DESTINATIONS, LOG_GROUP, tenants, type Tenant } from './tenants';
import type { CutOff, World } from './world';

const TIME_MS = Date.UTC(2026, 10, 21);
const acme = theTenant('acme');
const globex = theTenant('globex');

function theTenant(id: string): Tenant {
  const found = tenants.find((tenant) => tenant.id === id);
  if (found === undefined) throw new Error(`there is no ${id}`);
  return found;
}

const event = (sequence: number, tenant = acme.id): Origin => ({
  tenant,
  producer: 'p',
  sequence,
});

interface Call {
  tenant?: Tenant;
  origins: Origin[];
  atMs?: number;
  timeMs?: number;
  isAnswerLost?: boolean;
}

/** What is in AWS, and what the ledgers say; nothing is in Redis. */
interface Situation {
  calls?: Call[];
  objects?: { tenant?: Tenant; origins: Origin[] }[];
  ledger?: Partial<Ledger>;
  cutOffs?: CutOff[];
}

const linesOf = (origins: readonly Origin[]): Buffer =>
  Buffer.from(
    origins
      .map((origin) =>
        JSON.stringify({ message: messageOf(origin, 'x'), time: new Date(TIME_MS).toISOString() }),
      )
      .join('\n'),
  );

function aWorld({ calls = [], objects = [], ledger = {}, cutOffs = [] }: Situation): World {
  const nothing = { accepted: 0, delivered: 0, rejected: 0, deadLettered: 0, waiting: 0 };
  const world = {
    taken: calls.map(({ tenant = acme, origins, atMs = 0, timeMs = TIME_MS, ...call }) => ({
      account: tenant.account,
      region: tenant.region,
      group: LOG_GROUP,
      stream: 'p',
      events: origins.map((origin) => ({ timestamp: timeMs, message: messageOf(origin, 'x') })),
      userAgent: 'aws-sdk app/cloudwatch-worker-1.1',
      isAnswerLost: call.isAnswerLost ?? false,
      takenAtMs: atMs,
    })),
    cutOffs,
    aws: {
      objects: (bucket: string) =>
        objects
          .filter(({ tenant = acme }) => tenant.bucket === bucket)
          .map(({ origins }, index) => ({ key: `${index}`, content: linesOf(origins) })),
      counters: () => ({ objects: { overwritten: 0 } }),
      memory: () => ({ droppedEvents: 0 }),
    },
    client: { zrange: () => Promise.resolve([]) },
    store: { totals: () => Promise.resolve(nothing) },
    ledgers: () =>
      Promise.resolve(
        DESTINATIONS.map((destination) => ({
          tenant: acme.id,
          destination,
          ledger: { ...nothing, accepted: 1, delivered: 1, ...ledger },
        })),
      ),
  };
  return world as unknown as World;
}

async function problemsOf(
  situation: Situation,
  { refused = [], allowance }: { refused?: Origin[]; allowance?: Allowance } = {},
): Promise<string[]> {
  const sent = new SentLogEvents();
  sent.note([{ ...event(1), timeMs: TIME_MS }], 'acknowledged');
  for (const origin of refused) sent.note([{ ...origin, timeMs: TIME_MS }], 'refused');
  return (await judge(aWorld(situation), sent, allowance)).problems;
}

const once = { calls: [{ origins: [event(1)] }], objects: [{ origins: [event(1)] }] };

test('what was acknowledged and is everywhere once is no problem', async () => {
  expect(await problemsOf(once)).toEqual([]);
});

test.each<[string, RegExp, Situation]>([
  ['is missing in one place', /acknowledged and not in s3/, { calls: once.calls }],
  ['was never sent', /invented/, { ...once, calls: [{ origins: [event(1), event(2)] }] }],
  [
    'is in the account of another tenant',
    /another tenant's/,
    { ...once, calls: [...once.calls, { tenant: globex, origins: [event(1)] }] },
  ],
  ['is in two objects', /twice in S3/, { ...once, objects: [...once.objects, ...once.objects] }],
  [
    'was put twice without a reason',
    /twice without a reason/,
    { ...once, calls: [...once.calls, { origins: [event(1)], atMs: 100 }] },
  ],
  [
    'was put again by a worker that died long after its call',
    /twice without a reason/,
    {
      ...once,
      calls: [...once.calls, { origins: [event(1)], atMs: 60_000 }],
      cutOffs: [
        { incarnation: 'cloudwatch-worker-1.1', fromMs: 50_000, toMs: 50_000, why: 'killed' },
      ],
    },
  ],
  [
    'is of another time',
    /of another time/,
    { ...once, calls: [{ origins: [event(1)], timeMs: TIME_MS + 1 }] },
  ],
  ['is counted otherwise than it is', /the ledger of acme/, { ...once, ledger: { delivered: 2 } }],
  ['is not accounted for', /does not balance/, { ...once, ledger: { accepted: 2 } }],
])('a log event that %s is a problem', async (_, problem, situation) => {
  expect((await problemsOf(situation)).join('\n')).toMatch(problem);
});

test('what was refused and is there all the same is a problem', async () => {
  const situation = { ...once, calls: [{ origins: [event(1), event(2)] }] };
  const problems = await problemsOf(situation, { refused: [event(2)] });
  expect(problems.join('\n')).toMatch(/refused and there all the same/);
});

test.each<[string, Partial<Call>, CutOff[]]>([
  ['its answer was lost', { isAnswerLost: true }, []],
  [
    'its worker was killed right after it',
    {},
    [{ incarnation: 'cloudwatch-worker-1.1', fromMs: 10, toMs: 10, why: 'killed' }],
  ],
  ['Redis was away', {}, [{ fromMs: 10, toMs: 20, why: 'Redis killed' }]],
])('a call that was put again is excused if %s', async (_, call, cutOffs) => {
  const calls = [
    { origins: [event(1)], ...call },
    { origins: [event(1)], atMs: 15_000 },
  ];
  expect(await problemsOf({ ...once, calls, cutOffs })).toEqual([]);
});

test('what a power cut may take is not a problem, and nothing else is excused by it', async () => {
  const allowance = { mayMiss: () => true };
  const nowhere = { ledger: { accepted: 0, delivered: 0 } };
  expect(await problemsOf(nowhere, { allowance })).toEqual([]);
  expect(await problemsOf(nowhere, { allowance: { mayMiss: () => false } })).toHaveLength(2);
});

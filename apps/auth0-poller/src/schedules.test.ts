import { Source } from '@logferry/core';
import type { Scheduled } from '@logferry/sources';
import { until } from '@logferry/testing';
import { Schedules } from './schedules';

const source = Source.parse({
  id: 'auth0',
  type: 'auth0',
  domain: 'acme.eu.auth0.com',
  clientId: 'a-client',
  sealedSecret: `v1.1.${'A'.repeat(16)}.${'B'.repeat(30)}`,
});

let schedules: Schedules;

afterEach(() => {
  schedules.stop();
});

/**
 * What the queue is told, in its order.
 *
 * @param taken how long it takes to hear it
 */
function start(taken: () => Promise<void> = () => Promise.resolve()): (readonly Scheduled[])[] {
  const told: (readonly Scheduled[])[] = [];
  const store = {
    tenantIds: () => Promise.resolve(['acme']),
    sources: () =>
      Promise.resolve({
        sources: [source, { ...source, id: 'paused', enabled: false }],
        unreadable: [],
      }),
  };
  const queue = {
    reconcile: (wanted: readonly Scheduled[]) => {
      told.push(wanted);
      return taken();
    },
  };
  schedules = new Schedules(store, queue, (error) => {
    throw error;
  });
  schedules.start();
  return told;
}

test('sources that are on are due, and those that are off are not', async () => {
  const told = start();
  await until(() => told.length === 1);
  const { schedule, timeZone } = source;
  expect(told[0]).toEqual([{ tenantId: 'acme', sourceId: 'auth0', schedule, timeZone }]);
});

test('changes that come without a pause put no look off', async () => {
  const told = start();
  const changing = setInterval(() => schedules.changed(), 20);
  try {
    await until(() => told.length >= 3, { timeoutMs: 5_000 });
    expect(told[2]).toEqual(told[0]);
  } finally {
    clearInterval(changing);
  }
});

test('what changes while it is looked is looked at again at once', async () => {
  const { promise: slow, resolve: end } = Promise.withResolvers<void>();
  const told = start(() => slow);
  await until(() => told.length === 1);
  schedules.changed();
  end();
  await until(() => told.length === 2, { timeoutMs: 5_000 });
  expect(told[1]).toEqual(told[0]);
});

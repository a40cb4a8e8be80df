import type { Destination } from '@logferry/core';
import { aLogEvent } from '@logferry/testing';
import { cloudWatch, tenant } from './accept-log-events.testbed';
import { Router } from './router';

const overriding = (id: string, scope: string, over: object = {}): Destination =>
  cloudWatch(id, {
    preset: 'env0',
    override: { scope },
    filter: { types: ['deployment'] },
    ...over,
  });

const record = tenant(
  'acme',
  cloudWatch('own', { preset: 'env0' }),
  cloudWatch('always'),
  overriding('prod', 'project/web/environment/prod'),
  overriding('off', 'project/web/environment/dev', { enabled: false }),
);

const routesOf = (router: Router, type: string, scope?: string): string[] => {
  const event = aLogEvent({ type, scope });
  return router
    .routesOf(record)(event)
    .filter(({ wants }) => wants(event))
    .map(({ laneOf }) => laneOf(event).destinationId)
    .sort();
};

test.each([
  ['deployment', undefined, ['always', 'own']],
  ['deployment', 'project/web/environment/prod', ['always', 'prod']],
  ['audit', 'project/web/environment/prod', ['always', 'own']],
  // Switched off at the nearest scope is off, and not what is set farther away.
  ['deployment', 'project/web/environment/dev', ['always']],
])('a %s log event of %s goes to %j, however often it is asked', (type, scope, destinations) => {
  const router = new Router();
  for (const other of ['deployment', 'audit', type]) {
    routesOf(router, other, 'somewhere/else');
    expect(routesOf(router, type, scope)).toEqual(destinations);
    expect(routesOf(router, type, scope)).toEqual(destinations);
  }
});

test('a tenant with more places than are remembered is routed alike', () => {
  const router = new Router();
  for (const round of [0, 1])
    for (let i = 0; i < 1_500; i++)
      expect(routesOf(router, 'deployment', `project/${i}/${round}`)).toEqual(['always', 'own']);
  expect(routesOf(router, 'deployment', 'project/web/environment/prod')).toContain('prod');
});

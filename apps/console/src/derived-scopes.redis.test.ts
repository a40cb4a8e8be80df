// A destination that variables make has a digest for an id: wherever it is in trouble, the scope of its variables is told too.
import { Failure } from '@logferry/core';
import { aCloudWatchLane, until } from '@logferry/testing';
import { someVariables } from './api-examples';
import { useConsoleTestbed } from './console.testbed';

const bed = useConsoleTestbed();

interface Shown {
  destination: string;
  scope?: string;
}

/** Sets variables at a scope, and resolves with the id of what they make. */
async function derivedAt(path: string): Promise<string> {
  const { body } = await bed.json<{ destinations: { id: string }[] }>(`/v1/tenants/acme/${path}`, {
    method: 'PUT',
    body: someVariables,
  });
  return body.destinations[0]?.id ?? '';
}

const deadLetters = async (): Promise<Shown[]> =>
  (await bed.json<{ deadLetters: Shown[] }>('/v1/dead-letters')).body.deadLetters;
const held = async (): Promise<Shown[]> =>
  (await bed.json<{ heldDestinations: Shown[] }>('/v1/held-destinations')).body.heldDestinations;
const scopesOf = (shown: Shown[]) =>
  Object.fromEntries(shown.map(({ destination, scope }) => [destination, scope]));

let ofWeb: string;
let ofTenant: string;

beforeEach(async () => {
  await bed.call('/v1/tenants/acme', { method: 'PUT', body: {} });
  ofTenant = await derivedAt('variables');
  ofWeb = await derivedAt('scopes/project%2F%3Cweb%3E/variables');
});

test('of a dead letter, in the list, on its own and on the page', async () => {
  for (const destinationId of [ofWeb, ofTenant, 'cw']) await bed.deadLetters(1, { destinationId });
  expect(scopesOf(await deadLetters())).toEqual({
    [ofWeb]: 'project/<web>',
    [ofTenant]: '',
    cw: undefined,
  });
  const [first] = (await bed.json<{ deadLetters: { id: string }[] }>('/v1/dead-letters')).body
    .deadLetters;
  expect((await bed.json(`/v1/dead-letters/${first?.id}`)).body).toEqual(first);
  const { text } = await bed.call('/dead-letters');
  expect(text.match(/variables of project\/&#60;web&#62;</g)).toHaveLength(2);
  expect(text.match(/variables of the tenant</g)).toHaveLength(2);
});

test('of what is held, and on the first page', async () => {
  bed.consume(() => Promise.reject(new Failure('cloudwatch.access_denied')));
  for (const destinationId of [ofWeb, ofTenant, 'cw'])
    await bed.send(aCloudWatchLane({ id: destinationId, destinationId, lingerMs: 0 }), ['waits']);
  await until(async () => (await held()).length === 3);
  expect(scopesOf(await held())).toEqual({
    [ofWeb]: 'project/<web>',
    [ofTenant]: '',
    cw: undefined,
  });
  const { text } = await bed.call('/');
  // In the table of what is held, and in that of all destinations.
  expect(text.match(/variables of project\/&#60;web&#62;</g)).toHaveLength(2);
});

test('of one that was unmade since, nobody knows it any more', async () => {
  await bed.deadLetters(1, { destinationId: ofWeb });
  await bed.call('/v1/tenants/acme/scopes/project%2F%3Cweb%3E/variables', { method: 'DELETE' });
  expect(scopesOf(await deadLetters())).toEqual({ [ofWeb]: undefined });
});

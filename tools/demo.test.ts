// What npm start looks for before it says that all has arrived.
import type { Auth0StandIn, SandboxAws } from '@logferry/testing';
import { demoAuth0Logs, startDemoAuth0 } from './auth0-demo';
import { findPulled } from './demo';

let auth0: Auth0StandIn;
beforeAll(async () => {
  auth0 = await startDemoAuth0(0);
});
afterAll(() => auth0.stop());

/** The sandbox with these log events, in both kinds of destinations. */
function arrived(logs: readonly { id: string; text: string }[]): SandboxAws {
  const content = logs.map(({ id }) => `${JSON.stringify({ id })}\n`).join('');
  return {
    logEvents: () => logs.map(({ text: message }) => ({ message })),
    objects: () => [{ key: 'auth0/tenant/one.log', content: Buffer.from(content) }],
  } as unknown as SandboxAws;
}

const ofBefore = { id: 'of-before', text: '{"log_id":"of-before"}' };

test('what was pulled has arrived when each of it is there, whatever a start of before had left waiting', () => {
  const logs = demoAuth0Logs(auth0);
  const found = findPulled(arrived([ofBefore, ...logs]), auth0);
  expect(found?.map(({ logEvents }) => logEvents)).toEqual([logs.length, logs.length]);
});

test('it has not arrived while one of it is missing, or is there twice', () => {
  const [first, ...others] = demoAuth0Logs(auth0);
  if (first === undefined) throw new Error('there are log events');
  expect(findPulled(arrived(others), auth0)).toBeUndefined();
  expect(findPulled(arrived([ofBefore, ...others]), auth0)).toBeUndefined();
  expect(findPulled(arrived([first, first, ...others]), auth0)).toBeUndefined();
});

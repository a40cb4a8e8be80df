// The Auth0 tenant of the demo customer: a stand-in whose log somebody goes on writing, and what pulls it.
import { Destination, type SourceInput } from '@logferry/core';
import { LOG_TYPES, startAuth0StandIn, type Auth0StandIn } from '@logferry/testing';

const DOMAIN = 'demo.eu.auth0.com';
const CLIENT = { clientId: 'demo-log-export', clientSecret: 'demo-log-export-secret' };
/** Some of each type, so that nothing about them goes unseen. */
const LOGS = 3_000;
/** All of them are newer than those of a start before, so that its checkpoint is before all of them. */
const EVERY_MS = 1;

/** Where its log events belong. */
export const AUTH0_LOG_GROUP = 'auth0-logs';
export const AUTH0_LOG_STREAM = DOMAIN;
const TYPES = ['tenant'];

export async function startDemoAuth0(port: number): Promise<Auth0StandIn> {
  const auth0 = await startAuth0StandIn({ port });
  const tenant = auth0.addTenant({ domain: DOMAIN, clients: [CLIENT], latencyMs: 20 });
  tenant.setRateLimit({ burst: 50, perSecond: 16 });
  const beganMs = Date.now() - LOGS * EVERY_MS;
  tenant.fill(LOGS, {
    everyMs: EVERY_MS,
    types: LOG_TYPES,
    // In the order of their ids, as in a log that is not written to by a thousand users a second.
    fields: (n) => ({ date: new Date(beganMs + n * EVERY_MS).toISOString() }),
  });
  return auth0;
}

/** The log events that it has, as they are to arrive. */
export function demoAuth0Logs(auth0: Auth0StandIn): { id: string; text: string }[] {
  const logs = auth0.tenant(DOMAIN).log.all();
  return logs.map((log) => ({ id: log.log_id, text: JSON.stringify(log) }));
}

/** Lets something happen there every now and then, so that every run finds something. */
export function goOnLogging(auth0: Auth0StandIn): void {
  const tenant = auth0.tenant(DOMAIN);
  let n = 0;
  setInterval(() => {
    tenant.fill(1, { types: [LOG_TYPES[n % LOG_TYPES.length] ?? 's'] });
    n += 1;
  }, 2_000).unref();
}

export const demoSource: Partial<SourceInput> & Pick<SourceInput, 'id' | 'clientSecret'> = {
  id: 'auth0',
  domain: DOMAIN,
  ...CLIENT,
  // The extension's own standard is every five minutes; whoever tries things out does not want to wait for it.
  schedule: '*/5 * * * * *',
};

/** Beside the destinations for what env0 sends, and in the same account. */
export function auth0Destinations(shared: object, bucket: string): Destination[] {
  const both = { ...shared, preset: 'auth0', filter: { types: TYPES } };
  return [
    Destination.parse({
      ...both,
      id: 'auth0-cloudwatch',
      type: 'cloudwatch',
      cloudwatch: { logGroup: AUTH0_LOG_GROUP, logStream: AUTH0_LOG_STREAM },
    }),
    Destination.parse({
      ...both,
      id: 'auth0-s3',
      type: 's3',
      s3: { bucket, path: 'auth0', lingerMs: 2_000 },
    }),
  ];
}

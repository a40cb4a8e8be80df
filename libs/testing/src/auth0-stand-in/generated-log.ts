import type { NewAuth0Log } from './tenant-logs';

/** What a tenant's log mostly consists of. */
export const FILL_TYPES = ['s', 'seacft', 'f', 'fp', 'ss', 'sapi', 'slo', 'seccft'] as const;

/** Auth0's delay: an event is taken in a little after it happened. */
const TAKEN_IN_AFTER_MS = 400;

export function generatedLog(type: string, domain: string, takenAtMs: number): NewAuth0Log {
  return {
    type,
    date: new Date(takenAtMs - TAKEN_IN_AFTER_MS).toISOString(),
    description: 'generated',
    environment_name: 'prod-eu-1',
    tenant_name: domain.split('.')[0],
    ip: '203.0.113.7',
    user_agent: 'Chrome 138.0.0 / Mac OS X 10.15.7',
    isMobile: false,
  };
}

import type { KeyedHash } from '@logferry/core';
import type { Secret } from '@logferry/runtime';
import { createHmac } from 'node:crypto';

const HEX_CHARS = 32;

/**
 * The hash that stands in a log event for what must not be in it. Of one value it is the same in all destinations of a tenant, so that
 * log events can be joined by it, and another in each tenant, so that two customers cannot compare theirs.
 */
export function keyedHash(secret: Secret, tenantId: string): KeyedHash {
  return (text) => {
    const digest = createHmac('sha256', secret.reveal())
      .update(`${tenantId}\n${text}`)
      .digest('hex');
    return `hmac-${digest.slice(0, HEX_CHARS)}`;
  };
}

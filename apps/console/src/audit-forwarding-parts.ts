import type { RedisClient } from '@logferry/queue';
import { ConfigError, type Logger, type Metrics } from '@logferry/runtime';
import { AuditOutbox, forwardingOutcomes } from '@logferry/store';
import { AuditForwarder } from './audit-forwarder';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { IngestClient } from './ingest-client';

/** Forwards the audit trail, if the platform has said where to. */
export const AUDIT_FORWARDING = Symbol('AuditForwarding');

type IngestSettings = Pick<ConsoleConfig, 'ingestUrl' | 'ingestKey'>;

export function auditForwardingParts(redisToken: symbol, logToken: symbol) {
  return [
    {
      provide: AuditOutbox,
      inject: [redisToken],
      useFactory: (redis: RedisClient) => new AuditOutbox(redis),
    },
    {
      provide: AUDIT_FORWARDING,
      inject: [AuditOutbox, CONSOLE_CONFIG, logToken],
      useFactory: (outbox: AuditOutbox, config: ConsoleConfig, log: Logger) => {
        const ingest = ingestOf(config);
        if (ingest === undefined) return { start: () => undefined, stop: () => undefined };
        return new AuditForwarder({ outbox, ingest, log });
      },
    },
  ];
}

/** @throws ConfigError */
export function ingestOf({ ingestUrl, ingestKey }: IngestSettings): IngestClient | undefined {
  if (ingestUrl === undefined && ingestKey === undefined) return undefined;
  if (ingestUrl === undefined || ingestKey === undefined)
    throw new ConfigError([
      'LOGFERRY_CONSOLE_INGEST_URL and LOGFERRY_CONSOLE_INGEST_KEY: one of them is set; set both, or none',
    ]);
  const protocol = URL.parse(ingestUrl)?.protocol;
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new ConfigError([
      'LOGFERRY_CONSOLE_INGEST_URL must be an address that begins with http:// or https://',
    ]);
  return new IngestClient(ingestUrl, ingestKey);
}

/** What cannot be read is left out: a 0 would say that nothing waits. */
export function auditForwardingGauge(metrics: Metrics, outbox: AuditOutbox): void {
  const gauge = metrics.gauge(
    'audit_forwarding_entries',
    'Entries of the audit trail that were to be forwarded, by what became of them',
    ['state'],
    async () => {
      const counts = await outbox.counts().catch(() => undefined);
      gauge.reset();
      if (counts === undefined) return;
      for (const state of [...forwardingOutcomes, 'waiting'] as const)
        gauge.set({ state }, counts[state]);
    },
  );
}

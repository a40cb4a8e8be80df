import { backoffMs } from '@logferry/core';
import type { Logger } from '@logferry/runtime';
import type { AuditOutbox, ForwardingCounts, QueuedEntry } from '@logferry/store';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditLogEvent } from './audit-log-event';
import type { IngestClient, SendOutcome } from './ingest-client';

/** Longer than a request to ingest and the steps around it may take. */
const LEASE_MS = 15_000;
const TENANTS_A_ROUND = 100;
const TENANTS_AT_ONCE = 4;
/** Then it is another tenant's turn. */
const ENTRIES_A_TURN = 50;
const TENANT_WAIT_MS = 5_000;
const BACKOFF = { firstMs: 1_000, mostMs: 60_000 };

interface AuditForwarderParts {
  outbox: AuditOutbox;
  ingest: Pick<IngestClient, 'send'>;
  log: Pick<Logger, 'info' | 'warn' | 'debug'>;
  /**
   * How old an entry must be. Ingest hears of a new destination within a second; what was sent to it before, the destination whose
   * making it tells of would never have.
   */
  ageMs?: number;
  pollMs?: number;
}

/**
 * Sends the entries of tenants' audit trails to ingest as log events, in their order, one process at a time.
 *
 * An entry leaves its queue when ingest has accepted it. Whatever happens in between, it is sent again with the same Idempotency-Key,
 * which adds nothing as long as ingest remembers the key.
 */
export class AuditForwarder {
  private readonly owner = randomUUID();
  private readonly stopped = new AbortController();
  private readonly ageMs: number;
  private readonly pollMs: number;
  private running: Promise<void> | undefined;
  private isOwner = false;
  private seen: ForwardingCounts | undefined;
  /** How often in a row ingest took nothing, and until when it is left alone. */
  private failures = 0;
  private waitMs = 0;

  constructor(private readonly parts: AuditForwarderParts) {
    this.ageMs = parts.ageMs ?? 2_000;
    this.pollMs = parts.pollMs ?? 1_000;
  }

  start(): void {
    this.running = this.run();
  }

  /** Resolves when what is under way has its answer. */
  async stop(): Promise<void> {
    this.stopped.abort();
    await this.running;
    if (this.isOwner) await this.parts.outbox.release(this.owner).catch(() => undefined);
  }

  private async run(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      const waitMs = await this.round().catch((error: unknown) => {
        this.parts.log.debug({ err: error }, 'the audit trail cannot be forwarded');
        return this.pollMs;
      });
      await sleep(waitMs, undefined, { signal: this.stopped.signal }).catch(() => undefined);
    }
  }

  /** @returns after how long there may be more to do */
  private async round(): Promise<number> {
    const { outbox } = this.parts;
    if (!(await this.mayGoOn())) return this.pollMs;
    await this.tellOfLost();
    const tenants = await outbox.due(TENANTS_A_ROUND);
    this.waitMs = 0;
    let settled = 0;
    const takeTurns = async (): Promise<void> => {
      for (let tenant = tenants.shift(); tenant !== undefined; tenant = tenants.shift()) {
        if (this.waitMs > 0) return;
        settled += await this.turn(tenant);
      }
    };
    await Promise.all(Array.from({ length: TENANTS_AT_ONCE }, takeTurns));
    if (this.waitMs > 0) return this.waitMs;
    return settled > 0 ? 0 : this.pollMs;
  }

  /** @returns how many entries have left the tenant's queue */
  private async turn(tenantId: string): Promise<number> {
    let settled = 0;
    for (const queued of await this.parts.outbox.next(tenantId, ENTRIES_A_TURN, this.ageMs)) {
      if (this.stopped.signal.aborted || this.waitMs > 0) break;
      if (!(await this.mayGoOn()) || !(await this.forward(tenantId, queued))) break;
      settled++;
    }
    return settled;
  }

  /** @returns whether the entry has left the queue */
  private async forward(tenantId: string, { id, entry }: QueuedEntry): Promise<boolean> {
    const { outbox, ingest } = this.parts;
    if (entry === undefined) return this.lose(tenantId, id, 'trimmed');
    const outcome = await ingest.send({
      tenantId,
      logEvent: auditLogEvent(tenantId, entry),
      idempotencyKey: `audit/${tenantId}/${id}`,
    });
    if (outcome.kind === 'later') {
      await this.putOff(tenantId, id, outcome);
      return false;
    }
    if (this.failures > 0) this.parts.log.info('the audit trail is forwarded again');
    this.failures = 0;
    if (outcome.kind === 'refused') return this.lose(tenantId, id, 'refused', outcome.code);
    return outbox.settle(tenantId, id, 'forwarded');
  }

  private async putOff(
    tenantId: string,
    entry: string,
    { concerns, why, waitMs }: Extract<SendOutcome, { kind: 'later' }>,
  ): Promise<void> {
    const { outbox, log } = this.parts;
    switch (concerns) {
      case 'tenant':
        return outbox.postpone(tenantId, waitMs ?? TENANT_WAIT_MS);
      case 'log event':
        // Nothing overtakes it, and nothing of it is lost: somebody has to look.
        log.warn({ tenantId, entry, why }, 'ingest does not take an entry of the audit trail');
        return outbox.postpone(tenantId, waitMs ?? BACKOFF.mostMs);
      case 'everybody':
        this.failures++;
        this.waitMs = waitMs ?? backoffMs(this.failures, Math.random(), BACKOFF);
        this.waitMs = Math.max(this.waitMs, this.pollMs);
        log.warn({ why }, 'ingest takes nothing of the audit trail now');
    }
  }

  private async lose(
    tenantId: string,
    id: string,
    ...[how, code]: [how: 'trimmed' | 'refused', code?: string]
  ): Promise<boolean> {
    const isSettled = await this.parts.outbox.settle(tenantId, id, how);
    if (!isSettled) return false;
    if (this.seen !== undefined) this.seen[how]++;
    this.parts.log.warn({ tenantId, entry: id, how, code }, NOT_FORWARDED);
    return true;
  }

  private async mayGoOn(): Promise<boolean> {
    const wasOwner = this.isOwner;
    this.isOwner = await this.parts.outbox.claim(this.owner, LEASE_MS);
    if (!wasOwner && this.isOwner) {
      this.seen = await this.parts.outbox.counts();
      this.parts.log.info({ ...this.seen }, 'this process forwards the audit trail');
    }
    return this.isOwner;
  }

  /** What left a queue without us: the trail had no more room for it, or its tenant was deleted. */
  private async tellOfLost(): Promise<void> {
    const counts = await this.parts.outbox.counts();
    for (const how of ['trimmed', 'tenant_deleted'] as const) {
      const entries = counts[how] - (this.seen?.[how] ?? 0);
      if (entries > 0) this.parts.log.warn({ entries, how }, NOT_FORWARDED);
    }
    this.seen = counts;
  }
}

const NOT_FORWARDED = 'entries of the audit trail will not be forwarded';

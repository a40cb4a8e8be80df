// Accepting log events where Redis is played by appenders that note what they are given.
import { Destination, type LogEventDefaults } from '@logferry/core';
import type { Append, AppendOutcome } from '@logferry/queue';
import type { TenantRecord } from '@logferry/store';
import { AcceptLogEvents, type AcceptRequest, type Appender } from './accept-log-events';
import { readBody } from './request-body';
import { Router } from './router';

export const nowMs = Date.UTC(2026, 10, 21, 10, 48);
const credentials = { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' };

export const cloudWatch = (id: string, over: object = {}): Destination =>
  Destination.parse({
    id,
    type: 'cloudwatch',
    region: 'eu-central-1',
    credentials,
    cloudwatch: { logGroup: 'group-{type}', logStream: 'stream' },
    ...over,
  });

export const s3 = (id: string, over: object = {}): Destination =>
  Destination.parse({
    id,
    type: 's3',
    region: 'eu-central-1',
    credentials,
    s3: { bucket: 'acme-logs' },
    ...over,
  });

export const tenant = (id: string, ...destinations: Destination[]): TenantRecord => ({
  tenant: { id },
  destinations,
});

/** What one appender was given, by destination, and how much was filtered. */
export class NotingAppender implements Appender {
  readonly texts: Record<string, string[]> = {};
  filtered: Record<string, number> = {};
  readonly marks: string[] = [];
  calls = 0;
  bytes = 0;

  append(append: Append, bytes: number): Promise<AppendOutcome> {
    const { fragmentsByLane, filteredByTenant, marked = [], duplicates = 0 } = append;
    for (const [digest] of marked) this.marks.push(digest);
    this.calls++;
    this.bytes += bytes;
    for (const [{ tenantId, destinationId, target }, fragments] of fragmentsByLane) {
      const place = target.sink === 's3' ? target.key.split('/')[0] : target.logGroup;
      const name = `${tenantId}/${destinationId} ${place}`;
      (this.texts[name] ??= []).push(...fragments.map(({ text }) => text));
    }
    this.filtered = { ...this.filtered, ...Object.fromEntries(filteredByTenant) };
    return Promise.resolve({ repeated: false, duplicates });
  }
}

interface Sent {
  body: unknown;
  /** Text is NDJSON unless it says otherwise, and everything else an array. */
  contentType?: string;
  router?: Router;
  record?: TenantRecord | undefined;
  defaults?: Partial<LogEventDefaults>;
  tenants?: Record<string, TenantRecord | 'unreadable'>;
  full?: string[];
  once?: AcceptRequest['once'];
  appenders?: Appender[];
}

export async function accept({
  body,
  contentType = typeof body === 'string' ? 'application/x-ndjson' : 'application/json',
  router = new Router(),
  record,
  defaults = {},
  tenants = {},
  full = [],
  once,
  appenders = [new NotingAppender()],
}: Sent) {
  const asked: string[] = [];
  const find = (id: string): Promise<TenantRecord | 'unreadable' | undefined> => {
    asked.push(id);
    return Promise.resolve(tenants[id]);
  };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const values = readBody(Buffer.from(text), contentType);
  const accepting = new AcceptLogEvents(appenders, router, {
    findTenant: find,
    isFull: (id) => full.includes(id),
  });
  const tenantInEvent = record === undefined;
  const acceptance = await accepting.run({
    values,
    record,
    once,
    defaults: { nowMs, type: 'audit', tenantInEvent, ...defaults },
  });
  return { ...acceptance, asked };
}

import {
  assert,
  destinationKey,
  fnv1a,
  parseLogEvent,
  shardOf,
  type Lane,
  type LogEvent,
  type LogEventDefaults,
  type Refusal,
  type RefusalCode,
} from '@logferry/core';
import {
  APPEND_BATCHES_MAX,
  APPEND_MARKS_MAX,
  batchesOf,
  cutToFit,
  encodeFragment,
  type Append,
  type AppendOutcome,
  type Fragment,
  type Marked,
  type Once,
} from '@logferry/queue';
import { RequestProblem } from '@logferry/runtime';
import type { TenantRecord } from '@logferry/store';
import { hash } from 'node:crypto';
import { withVerdict } from './idempotency';
import { INVALID, type BodyValues } from './request-body';
import type { Router } from './router';

/** Where accepted log events go: one producer a shard. */
export interface Appender {
  append(append: Append, bytes: number): Promise<AppendOutcome>;
}

/** What is known of tenants. */
export interface KnownTenants {
  findTenant(tenantId: string): Promise<TenantRecord | 'unreadable' | undefined>;
  /** Whether so much waits for it that it has to wait itself. */
  isFull(tenantId: string): boolean;
}

export interface AcceptRequest {
  values: BodyValues;
  defaults: LogEventDefaults;
  /** The tenant that the whole request is for; if there is none, every log event names its own. */
  record: TenantRecord | undefined;
  /** If given, a repetition of the request within the window is answered alike and adds nothing. */
  once?: Once | undefined;
}

/** The verdict on a request: every log event is in one of the two. */
export interface Verdict {
  accepted: number;
  rejected: { index: number; code: RefusalCode; message: string }[];
  /** How many of those accepted no destination wants. */
  filtered?: number;
  /** How many of those accepted a destination had already, by their ids; each destination counts. */
  duplicates?: number;
}

export interface Acceptance {
  verdict: Verdict;
  /** Whether all of it had been added before, for a request of the same Idempotency-Key. */
  repeated: boolean;
}

interface Planned {
  append: Append;
  bytes: number;
  /** The log event that each mark stands for, and the last one that was left out for a mark. */
  events?: Map<string, LogEvent>;
  leftOut?: { event: LogEvent; digest: string };
}

/** Where the last log event was put. */
interface Run {
  lane: Lane;
  fragments: Fragment[];
  planned: Planned;
}

/** What a request adds, by shard, while it is put together. */
interface Plan {
  appends: Map<number, Planned>;
  last?: Run;
  filtered: number;
}

/**
 * Takes a request's log events: each is checked, routed, encoded for every destination that wants it, and written to Redis. What is
 * accepted is in Redis when this resolves; what is not is named with its reason.
 */
export class AcceptLogEvents {
  constructor(
    private readonly appenders: readonly Appender[],
    private readonly router: Router,
    private readonly tenants: KnownTenants,
  ) {}

  /** @throws whatever the appenders throw, `TokenReused` among it: then nothing of the request is acknowledged. */
  async run(request: AcceptRequest): Promise<Acceptance> {
    const { values, record } = request;
    const parsed: Parsed[] = [];
    for (let index = 0; index < values.count; index++) parsed.push(parse(request, index));
    const recordOf = record === undefined ? await this.findTenants(parsed) : () => record;

    const verdict: Verdict = { accepted: 0, rejected: [] };
    const plan: Plan = { appends: new Map(), filtered: 0 };
    parsed.forEach((item, index) => {
      const refusal =
        item.event === undefined
          ? item.refusal
          : this.place(recordOf(item.tenantId), item.event, plan);
      if (refusal === undefined) verdict.accepted++;
      else verdict.rejected.push({ index, ...refusal });
    });
    const once = request.once && withVerdict(request.once, verdict.rejected);
    const outcomes = await this.store(plan, once);
    const duplicates = outcomes.reduce((sum, outcome) => sum + outcome.duplicates, 0);
    const { filtered } = plan;
    return {
      verdict: {
        ...verdict,
        ...(filtered === 0 ? {} : { filtered }),
        ...(duplicates === 0 ? {} : { duplicates }),
      },
      repeated: once !== undefined && outcomes.every(({ repeated }) => repeated),
    };
  }

  private async store(plan: Plan, once: Once | undefined): Promise<AppendOutcome[]> {
    for (const { append } of plan.appends.values()) {
      checkBatches(batchesOf(append));
      checkMarks(append.marked?.size ?? 0);
    }
    const outcomes: AppendOutcome[] = [];
    if (once !== undefined) {
      // One shard, always the same for a token, is asked before any other: a token that stands for another request is found there
      // before anything of this one is added.
      const home = fnv1a(once.token) % this.appenders.length;
      outcomes.push(await this.append(home, this.planned(home, plan), once));
      plan.appends.delete(home);
    }
    const others = [...plan.appends].map(([shard, planned]) => this.append(shard, planned, once));
    return outcomes.concat(await Promise.all(others));
  }

  /** Looks up each tenant once, before anything is placed. */
  private async findTenants(
    parsed: readonly Parsed[],
  ): Promise<(id: string | undefined) => TenantRecord | 'unreadable' | undefined> {
    const ids = new Set(parsed.map(({ tenantId }) => tenantId).filter((id) => id !== undefined));
    const found = new Map(
      await Promise.all(
        [...ids].map(async (id) => [id, await this.tenants.findTenant(id)] as const),
      ),
    );
    return (id) => (id === undefined ? undefined : found.get(id));
  }

  private append(shard: number, planned: Planned, once: Once | undefined): Promise<AppendOutcome> {
    const appender = this.appenders[shard];
    assert(appender !== undefined, `shard ${shard} has a producer`);
    return appender.append({ ...planned.append, once }, planned.bytes);
  }

  /** Encodes a log event for all of its destinations, or for none. */
  private place(
    record: TenantRecord | 'unreadable' | undefined,
    event: LogEvent,
    plan: Plan,
  ): Refusal | undefined {
    if (record === undefined)
      return { code: 'event.tenant_unknown', message: 'there is no tenant of this id' };
    if (record === 'unreadable')
      return { code: 'event.tenant_unreadable', message: `${UNREADABLE}; send it again later` };
    if (this.tenants.isFull(record.tenant.id)) {
      return {
        code: 'event.tenant_backlog_full',
        message: 'too much waits to be delivered to this tenant; send it again later',
      };
    }
    const placed: [Lane, Fragment][] = [];
    for (const { wants, redact, laneOf } of this.router.routesOf(record)(event)) {
      if (!wants(event)) continue;
      // Also what names the lane: a name that is taken out of a log event must not stand in its log stream's.
      const left = redact === undefined ? event : redact(event);
      const lane = laneOf(left);
      const fragment = encodeFragment(lane, left);
      if (fragment.bytes <= lane.limits.logEventBytesMax) {
        placed.push([lane, fragment]);
      } else if (lane.oversize === 'reject') {
        return {
          code: 'event.message_too_large',
          message: `message takes ${fragment.bytes} bytes as ${lane.destinationId} formats it; the most is ${lane.limits.logEventBytesMax}`,
        };
      } else {
        for (const part of cutToFit(lane, left)) placed.push([lane, part]);
      }
    }
    for (const [lane, fragment] of placed) {
      if (lane.deduplicateForMs === 0 || event.id === undefined) this.add(lane, fragment, plan);
      else this.addOnce(lane, fragment, event, plan);
    }
    if (placed.length === 0) this.filter(record.tenant.id, plan);
    return undefined;
  }

  private add(lane: Lane, fragment: Fragment, plan: Plan): void {
    // Log events of a request come in runs of one lane.
    if (plan.last?.lane !== lane) plan.last = this.startRun(lane, plan);
    plan.last.fragments.push(fragment);
    plan.last.planned.bytes += fragment.bytes;
  }

  /** Adds a log event, or a part of it, unless another one of the same id stands in the request before it. */
  private addOnce(lane: Lane, fragment: Fragment, event: LogEvent, plan: Plan): void {
    const { tenantId, destinationId } = lane;
    const planned = this.planned(shardOf(tenantId, destinationId, this.appenders.length), plan);
    const marked = (planned.append.marked ??= new Map<string, Marked>());
    const events = (planned.events ??= new Map<string, LogEvent>());
    const digest = markOf(lane, event.id ?? '');
    const first = events.get(digest);
    if (first === undefined) {
      events.set(digest, event);
      marked.set(digest, { lane, fragments: [fragment] });
    } else if (first === event) {
      marked.get(digest)?.fragments.push(fragment);
    } else {
      if (planned.leftOut?.event !== event || planned.leftOut.digest !== digest) {
        planned.leftOut = { event, digest };
        planned.append.duplicates = (planned.append.duplicates ?? 0) + 1;
      }
      return;
    }
    this.add(lane, fragment, plan);
  }

  private startRun(lane: Lane, plan: Plan): Run {
    const shard = shardOf(lane.tenantId, lane.destinationId, this.appenders.length);
    const planned = this.planned(shard, plan);
    let fragments = planned.append.fragmentsByLane.get(lane);
    if (fragments === undefined) {
      fragments = [];
      planned.append.fragmentsByLane.set(lane, fragments);
    }
    return { lane, fragments, planned };
  }

  private filter(tenantId: string, plan: Plan): void {
    plan.filtered++;
    const { filteredByTenant } = this.planned(0, plan).append;
    filteredByTenant.set(tenantId, (filteredByTenant.get(tenantId) ?? 0) + 1);
  }

  private planned(shard: number, plan: Plan): Planned {
    let planned = plan.appends.get(shard);
    if (planned === undefined) {
      planned = { append: { fragmentsByLane: new Map(), filteredByTenant: new Map() }, bytes: 0 };
      plan.appends.set(shard, planned);
    }
    return planned;
  }
}

/** For whoever sends for a tenant of whom something cannot be read. */
export const UNREADABLE = 'a destination of this tenant cannot be read just now';

/** @throws RequestProblem */
function checkBatches(batches: number): void {
  if (batches <= APPEND_BATCHES_MAX) return;
  throw new RequestProblem(
    413,
    'request.too_scattered',
    `the log events need ${batches} batches, one for each log stream or prefix and each day, and for as many log events as a destination wants in one; the most for one request is ${APPEND_BATCHES_MAX}`,
  );
}

/** @throws RequestProblem */
function checkMarks(marks: number): void {
  if (marks <= APPEND_MARKS_MAX) return;
  throw new RequestProblem(
    413,
    'request.too_many_ids',
    `the request holds ${marks} log events whose ids its destinations remember; the most for one request is ${APPEND_MARKS_MAX}`,
  );
}

const MARK_CHARS = 16;

/** What a log event's id is remembered by. 96 bits: with a thousand million of them, two are alike once in 10^11 times. */
function markOf({ tenantId, destinationId }: Lane, id: string): string {
  const text = `${destinationKey(tenantId, destinationId)}\n${id}`;
  return hash('sha256', text, 'base64url').slice(0, MARK_CHARS);
}

/** A log event of the request, or why it is none. */
type Parsed =
  | { event: LogEvent; tenantId: string | undefined }
  | { event?: undefined; tenantId?: undefined; refusal: Refusal };

function parse({ values, defaults, record }: AcceptRequest, index: number): Parsed {
  const value = values.value(index);
  if (value === INVALID) return refused('event.invalid_json', 'this line is not valid JSON');
  let parsed = parseLogEvent(value, defaults, values.line(index));
  if (parsed.kind === 'inexact') parsed = parseLogEvent(values.exact(index), defaults);
  if (parsed.kind === 'refused') return { refusal: parsed.refusal };
  assert(parsed.kind === 'event', 'a value that was parsed exactly is exact');
  if (record === undefined && parsed.tenantId === undefined) {
    return refused(
      'event.tenant_missing',
      'tenant is missing; it must stand in every log event sent here',
    );
  }
  return parsed;
}

function refused(code: RefusalCode, message: string): Parsed {
  return { refusal: { code, message } };
}

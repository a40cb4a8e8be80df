// What there is to tell of a destination, by how it stands and what was told of it before.
import { failureKinds, type Notification } from '@logferry/core';
import type { LongestWait, Standing } from '@logferry/queue';

/** What was noticed of a destination so far. */
export interface DestinationMemory {
  /** That it is held, if that was told; and what it had delivered then. */
  told?: { kind: 'suspended' | 'failed'; sinceMs: number; delivered: number; isByHand?: true };
  isLate: boolean;
  /** How many dead letters were told of, when, and a name for what is told next. */
  dead: number;
  deadToldAtMs: number;
  deadName: number;
}

export interface Looked {
  tenantId: string;
  destinationId: string;
  standing: Standing;
  /** Nothing is known of waits before all batches were looked at once. */
  wait: LongestWait | undefined | 'unknown';
  nowMs: number;
  /** How long something may wait, its linger included. */
  lateAfterMs: number;
}

/** What answers again within so long was never away for anybody. */
export const FAILED_AFTER_MS = 120_000;
/** With the pauses between them, more than a quarter of a minute. */
const ATTEMPTS_BURNT = 5;
const BY_HAND = 'destination.suspended_by_hand';
/** Dead letters come in swarms. */
const DEAD_EVERY_MS = 600_000;

/** Of a destination that was not there when its tenant was looked at last, everything is news; of a tenant that was not, nothing past is. */
export function freshMemory(
  { standing, nowMs }: Looked,
  isTenantKnown: boolean,
): DestinationMemory {
  const dead = isTenantKnown ? 0 : standing.dead;
  return { isLate: false, dead, deadToldAtMs: 0, deadName: nowMs };
}

/** The same things noticed twice have the same ids. */
export function noticesOf(
  looked: Looked,
  before: DestinationMemory,
): { notifications: Notification[]; after: DestinationMemory } {
  const notifications: Notification[] = [];
  const after = { ...before };
  noticeHold(looked, after, notifications);
  noticeWait(looked, after, notifications);
  noticeDead(looked, after, notifications);
  return { notifications, after };
}

type Trouble = NonNullable<DestinationMemory['told']>['kind'];

function noticeHold(looked: Looked, memory: DestinationMemory, notices: Notification[]): void {
  const { standing, nowMs, wait } = looked;
  const { hold, delivered } = standing;
  const burning = wait !== 'unknown' && (wait?.attempts ?? 0) >= ATTEMPTS_BURNT ? wait : undefined;
  const { told } = memory;
  const tell = (kind: Trouble, sinceMs: number, code: Notification['code']): void => {
    const isByHand = code === BY_HAND;
    memory.told = { kind, sinceMs, delivered, ...(isByHand ? { isByHand } : {}) };
    notices.push(notice(looked, { name: kind, id: `${kind}:${sinceMs}`, code, sinceMs }));
  };
  // Who switched it off knows that it is off.
  if (hold?.code === 'destination.disabled') return;
  if (hold?.kind === 'suspended') {
    const isNews = told?.kind !== 'suspended' || told.sinceMs !== hold.sinceMs;
    if (isNews) tell('suspended', hold.sinceMs, hold.code);
  } else if (hold !== undefined) {
    if (told === undefined && nowMs - hold.sinceMs >= FAILED_AFTER_MS)
      tell('failed', hold.sinceMs, hold.code);
  } else if (burning !== undefined) {
    if (told === undefined) tell('failed', burning.sinceMs, burning.code);
  } else if (told !== undefined) {
    delete memory.told;
    // A hold also ends when nobody has sent anything for long: then nothing is proven, and nothing need be of what somebody has resumed.
    if (delivered > told.delivered || told.isByHand === true)
      notices.push(notice(looked, { name: 'resumed', id: `resumed:${told.sinceMs}` }));
  }
}

function noticeWait(looked: Looked, memory: DestinationMemory, notices: Notification[]): void {
  const { wait, nowMs, lateAfterMs } = looked;
  if (wait === 'unknown') return;
  const isLate = wait !== undefined && nowMs - wait.sinceMs > lateAfterMs;
  // Of one that is held, its owner knows already, and knows why.
  const isKnown = memory.told !== undefined || looked.standing.hold !== undefined;
  if (isLate && !memory.isLate && !isKnown) {
    const { sinceMs, code } = wait;
    notices.push(notice(looked, { name: 'late', id: `late:${sinceMs}`, code, sinceMs }));
  }
  memory.isLate = isLate && (memory.isLate || !isKnown);
}

function noticeDead(looked: Looked, memory: DestinationMemory, notices: Notification[]): void {
  const { standing, nowMs } = looked;
  const more = standing.dead - memory.dead;
  if (more < 0) memory.dead = standing.dead; // some were redriven
  if (more <= 0 || nowMs - memory.deadToldAtMs < DEAD_EVERY_MS) return;
  const id = `dead:${memory.deadName}`;
  const message =
    'They are kept as dead letters, with the reason: see the console, or GET /v1/dead-letters. Mend it, and redrive them.';
  notices.push({ ...notice(looked, { name: 'dead_lettered', id }), logEvents: more, message });
  memory.dead = standing.dead;
  memory.deadToldAtMs = nowMs;
  memory.deadName = Math.max(nowMs, memory.deadName + 1);
}

interface Said {
  name: 'suspended' | 'failed' | 'resumed' | 'late' | 'dead_lettered';
  id: string;
  code?: Notification['code'];
  sinceMs?: number;
}

function notice(looked: Looked, { name, id, code, sinceMs }: Said): Notification {
  const { tenantId, destinationId, standing, nowMs } = looked;
  return {
    id: `${id}:${destinationId}`,
    kind: `destination.${name}`,
    tenantId,
    atMs: nowMs,
    about: { destinationId },
    ...(name === 'resumed' ? {} : { logEvents: standing.waiting }),
    ...(code === undefined ? {} : { code, message: failureKinds[code].publicMessage }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
  };
}

import type { Once } from '@logferry/queue';
import { RequestProblem } from '@logferry/runtime';
import { hash } from 'node:crypto';
import type { Sender } from './gate';

/** What an `Idempotency-Key` may be: visible ASCII, as every header's value. */
const KEY = /^[\x21-\x7e]{1,255}$/;

interface RepeatableRequest {
  sender: Sender;
  /** The tenant in the address, if there is one. */
  tenantId: string | undefined;
  type: string | undefined;
  scope: string | undefined;
  contentType: string | undefined;
  body: Buffer;
}

/**
 * What makes a repetition of a request known as one, if its sender wants that. A key is its sender's own: two senders may use the same
 * one, and neither learns of the other.
 *
 * @throws RequestProblem
 */
export function onceOf(
  key: string | string[] | undefined,
  windowMs: number,
  { sender, tenantId, type, scope, contentType, body }: RepeatableRequest,
): Once | undefined {
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw new RequestProblem(
      400,
      'request.invalid_idempotency_key',
      'the Idempotency-Key must be 1 to 255 visible ASCII characters',
    );
  }
  const owner = sender.kind === 'tenant' ? sender.tenantId : '';
  // With the key, which is stored nowhere: of a body alone, all but a few digits of which somebody knows, whoever reads Redis could try
  // those digits, though every destination has them redacted.
  const said = JSON.stringify([key, tenantId, type, scope, contentType]);
  return {
    token: digest(JSON.stringify([sender.kind, owner, key])),
    fingerprint: digest(`${said}\n${digest(body)}`),
    windowMs,
  };
}

/**
 * Ties a token to the verdict on its request. A repetition adds nothing, so it may be answered as accepted only if the first time
 * accepted the very same log events: one that was refused then, and would be taken now, would be acknowledged and nowhere.
 */
export function withVerdict(once: Once, rejected: readonly { index: number }[]): Once {
  const indexes = rejected.map(({ index }) => index).join(',');
  return { ...once, fingerprint: digest(`${once.fingerprint}\n${indexes}`) };
}

function digest(data: string | Buffer): string {
  return hash('sha256', data, 'base64url');
}

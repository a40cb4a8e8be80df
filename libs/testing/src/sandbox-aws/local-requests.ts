// Requests that are not AWS's: the control API and the page. Everything here passes the loopback guard first.
import type { IncomingMessage } from 'node:http';
import type { Answer } from './answer';
import { answerControl } from './control-api';
import { SANDBOX } from './limits';
import { findIntrusion } from './loopback';
import { answerPage } from './page';
import { BodyTooLarge, readBody } from './read-body';
import type { SandboxControl } from './sandbox-control';

const CONTROL_PREFIX = '/_sandbox/';

/** S3's ListBuckets is a GET of the root too, but it is signed and asks for no HTML. */
export function isLocalRequest(message: IncomingMessage): boolean {
  const url = message.url ?? '/';
  if (url.startsWith(CONTROL_PREFIX)) return true;
  const isRoot = url === '/' || url.startsWith('/?');
  const wantsHtml = message.headers.accept?.includes('text/html') === true;
  return (
    message.method === 'GET' && isRoot && wantsHtml && message.headers.authorization === undefined
  );
}

export async function answerLocally(
  message: IncomingMessage,
  control: SandboxControl,
): Promise<Answer> {
  const intrusion = findIntrusion(message);
  if (intrusion !== undefined) return problem(403, intrusion);
  const url = new URL(message.url ?? '/', 'http://sandbox');
  if (url.pathname === '/') return answerPage(url, control);
  try {
    const body = await readBody(message, SANDBOX.controlBodyBytesMax);
    return await answerControl({ method: message.method ?? 'GET', url, body, control });
  } catch (error) {
    if (error instanceof BodyTooLarge) return problem(413, 'The body is too large.');
    throw error;
  }
}

export function problem(httpStatus: number, message: string): Answer {
  return {
    httpStatus,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify({ error: message }),
  };
}

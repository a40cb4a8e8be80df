import { RequestProblem } from '@logferry/runtime';
import type { Actor, Expected } from '@logferry/store';
import type { z } from 'zod';
import { actorOf, type Caller } from './caller';
import { invalid, readConfig } from './config-problem';
import { Versioned } from './config-views';
import { expectedOf, type PreconditionHeaders } from './precondition';

/** A request that changes something. */
export interface WriteRequest {
  caller: Caller | undefined;
  headers: PreconditionHeaders;
  body?: unknown;
}

export function byOf({ caller }: WriteRequest): Actor {
  return actorOf(caller);
}

/**
 * What a body says a record shall be. Its id may stand in it, and must be that of the address.
 *
 * @throws RequestProblem with everything that is wrong
 */
export function readRecord<T>(
  schema: z.ZodType<T>,
  id: string,
  { headers, body }: WriteRequest,
): { value: T; expected: Expected | undefined } {
  const versioned = readConfig(Versioned, body);
  if (!isObject(body)) throw invalid(versioned.problems ?? []);
  const fields: Record<string, unknown> = { ...body, id };
  delete fields.version;
  const read = readConfig(schema, fields);
  const isOther = body.id !== undefined && body.id !== id;
  if (isOther || versioned.problems !== undefined || read.problems !== undefined)
    throw invalid([
      ...(isOther ? [{ path: '$.id', message: 'is not the id in the address' }] : []),
      ...(versioned.problems ?? []),
      ...(read.problems ?? []),
    ]);
  return { value: read.data, expected: expectedOf(headers, versioned.data.version) };
}

function isObject(body: unknown): body is Record<string, unknown> {
  return typeof body === 'object' && body !== null && !Array.isArray(body);
}

/** Where it only shows, the console changes nothing, whoever asks. */
export function mayWrite(readOnly: boolean): void {
  if (!readOnly) return;
  throw new RequestProblem(405, 'console.read_only', 'this console only shows');
}

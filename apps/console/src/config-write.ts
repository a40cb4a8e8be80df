import { RequestProblem } from '@logferry/runtime';
import type { Actor, Expected } from '@logferry/store';
import type { z } from 'zod';
import { actorOf, type Caller } from './caller';
import { invalid, parseConfig } from './config-problem';
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
  const { version, ...fields } = parseConfig(Versioned, body);
  if (fields.id !== undefined && fields.id !== id)
    throw invalid([{ path: '$.id', message: 'is not the id in the address' }]);
  return {
    value: parseConfig(schema, { ...fields, id }),
    expected: expectedOf(headers, version),
  };
}

/** Where it only shows, the console changes nothing, whoever asks. */
export function mayWrite(readOnly: boolean): void {
  if (!readOnly) return;
  throw new RequestProblem(405, 'console.read_only', 'this console only shows');
}

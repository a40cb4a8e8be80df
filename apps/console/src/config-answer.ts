import type { FastifyReply } from 'fastify';
import type { Put } from './config-outcome';
import { etag } from './precondition';

/** A record, with the ETag that a change of it may show. */
export function answerRecord<V extends { version: number }>(reply: FastifyReply, view: V): V {
  reply.header('etag', etag(view.version));
  return view;
}

export function answerPut<V extends object>(
  reply: FastifyReply,
  { created, view }: Put<V>,
): Put<V>['view'] {
  reply.code(created ? 201 : 200);
  return answerRecord(reply, view);
}

import { Controller, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { ConnectionDesk } from './connection-desk';
import type { Step } from './connection-step';

interface Place {
  tenantId: string;
  destinationId: string;
}

/** The test of a destination's connection. Whoever takes NDJSON is told each step when it is done. */
@Controller('/v1/tenants/:tenantId/destinations/:destinationId/test')
export class ConnectionController {
  constructor(@Inject(ConnectionDesk) private readonly desk: ConnectionDesk) {}

  @Post()
  @HttpCode(200)
  async test(
    @Param() place: Place,
    @Req() { headers }: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const steps = await this.desk.test(place);
    if ((headers.accept ?? '').includes('application/x-ndjson')) {
      reply
        .type('application/x-ndjson; charset=utf-8')
        .send(Readable.from(lines(steps), { objectMode: false }));
      return;
    }
    const all: Step[] = [];
    for await (const step of steps) all.push(step);
    reply.send(answer(all));
  }

  @Get()
  last(@Param() place: Place): Promise<object> {
    return this.desk.last(place);
  }
}

async function* lines(steps: AsyncIterable<Step>): AsyncGenerator<string> {
  const all: Step[] = [];
  for await (const step of steps) {
    all.push(step);
    yield `${JSON.stringify(step)}\n`;
  }
  yield `${JSON.stringify({ outcome: outcomeOf(all) })}\n`;
}

const outcomeOf = (steps: readonly Step[]): string =>
  steps.some(({ outcome }) => outcome === 'failed') ? 'failed' : 'passed';

const answer = (steps: readonly Step[]): object => ({ outcome: outcomeOf(steps), steps });

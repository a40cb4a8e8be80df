import {
  Controller,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  Put,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { parseQuery } from './page-request';
import { SourceRunDesk, type RunsRequest, type SourceAddress } from './source-run-desk';

type RunAddress = SourceAddress & { runId: string };

const wholeNumber = (most: number, standard: number) => {
  const message = `must be a whole number from 1 to ${most}`;
  return z
    .string(message)
    .regex(/^\d{1,6}$/, message)
    .transform(Number)
    .refine((number) => number >= 1 && number <= most, message)
    .default(standard);
};

export const runsQuery = z.strictObject({
  page: wholeNumber(100_000, 1).describe('from 1; the newest first'),
  perPage: wholeNumber(100, 50),
  filter: z.enum(['all', 'failed'], 'must be all or failed').default('all'),
});

export const runLogQuery = z.strictObject({
  after: z
    .string('must be one text')
    .regex(/^\d{1,16}-\d{1,16}$/, 'must be the place of a line')
    .optional()
    .describe('the `place` of the line behind which it begins'),
});

/** What is known and done of a source's runs. Whoever takes NDJSON follows a run's log line by line. */
@Controller('/v1/tenants/:tenantId/sources/:sourceId')
export class SourceRunsController {
  constructor(@Inject(SourceRunDesk) private readonly desk: SourceRunDesk) {}

  @Get('/status')
  status(@Param() at: SourceAddress): Promise<object> {
    return this.desk.status(at);
  }

  @Put('/checkpoint')
  checkpoint(@Param() at: SourceAddress, @Req() { body }: FastifyRequest): Promise<object> {
    return this.desk.setCheckpoint(at, body);
  }

  @Post('/run')
  @HttpCode(202)
  async run(@Param() at: SourceAddress): Promise<object> {
    return { runId: await this.desk.runNow(at) };
  }

  @Post('/replay')
  @HttpCode(202)
  async replay(@Param() at: SourceAddress, @Req() { body }: FastifyRequest): Promise<object> {
    return { runId: await this.desk.replay(at, body) };
  }

  @Get('/runs')
  list(@Param() at: SourceAddress, @Query() query: unknown): Promise<object> {
    return this.desk.list(at, runsRequest(query));
  }

  @Get('/runs/:runId')
  show(@Param() { runId, ...at }: RunAddress): Promise<object> {
    return this.desk.show(at, runId);
  }

  @Get('/runs/:runId/log')
  async log(
    @Param() address: RunAddress,
    @Query() query: unknown,
    @Req() { headers }: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { after } = parseQuery(runLogQuery, query);
    const { runId, ...at } = address;
    if ((headers.accept ?? '').includes('application/x-ndjson')) {
      const gone = new AbortController();
      reply.raw.on('close', () => gone.abort());
      const followed = await this.desk.follow(address, after, gone.signal);
      reply
        .type('application/x-ndjson; charset=utf-8')
        // A console that is to end waits for connections that were busy when it began to, and would be idle then.
        .header('connection', 'close')
        .send(Readable.from(textOf(followed), { objectMode: false }));
      return;
    }
    reply.send({ lines: await this.desk.log(at, runId, after) });
  }

  @Post('/runs/:runId/cancel')
  @HttpCode(202)
  async cancel(@Param() { runId, ...at }: RunAddress): Promise<object> {
    await this.desk.cancel(at, runId);
    return { id: runId, outcome: 'cancelling' };
  }

  /** For whoever reads what Auth0's extension told there. */
  @Get('/api/report')
  report(@Param() at: SourceAddress, @Query() query: unknown): Promise<object> {
    return this.desk.report(at, query);
  }
}

export function runsRequest(query: unknown): RunsRequest {
  const { page, perPage, filter } = parseQuery(runsQuery, query);
  return { page: page - 1, perPage, onlyFailed: filter === 'failed' };
}

async function* textOf(lines: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}

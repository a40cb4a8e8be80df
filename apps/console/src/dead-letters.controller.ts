import type { DeadLetter, DeadLetterFilter } from '@logferry/queue';
import { RequestProblem } from '@logferry/runtime';
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  Put,
  Query,
  Res,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { DeadLetterDesk } from './dead-letter-desk';
import { listCursor, parseFilter, parseListRequest, parseWalkRequest } from './dead-letter-request';
import {
  deadLetterView,
  type DeadLetterCountView,
  type DeadLetterView,
  type DiscardedManyView,
  type RedrivenManyView,
} from './dead-letter-view';
import { DerivedScopes, type ScopeOf } from './derived-scopes';

/** The API of dead letters. Pages of them are in pages.controller.ts. */
@Controller('/v1/dead-letters')
export class DeadLettersController {
  constructor(
    @Inject(DeadLetterDesk) private readonly desk: DeadLetterDesk,
    @Inject(DerivedScopes) private readonly scopes: DerivedScopes,
    @Inject(CONSOLE_CONFIG) private readonly config: ConsoleConfig,
  ) {}

  @Get()
  async list(@Query() query: unknown): Promise<object> {
    const { filter, order, limit, after } = parseListRequest(query);
    const { rows, next } = await this.desk.deadLetters.page({ filter, order, limit, after });
    return {
      deadLetters: await this.views(rows),
      cursor: next === undefined ? null : listCursor(order, next),
    };
  }

  @Get('/count')
  async count(@Query() query: unknown): Promise<DeadLetterCountView> {
    const { batches, logEvents, bytes } = await this.desk.deadLetters.count(parseFilter(query));
    return { deadLetters: batches, logEvents, redisBytes: bytes };
  }

  @Get('/log-events')
  async logEventsOfAll(@Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    const filter = await this.upToNow(parseFilter(query));
    sendLines(reply, 'dead-letters.ndjson', this.desk.deadLetters.linesOfAll(filter));
  }

  @Post('/redrive')
  @HttpCode(200)
  redriveAll(@Body() body: unknown): Promise<RedrivenManyView> {
    const { filter, from, confirm } = parseWalkRequest(body);
    if (confirm !== undefined)
      throw new RequestProblem(
        400,
        'request.invalid_field',
        'confirm is not a field of this request',
      );
    return this.desk.redriveAll({ filter, from });
  }

  @Post('/discard')
  @HttpCode(200)
  discardAll(@Body() body: unknown): Promise<DiscardedManyView> {
    return this.desk.discardAll(parseWalkRequest(body));
  }

  @Get('/:id')
  async show(@Param('id') id: string): Promise<DeadLetterView> {
    return this.view(await this.desk.find(id));
  }

  @Get('/:id/log-events')
  async logEvents(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const deadLetter = await this.desk.find(id);
    sendLines(reply, `dead-letter-${id}.ndjson`, this.desk.deadLetters.lines(deadLetter));
  }

  @Put('/:id/log-events')
  async correct(@Param('id') id: string, @Body() body: unknown): Promise<DeadLetterView> {
    if (!Buffer.isBuffer(body)) {
      throw new RequestProblem(
        415,
        'request.unsupported_media_type',
        'the Content-Type must be application/x-ndjson',
      );
    }
    if (!isUtf8(body)) throw new RequestProblem(400, 'request.not_utf8', 'the body is not UTF-8');
    return this.view(await this.desk.correct(id, body.toString()));
  }

  @Post('/:id/redrive')
  @HttpCode(202)
  async redrive(@Param('id') id: string): Promise<object> {
    return { id, outcome: await this.desk.redrive(id) };
  }

  @Post('/:id/discard')
  @HttpCode(200)
  async discard(@Param('id') id: string): Promise<object> {
    await this.desk.discard(id);
    return { id, outcome: 'discarded' };
  }

  private async views(deadLetters: readonly DeadLetter[]): Promise<DeadLetterView[]> {
    const scopeOf = await this.scopes.of(deadLetters);
    return deadLetters.map((one) => this.told(one, scopeOf));
  }

  private async view(deadLetter: DeadLetter): Promise<DeadLetterView> {
    return this.told(deadLetter, await this.scopes.of([deadLetter]));
  }

  private told(deadLetter: DeadLetter, scopeOf: ScopeOf): DeadLetterView {
    const { deadLetterRetentionMs: retentionMs } = this.config;
    return deadLetterView(deadLetter, { retentionMs, scope: scopeOf(deadLetter) });
  }

  /** What becomes a dead letter while somebody downloads would make a download without an end. */
  private async upToNow(filter: DeadLetterFilter): Promise<DeadLetterFilter> {
    const nowMs = await this.desk.deadLetters.nowMs();
    return { ...filter, toMs: Math.min(filter.toMs ?? nowMs, nowMs) };
  }
}

/** As bytes, not as objects: whoever reads slowly holds some kilobytes of ours, and not sixteen lines of megabytes. */
function sendLines(reply: FastifyReply, fileName: string, lines: AsyncGenerator<string>): void {
  reply
    .header('content-disposition', `attachment; filename="${fileName}"`)
    .type('application/x-ndjson; charset=utf-8')
    .send(Readable.from(lines, { objectMode: false }));
}

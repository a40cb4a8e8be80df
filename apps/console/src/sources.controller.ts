import {
  Controller,
  Delete,
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
import type { FastifyReply } from 'fastify';
import { answerPut, answerRecord } from './config-answer';
import type { WriteRequest } from './config-write';
import { pageQuery, parseQuery } from './page-request';
import { SourceDesk } from './source-desk';
import type { SourceAddress } from './source-run-desk';

@Controller('/v1/tenants/:tenantId/sources')
export class SourcesController {
  constructor(@Inject(SourceDesk) private readonly desk: SourceDesk) {}

  @Get()
  list(@Param('tenantId') tenantId: string, @Query() query: unknown): Promise<object> {
    return this.desk.list(tenantId, parseQuery(pageQuery, query));
  }

  @Get('/:sourceId')
  async show(
    @Param() { tenantId, sourceId }: SourceAddress,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answerRecord(reply, await this.desk.find(tenantId, sourceId));
  }

  @Put('/:sourceId')
  async put(
    @Param() { tenantId, sourceId }: SourceAddress,
    @Req() request: WriteRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answerPut(reply, await this.desk.put(tenantId, sourceId, request));
  }

  @Delete('/:sourceId')
  async delete(
    @Param() { tenantId, sourceId }: SourceAddress,
    @Req() { caller, headers }: WriteRequest,
  ): Promise<object> {
    await this.desk.delete(tenantId, sourceId, { caller, headers });
    return { id: sourceId, outcome: 'deleted' };
  }

  @Post('/:sourceId/pause')
  @HttpCode(200)
  pause(
    @Param() at: SourceAddress,
    @Req() request: WriteRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return this.switch(at, { ...askedBy(request), enabled: false }, reply);
  }

  @Post('/:sourceId/resume')
  @HttpCode(200)
  resume(
    @Param() at: SourceAddress,
    @Req() request: WriteRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return this.switch(at, { ...askedBy(request), enabled: true }, reply);
  }

  private async switch(
    { tenantId, sourceId }: SourceAddress,
    request: WriteRequest & { enabled: boolean },
    reply: FastifyReply,
  ): Promise<object> {
    return answerPut(reply, await this.desk.switch(tenantId, sourceId, request));
  }
}

/** Getters of Fastify's request are not copied. */
function askedBy({ caller, headers }: WriteRequest): WriteRequest {
  return { caller, headers };
}

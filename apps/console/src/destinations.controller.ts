import { Controller, Delete, Get, Inject, Param, Put, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { answerPut, answerRecord } from './config-answer';
import type { WriteRequest } from './config-write';
import { DestinationDesk } from './destination-desk';
import { forceQuery, pageQuery, parseQuery } from './page-request';

@Controller('/v1/tenants/:tenantId/destinations')
export class DestinationsController {
  constructor(@Inject(DestinationDesk) private readonly desk: DestinationDesk) {}

  @Get()
  list(@Param('tenantId') tenantId: string, @Query() query: unknown): Promise<object> {
    return this.desk.list(tenantId, parseQuery(pageQuery, query));
  }

  @Get('/:destinationId')
  async show(
    @Param('tenantId') tenantId: string,
    @Param('destinationId') destinationId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answerRecord(reply, await this.desk.find(tenantId, destinationId));
  }

  @Put('/:destinationId')
  async put(
    @Param('tenantId') tenantId: string,
    @Param('destinationId') destinationId: string,
    @Req() request: WriteRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answerPut(reply, await this.desk.put(tenantId, destinationId, request));
  }

  @Delete('/:destinationId')
  async delete(
    @Param('tenantId') tenantId: string,
    @Param('destinationId') destinationId: string,
    @Req() { caller, headers }: WriteRequest,
    @Query() query: unknown,
  ): Promise<object> {
    const { force } = parseQuery(forceQuery, query);
    const request = { caller, headers, force };
    const waitingLogEvents = await this.desk.delete(tenantId, destinationId, request);
    return { id: destinationId, outcome: 'deleted', waitingLogEvents };
  }
}

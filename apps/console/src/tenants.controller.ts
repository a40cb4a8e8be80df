import { Controller, Delete, Get, Inject, Param, Put, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { CalledRequest } from './caller';
import { answerPut, answerRecord } from './config-answer';
import type { WriteRequest } from './config-write';
import { againQuery, forceQuery, pageQuery, parseQuery } from './page-request';
import { TenantDesk } from './tenant-desk';

@Controller('/v1/tenants')
export class TenantsController {
  constructor(@Inject(TenantDesk) private readonly desk: TenantDesk) {}

  @Get()
  list(@Req() { caller }: CalledRequest, @Query() query: unknown): Promise<object> {
    return this.desk.list(caller, parseQuery(pageQuery, query));
  }

  @Get('/:tenantId')
  async show(
    @Param('tenantId') tenantId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answerRecord(reply, await this.desk.find(tenantId));
  }

  @Put('/:tenantId')
  async put(
    @Param('tenantId') tenantId: string,
    @Req() request: WriteRequest,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const { again } = parseQuery(againQuery, query);
    return answerPut(reply, await this.desk.put(tenantId, request, again));
  }

  @Delete('/:tenantId')
  async delete(
    @Param('tenantId') tenantId: string,
    @Req() request: WriteRequest,
    @Query() query: unknown,
  ): Promise<object> {
    const { force } = parseQuery(forceQuery, query);
    const waitingBatches = await this.desk.delete(tenantId, request, force);
    return { id: tenantId, outcome: 'deleted', waitingBatches };
  }
}

import { Controller, Delete, Get, Inject, Param, Put, Query, Req, Res } from '@nestjs/common';
import { TENANT_SCOPE } from '@logferry/core';
import type { FastifyReply } from 'fastify';
import { answerPut, answerRecord } from './config-answer';
import type { WriteRequest } from './config-write';
import { forceQuery, parseQuery } from './page-request';
import { VariablesDesk } from './variables-desk';

/** Variables on scopes; those of the tenant itself have an address of their own, since an empty part of an address is easily lost. */
@Controller('/v1/tenants/:tenantId')
export class VariablesController {
  constructor(@Inject(VariablesDesk) private readonly desk: VariablesDesk) {}

  @Get('/scopes')
  scopes(@Param('tenantId') tenantId: string): Promise<object> {
    return this.desk.scopes(tenantId);
  }

  @Get(['/variables', '/scopes/:scope/variables'])
  async show(
    @Param() { tenantId, scope = TENANT_SCOPE }: Place,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answerRecord(reply, await this.desk.find(tenantId, scope));
  }

  @Put(['/variables', '/scopes/:scope/variables'])
  async put(
    @Param() { tenantId, scope = TENANT_SCOPE }: Place,
    @Req() request: WriteRequest,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const { force } = parseQuery(forceQuery, query);
    const { caller, headers, body } = request;
    return answerPut(reply, await this.desk.put(tenantId, scope, { caller, headers, body, force }));
  }

  @Delete(['/variables', '/scopes/:scope/variables'])
  async delete(
    @Param() { tenantId, scope = TENANT_SCOPE }: Place,
    @Req() { caller, headers }: WriteRequest,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const { force } = parseQuery(forceQuery, query);
    return answerRecord(reply, await this.desk.delete(tenantId, scope, { caller, headers, force }));
  }
}

interface Place {
  tenantId: string;
  scope?: string;
}

import { TENANT_SCOPE } from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import {
  Body,
  Controller,
  Get,
  Header,
  Inject,
  Param,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { CalledRequest } from './caller';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { addressOfTenant } from './destination-address';
import { parseQuery } from './page-request';
import { VariablesDesk } from './variables-desk';
import {
  readVariablesForm,
  refusedVariables,
  variablesBody,
  variablesEntered,
} from './variables-form';
import { variablesPage } from './variables-page';

const HTML = 'text/html; charset=utf-8';

const variablesQuery = z.strictObject({
  scope: z.string('must be one text').default(TENANT_SCOPE),
});

/** The page of what is set at a scope, and its form. */
@Controller('/tenants/:tenantId/variables')
export class VariablesPageController {
  constructor(
    @Inject(VariablesDesk) private readonly desk: VariablesDesk,
    @Inject(CONSOLE_CONFIG) private readonly config: ConsoleConfig,
  ) {}

  @Get()
  @Header('content-type', HTML)
  async show(@Param('tenantId') tenantId: string, @Query() query: unknown): Promise<string> {
    const { scope } = parseQuery(variablesQuery, query);
    const view = await this.desk.find(tenantId, scope);
    const entered = this.config.readOnly ? undefined : variablesEntered(view);
    return variablesPage({ tenantId, view, entered, isWaiting: false });
  }

  @Post()
  async set(
    @Param('tenantId') tenantId: string,
    @Body() body: unknown,
    @Req() { caller }: CalledRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const fields = readVariablesForm(body);
    const { scope } = fields;
    // There must be such a tenant and such a scope, or there is no form to answer with.
    const view = await this.desk.find(tenantId, scope);
    try {
      // Where nothing was set there is no version, and nobody's variables are written over either.
      const headers = fields.version === '0' ? { 'if-none-match': '*' } : {};
      const request = { caller, headers, body: variablesBody(fields) };
      await this.desk.put(tenantId, scope, { ...request, force: fields.force === 'yes' });
    } catch (error) {
      if (!(error instanceof RequestProblem) || error.status === 405) throw error;
      const shown = variablesPage({
        ...{ tenantId, view },
        entered: refusedVariables(error, fields),
        isWaiting: error.code === 'config.log_events_waiting',
      });
      reply.code(error.status).headers(error.headers).type(HTML).send(shown);
      return;
    }
    reply.redirect(`${addressOfTenant(tenantId)}?done=variables`, 303);
  }
}

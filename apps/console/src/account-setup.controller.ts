import { Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AccountSetupDesk, setupQuery } from './account-setup-desk';
import type { WriteRequest } from './config-write';
import { parseQuery } from './page-request';

/** What a customer makes in their AWS account, ready to paste. */
@Controller('/v1/tenants/:tenantId/destinations/:destinationId/policy')
export class AccountSetupController {
  constructor(@Inject(AccountSetupDesk) private readonly desk: AccountSetupDesk) {}

  @Get()
  async show(
    @Param() place: { tenantId: string; destinationId: string },
    @Query() query: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { format } = parseQuery(setupQuery, query);
    const { type, text } = this.desk.render(await this.desk.ofStored(place), format);
    reply.type(type).send(text);
  }

  /** For a destination that is not stored yet, or not yet so. Stores nothing. */
  @Post()
  @HttpCode(200)
  async draft(
    @Param() place: { tenantId: string; destinationId: string },
    @Req() request: WriteRequest,
    @Query() query: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { format } = parseQuery(setupQuery, query);
    const { type, text } = this.desk.render(await this.desk.ofDraft(place, request), format);
    reply.type(type).send(text);
  }
}

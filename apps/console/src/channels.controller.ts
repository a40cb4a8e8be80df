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
import { ChannelDesk } from './channel-desk';
import { answerPut, answerRecord } from './config-answer';
import type { WriteRequest } from './config-write';
import { pageQuery, parseQuery } from './page-request';

@Controller('/v1/tenants/:tenantId/channels')
export class ChannelsController {
  constructor(@Inject(ChannelDesk) private readonly desk: ChannelDesk) {}

  @Get()
  list(@Param('tenantId') tenantId: string, @Query() query: unknown): Promise<object> {
    return this.desk.list(tenantId, parseQuery(pageQuery, query));
  }

  @Get('/:channelId')
  async show(
    @Param('tenantId') tenantId: string,
    @Param('channelId') channelId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answerRecord(reply, await this.desk.find(tenantId, channelId));
  }

  @Put('/:channelId')
  async put(
    @Param('tenantId') tenantId: string,
    @Param('channelId') channelId: string,
    @Req() request: WriteRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answerPut(reply, await this.desk.put(tenantId, channelId, request));
  }

  @Delete('/:channelId')
  async delete(
    @Param('tenantId') tenantId: string,
    @Param('channelId') channelId: string,
    @Req() { caller, headers }: WriteRequest,
  ): Promise<object> {
    await this.desk.delete(tenantId, channelId, { caller, headers });
    return { id: channelId, outcome: 'deleted' };
  }

  @Get('/:channelId/state')
  state(
    @Param('tenantId') tenantId: string,
    @Param('channelId') channelId: string,
  ): Promise<object> {
    return this.desk.state(tenantId, channelId);
  }

  @Post('/:channelId/test')
  @HttpCode(200)
  test(
    @Param('tenantId') tenantId: string,
    @Param('channelId') channelId: string,
  ): Promise<object> {
    return this.desk.test(tenantId, channelId);
  }
}

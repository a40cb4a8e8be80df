import { ConfigStore } from '@logferry/store';
import { Controller, Get, Header, Inject, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ChannelDesk } from './channel-desk';
import { addressOfChannel, channelDones, channelPage, channelsPage } from './channel-pages';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { listChannels, listedChannel, type ChannelAddress } from './listed-channels';
import { parseQuery } from './page-request';

const HTML = 'text/html; charset=utf-8';

const channelsQuery = z.strictObject({ after: z.string('must be one text').max(64).optional() });
// One of ours or none: nobody can put a text of theirs here.
const channelQuery = z.strictObject({ done: z.enum(channelDones).optional().catch(undefined) });

/** The pages of channels, and what their button does. */
@Controller()
export class ChannelPagesController {
  constructor(
    @Inject(ConfigStore) private readonly store: ConfigStore,
    @Inject(ChannelDesk) private readonly desk: ChannelDesk,
    @Inject(CONSOLE_CONFIG) private readonly config: ConsoleConfig,
  ) {}

  @Get('/channels')
  @Header('content-type', HTML)
  async list(@Query() query: unknown): Promise<string> {
    const { after } = parseQuery(channelsQuery, query);
    return channelsPage(await listChannels({ store: this.store, desk: this.desk }, after));
  }

  @Get('/tenants/:tenantId/channels/:channelId')
  @Header('content-type', HTML)
  async show(
    @Param() { tenantId, channelId }: ChannelAddress,
    @Query() query: unknown,
  ): Promise<string> {
    const { done } = parseQuery(channelQuery, query);
    const listed = await listedChannel(this.desk, { tenantId, channelId });
    return channelPage({ ...listed, readOnly: this.config.readOnly, done });
  }

  @Post('/tenants/:tenantId/channels/:channelId/test')
  async test(@Param() at: ChannelAddress, @Res() reply: FastifyReply): Promise<void> {
    const { outcome } = await this.desk.test(at.tenantId, at.channelId);
    // By another request, so that loading the page again sends nothing again.
    reply.redirect(`${addressOfChannel(at)}?done=${outcome}`, 303);
  }
}

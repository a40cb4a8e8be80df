import { Controller, Delete, Get, Inject, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { CalledRequest } from './caller';
import { answerPut, answerRecord } from './config-answer';
import type { WriteRequest } from './config-write';
import { KeyDesk } from './key-desk';
import { keysQuery, parseQuery } from './page-request';

@Controller('/v1/keys')
export class KeysController {
  constructor(@Inject(KeyDesk) private readonly desk: KeyDesk) {}

  @Get()
  list(@Req() { caller }: CalledRequest, @Query() query: unknown): Promise<object> {
    return this.desk.list(caller, parseQuery(keysQuery, query));
  }

  @Post()
  async mint(
    @Req() request: WriteRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answerPut(reply, { created: true, view: await this.desk.mint(request) });
  }

  @Get('/:keyId')
  async show(
    @Req() { caller }: CalledRequest,
    @Param('keyId') keyId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answerRecord(reply, await this.desk.find(caller, keyId));
  }

  @Put('/:keyId')
  async change(
    @Param('keyId') keyId: string,
    @Req() request: WriteRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answerPut(reply, await this.desk.change(keyId, request));
  }

  @Delete('/:keyId')
  async revoke(@Param('keyId') keyId: string, @Req() request: WriteRequest): Promise<object> {
    await this.desk.revoke(keyId, request);
    return { id: keyId, outcome: 'revoked' };
  }
}

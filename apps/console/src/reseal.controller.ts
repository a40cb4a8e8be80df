import { Controller, HttpCode, Inject, Post, Query, Req } from '@nestjs/common';
import type { WriteRequest } from './config-write';
import { pageQuery, parseQuery } from './page-request';
import { ResealDesk, type ResealedView } from './reseal-desk';

@Controller('/v1/reseal')
export class ResealController {
  constructor(@Inject(ResealDesk) private readonly desk: ResealDesk) {}

  @Post()
  @HttpCode(200)
  run(@Req() request: WriteRequest, @Query() query: unknown): Promise<ResealedView> {
    return this.desk.run(request, parseQuery(pageQuery, query));
  }
}

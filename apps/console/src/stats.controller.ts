import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import type { CalledRequest } from './caller';
import { pageQuery, parseQuery } from './page-request';
import { Stats } from './stats';
import type { StatsView } from './stats-view';

/** The numbers of the installation, or of the tenant whose key asks. */
@Controller('/v1/stats')
export class StatsController {
  constructor(@Inject(Stats) private readonly stats: Stats) {}

  @Get()
  show(@Req() { caller }: CalledRequest, @Query() query: unknown): Promise<StatsView> {
    return this.stats.show(caller, parseQuery(pageQuery, query));
  }
}

import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ReplayDesk } from './replay-desk';

interface Place {
  tenantId: string;
  destinationId: string;
}

/** What is kept of a destination, and its replays. */
@Controller('/v1/tenants/:tenantId/destinations/:destinationId/replays')
export class ReplaysController {
  constructor(@Inject(ReplayDesk) private readonly desk: ReplayDesk) {}

  @Get()
  list(@Param() place: Place): Promise<object> {
    return this.desk.list(place);
  }

  @Post()
  @HttpCode(201)
  begin(@Param() place: Place, @Body() body: unknown): Promise<object> {
    return this.desk.begin(place, body);
  }

  @Get('/:replayId')
  find(@Param() { replayId, ...place }: Place & { replayId: string }): Promise<object> {
    return this.desk.find(place, replayId);
  }

  @Post('/:replayId/cancel')
  @HttpCode(200)
  cancel(@Param() { replayId, ...place }: Place & { replayId: string }): Promise<object> {
    return this.desk.cancel(place, replayId);
  }
}

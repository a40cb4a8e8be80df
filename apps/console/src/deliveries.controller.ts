import type { DestinationPlace } from '@logferry/core';
import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import { Deliveries } from './deliveries';
import type { DeliveriesView } from './deliveries-view';
import { pageFields, parseQuery } from './page-request';

export const deliveriesQuery = z.strictObject({ limit: pageFields.limit });

/** What became of a destination's last batches. */
@Controller('/v1/tenants/:tenantId/destinations/:destinationId/deliveries')
export class DeliveriesController {
  constructor(@Inject(Deliveries) private readonly deliveries: Deliveries) {}

  @Get()
  list(@Param() place: DestinationPlace, @Query() query: unknown): Promise<DeliveriesView> {
    return this.deliveries.of(place, parseQuery(deliveriesQuery, query).limit);
  }
}

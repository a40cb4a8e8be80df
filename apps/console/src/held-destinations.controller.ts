import { destinationKey, type DestinationPlace } from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { mayWrite } from './config-write';
import { DerivedScopes } from './derived-scopes';
import { addressOfDestination } from './destination-address';
import {
  heldDestinationView,
  type HeldDestinationsView,
  type ResumedView,
  type SuspendedView,
} from './held-destination-view';
import { HeldDestinations } from './held-destinations';
import { parseQuery } from './page-request';
import { storedDestination } from './stored-destination';

const SHOWN_MAX = 1_000;

/** Where the button stands, so that whoever has pressed it is there again. */
const resumeForm = z.strictObject({ back: z.literal('page').optional() });

/** What is held, and the word to try it at once. */
@Controller()
export class HeldDestinationsController {
  constructor(
    @Inject(HeldDestinations) private readonly held: HeldDestinations,
    @Inject(ConfigStore) private readonly store: ConfigStore,
    @Inject(DerivedScopes) private readonly scopes: DerivedScopes,
    @Inject(CONSOLE_CONFIG) private readonly config: ConsoleConfig,
  ) {}

  @Get('/v1/held-destinations')
  async list(): Promise<HeldDestinationsView> {
    const held = await this.held.list(SHOWN_MAX);
    const scopeOf = await this.scopes.of(held);
    return { heldDestinations: held.map((one) => heldDestinationView(one, scopeOf(one))) };
  }

  @Post('/v1/tenants/:tenantId/destinations/:destinationId/resume')
  @HttpCode(202)
  async resume(
    @Param('tenantId') tenantId: string,
    @Param('destinationId') destinationId: string,
  ): Promise<ResumedView> {
    await this.probe(tenantId, destinationId);
    return { tenant: tenantId, destination: destinationId, outcome: 'probing' };
  }

  @Post('/v1/tenants/:tenantId/destinations/:destinationId/suspend')
  @HttpCode(200)
  async suspend(@Param() { tenantId, destinationId }: DestinationPlace): Promise<SuspendedView> {
    await this.hold({ tenantId, destinationId });
    return { tenant: tenantId, destination: destinationId, outcome: 'suspended' };
  }

  /** The button of the destination's page. */
  @Post('/tenants/:tenantId/destinations/:destinationId/suspend')
  async suspendByButton(
    @Param() place: DestinationPlace,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.hold(place);
    reply.redirect(`${addressOfDestination(place)}?done=suspended`, 303);
  }

  /** The button of the overview, and of the destination's own page. */
  @Post('/tenants/:tenantId/destinations/:destinationId/resume')
  async resumeByButton(
    @Param() at: DestinationPlace,
    @Body() fields: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { back } = parseQuery(resumeForm, fields ?? {});
    await this.probe(at.tenantId, at.destinationId);
    reply.redirect(back === 'page' ? `${addressOfDestination(at)}?done=resumed` : '/', 303);
  }

  private async hold(place: DestinationPlace): Promise<void> {
    mayWrite(this.config.readOnly);
    const { type } = await storedDestination(this.store, place.tenantId, place.destinationId);
    await this.held.suspend(place, type);
  }

  private async probe(tenantId: string, destinationId: string): Promise<void> {
    mayWrite(this.config.readOnly);
    if (await this.held.resume(destinationKey(tenantId, destinationId))) return;
    throw new RequestProblem(
      404,
      'console.not_held',
      'this destination is not held: it works, or has nothing to deliver, or there is none of this name',
    );
  }
}

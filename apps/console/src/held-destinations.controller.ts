import { destinationKey } from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import { Controller, Get, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { explain } from './dead-letter-view';
import { HeldDestinations, type HeldDestination } from './held-destinations';

const SHOWN_MAX = 1_000;

/** What is held, and the word to try it at once. */
@Controller()
export class HeldDestinationsController {
  constructor(
    @Inject(HeldDestinations) private readonly held: HeldDestinations,
    @Inject(CONSOLE_CONFIG) private readonly config: ConsoleConfig,
  ) {}

  @Get('/v1/held-destinations')
  async list(): Promise<object> {
    const held = await this.held.list(SHOWN_MAX);
    return { heldDestinations: held.map(heldDestinationView) };
  }

  @Post('/v1/tenants/:tenantId/destinations/:destinationId/resume')
  @HttpCode(202)
  async resume(
    @Param('tenantId') tenantId: string,
    @Param('destinationId') destinationId: string,
  ): Promise<object> {
    await this.probe(tenantId, destinationId);
    return { tenant: tenantId, destination: destinationId, outcome: 'probing' };
  }

  /** The button of the overview. */
  @Post('/tenants/:tenantId/destinations/:destinationId/resume')
  async resumeByButton(
    @Param('tenantId') tenantId: string,
    @Param('destinationId') destinationId: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.probe(tenantId, destinationId);
    reply.redirect('/', 303);
  }

  private async probe(tenantId: string, destinationId: string): Promise<void> {
    if (this.config.readOnly)
      throw new RequestProblem(405, 'console.read_only', 'this console only shows');
    if (await this.held.resume(destinationKey(tenantId, destinationId))) return;
    throw new RequestProblem(
      404,
      'console.not_held',
      'this destination is not held: it works, or has nothing to deliver, or there is none of this name',
    );
  }
}

function heldDestinationView(held: HeldDestination): object {
  const { tenantId, destinationId, sink, kind, code, sinceMs, probeAtMs, probes, batches } = held;
  return {
    tenant: tenantId,
    destination: destinationId,
    sink,
    kind,
    reason: code,
    ...explain(code ?? ''),
    since: new Date(sinceMs).toISOString(),
    nextProbeAt: new Date(probeAtMs).toISOString(),
    failedProbes: probes,
    batches,
  };
}

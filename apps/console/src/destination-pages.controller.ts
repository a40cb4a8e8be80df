import type { DestinationPlace } from '@logferry/core';
import { within } from '@logferry/queue';
import { Controller, Get, Header, Inject, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { ConnectionDesk } from './connection-desk';
import { addressOfDestination } from './destination-address';
import { TenantLook } from './tenant-look';
import { destinationDones, destinationPage, type DestinationDone } from './destination-page';
import { parseQuery } from './page-request';

const HTML = 'text/html; charset=utf-8';

/** Somebody looks at a page that does not come; a test that takes longer ends without them. */
const TEST_MS = 20_000;

// One of ours or none: nobody can put a text of theirs here.
const destinationQuery = z.strictObject({
  done: z.enum(destinationDones).optional().catch(undefined),
});

/** The page of a destination, and its button that tests the connection. */
@Controller()
export class DestinationPagesController {
  constructor(
    @Inject(TenantLook) private readonly look: TenantLook,
    @Inject(ConnectionDesk) private readonly connections: ConnectionDesk,
    @Inject(CONSOLE_CONFIG) private readonly config: ConsoleConfig,
  ) {}

  @Get('/tenants/:tenantId/destinations/:destinationId')
  @Header('content-type', HTML)
  async show(@Param() place: DestinationPlace, @Query() query: unknown): Promise<string> {
    const { done } = parseQuery(destinationQuery, query);
    const looked = await this.look.of(place);
    const [lastTest, setup] = await Promise.all([
      this.look.lastTest(place),
      this.look.setup(place),
    ]);
    return destinationPage({ looked, lastTest, setup, readOnly: this.config.readOnly, done });
  }

  @Post('/tenants/:tenantId/destinations/:destinationId/test')
  async test(@Param() place: DestinationPlace, @Res() reply: FastifyReply): Promise<void> {
    const steps = await this.connections.test(place);
    const outcome = await within(ended(steps), TEST_MS);
    // By another request, so that loading the page again tests nothing again.
    const done: DestinationDone = outcome === 'late' ? 'testing' : 'tested';
    reply.redirect(`${addressOfDestination(place)}?done=${done}`, 303);
  }
}

async function ended(steps: AsyncIterable<unknown>): Promise<void> {
  const all = steps[Symbol.asyncIterator]();
  while ((await all.next()).done !== true);
}

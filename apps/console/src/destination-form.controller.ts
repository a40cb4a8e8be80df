import type { DestinationPlace } from '@logferry/core';
import { RequestProblem } from '@logferry/runtime';
import { Body, Controller, Get, Header, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { CalledRequest } from './caller';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { mayWrite } from './config-write';
import { addressOfDestination } from './destination-address';
import { DestinationDesk, refuseDerived } from './destination-desk';
import {
  destinationBody,
  fieldsOf,
  freshFields,
  readDestinationForm,
  refusedDestination,
  untouched,
  type DestinationFields,
} from './destination-form';
import { destinationFormPage } from './destination-form-page';
import type { DestinationDone } from './destination-page';
import type { ShownDestination } from './shown-destination';
import { unreadableDestination } from './stored-destination';
import { TenantDesk } from './tenant-desk';
import { TenantLook } from './tenant-look';

const HTML = 'text/html; charset=utf-8';

/** What a form was sent with, and what it is about. */
interface Sent extends DestinationPlace, CalledRequest {
  fields: DestinationFields;
  before: ShownDestination | undefined;
}

/** The form that makes a destination, or changes one, as the API does. */
@Controller()
export class DestinationFormController {
  constructor(
    @Inject(TenantLook) private readonly look: TenantLook,
    @Inject(DestinationDesk) private readonly destinations: DestinationDesk,
    @Inject(TenantDesk) private readonly tenants: TenantDesk,
    @Inject(CONSOLE_CONFIG) private readonly config: ConsoleConfig,
  ) {}

  @Get('/tenants/:tenantId/new-destination')
  @Header('content-type', HTML)
  async fresh(@Param('tenantId') tenantId: string): Promise<string> {
    mayWrite(this.config.readOnly);
    await this.tenants.find(tenantId);
    return destinationFormPage({
      tenantId,
      destination: undefined,
      entered: untouched(freshFields),
    });
  }

  @Post('/tenants/:tenantId/new-destination')
  async make(
    @Param('tenantId') tenantId: string,
    @Body() body: unknown,
    @Req() { caller }: CalledRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { id = '', ...fields } = readDestinationForm(body);
    const sent = { tenantId, destinationId: id, fields: { ...fields, id }, before: undefined };
    await this.write({ ...sent, ...(caller && { caller }) }, reply);
  }

  @Get('/tenants/:tenantId/destinations/:destinationId/change')
  @Header('content-type', HTML)
  async form(@Param() { tenantId, destinationId }: DestinationPlace): Promise<string> {
    mayWrite(this.config.readOnly);
    const destination = await this.stored({ tenantId, destinationId });
    const entered = untouched(fieldsOf(destination));
    return destinationFormPage({ tenantId, destination, entered });
  }

  @Post('/tenants/:tenantId/destinations/:destinationId/change')
  async change(
    @Param() { tenantId, destinationId }: DestinationPlace,
    @Body() body: unknown,
    @Req() { caller }: CalledRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    mayWrite(this.config.readOnly);
    const before = await this.stored({ tenantId, destinationId });
    const fields = readDestinationForm(body);
    await this.write({ tenantId, destinationId, fields, before, ...(caller && { caller }) }, reply);
  }

  /** Answers with the form itself, and all that was entered but the secret, if it is not taken. */
  private async write(sent: Sent, reply: FastifyReply): Promise<void> {
    const { tenantId, destinationId, fields, before, caller } = sent;
    // Nobody's destination is written over by somebody who thinks that there is none.
    const headers = before === undefined ? { 'if-none-match': '*' } : {};
    const body = destinationBody(fields, before);
    try {
      await this.destinations.put(tenantId, destinationId, { caller, headers, body });
    } catch (error) {
      if (!isOfForm(error)) throw error;
      const entered = refusedDestination(error, { fields, before });
      const shown = destinationFormPage({ tenantId, destination: before, entered });
      reply.code(error.status).headers(error.headers).type(HTML).send(shown);
      return;
    }
    // By another request, so that loading the page again writes nothing again.
    const done: DestinationDone = before === undefined ? 'made' : 'changed';
    const address = addressOfDestination({ tenantId, destinationId });
    reply.redirect(`${address}?done=${done}`, 303);
  }

  /** @throws RequestProblem if there is none, or none that the form could change */
  private async stored(place: DestinationPlace): Promise<ShownDestination> {
    const { destination } = await this.look.of(place);
    refuseDerived(place.destinationId);
    if (destination === undefined) throw unreadableDestination();
    return destination;
  }
}

/** Whether whoever has filled in the form can do something about it there. */
function isOfForm(error: unknown): error is RequestProblem {
  return error instanceof RequestProblem && error.status !== 404 && error.status !== 405;
}

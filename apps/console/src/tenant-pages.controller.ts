import { RequestProblem } from '@logferry/runtime';
import {
  Body,
  Controller,
  Get,
  Header,
  Inject,
  Param,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { CalledRequest } from './caller';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import type { Problem } from './config-problem';
import { addressOfTenant } from './destination-address';
import { TenantLook } from './tenant-look';
import { pageFields, pageQuery, parseQuery } from './page-request';
import { TenantDesk } from './tenant-desk';
import { tenantDones, tenantPage, tenantsPage, type TenantEntered } from './tenant-pages';
import { VariablesDesk } from './variables-desk';

const HTML = 'text/html; charset=utf-8';

const tenantsQuery = z.strictObject({ cursor: pageFields.cursor });
// One of ours or none: nobody can put a text of theirs here.
const tenantQuery = z.strictObject({ done: z.enum(tenantDones).optional().catch(undefined) });

const text = z.string('must be one text').default('');
const tenantForm = z.strictObject({ id: text, name: text, again: text });

const FRESH: TenantEntered = { fields: {}, problems: new Map(), others: [] };

/** The pages of tenants, and the form of a new one. */
@Controller()
export class TenantPagesController {
  constructor(
    @Inject(TenantDesk) private readonly desk: TenantDesk,
    @Inject(VariablesDesk) private readonly variables: VariablesDesk,
    @Inject(TenantLook) private readonly look: TenantLook,
    @Inject(CONSOLE_CONFIG) private readonly config: ConsoleConfig,
  ) {}

  @Get('/tenants')
  @Header('content-type', HTML)
  async list(@Req() { caller }: CalledRequest, @Query() query: unknown): Promise<string> {
    const { cursor } = parseQuery(tenantsQuery, query);
    return this.page({ caller, cursor, entered: FRESH, isFormer: false });
  }

  @Post('/tenants')
  async make(
    @Body() body: unknown,
    @Req() { caller }: CalledRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { id: entered, name: called, again } = parseQuery(tenantForm, body ?? {});
    const [id, name] = [entered.trim(), called.trim()];
    const request = {
      caller,
      headers: { 'if-none-match': '*' },
      body: name === '' ? {} : { name },
    };
    try {
      await this.desk.put(id, request, again === 'yes');
    } catch (error) {
      if (!(error instanceof RequestProblem) || error.status === 405) throw error;
      const shown = await this.page({
        caller,
        entered: refused(error, { id, name, again }),
        isFormer: error.code === 'config.former_tenant',
      });
      reply.code(error.status).type(HTML).send(shown);
      return;
    }
    reply.redirect(`${addressOfTenant(id)}?done=made`, 303);
  }

  @Get('/tenants/:tenantId')
  @Header('content-type', HTML)
  async show(@Param('tenantId') tenantId: string, @Query() query: unknown): Promise<string> {
    const { done } = parseQuery(tenantQuery, query);
    const tenant = await this.desk.find(tenantId);
    const [destinations, scopes, beside] = await Promise.all([
      this.look.ofTenant(tenantId),
      this.variables.scopes(tenantId),
      this.look.beside(tenantId),
    ]);
    const { readOnly } = this.config;
    return tenantPage({ tenant, destinations, scopes, ...beside, done, readOnly });
  }

  private async page({
    caller,
    cursor: from,
    entered,
    isFormer,
  }: {
    caller: CalledRequest['caller'];
    cursor?: string | undefined;
    entered: TenantEntered;
    isFormer: boolean;
  }): Promise<string> {
    const { tenants, cursor } = await this.desk.list(caller, {
      ...pageQuery.parse({}),
      cursor: from,
    });
    const counts = await this.look.counts(tenants.map(({ id }) => id));
    return tenantsPage({
      tenants: tenants.map((tenant, i) => ({ tenant, destinations: counts[i] ?? 0 })),
      cursor,
      entered: this.config.readOnly ? undefined : entered,
      isFormer,
    });
  }
}

function refused(
  problem: RequestProblem,
  fields: { id: string; name: string; again: string },
): TenantEntered {
  const problems = new Map<string, string[]>();
  const others: string[] = [];
  for (const { path, message } of (problem.details.problems ?? []) as readonly Problem[]) {
    const name = path.slice(2);
    if (name in fields) problems.set(name, [...(problems.get(name) ?? []), message]);
    else others.push(`${path} ${message}`);
  }
  if (problem.code === 'config.version_conflict') problems.set('id', ['is that of another tenant']);
  else if (problem.details.problems === undefined) others.push(problem.message);
  return { fields, problems, others };
}

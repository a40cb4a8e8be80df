import { ConfigStore } from '@logferry/store';
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
import { listSources } from './listed-sources';
import { parseQuery } from './page-request';
import { SourceDesk, storedSource } from './source-desk';
import { readCheckpointForm, readReplayForm } from './source-forms';
import {
  addressOfSource,
  runPage,
  RUNS_A_PAGE,
  sourcePage,
  sourceDones,
  sourcesPage,
  type SourceDone,
} from './source-pages';
import { SourceRunDesk, type SourceAddress } from './source-run-desk';
import { runsQuery } from './source-runs.controller';
import type { LogLineView } from './source-view';

const HTML = 'text/html; charset=utf-8';

const sourcesQuery = z.strictObject({ after: z.string('must be one text').max(64).optional() });

const { page, filter } = runsQuery.shape;
const sourceQuery = z.strictObject({
  page,
  filter,
  // One of ours or none: nobody can put a text of theirs here.
  done: z.enum(sourceDones).optional().catch(undefined),
});

/** The pages of sources and their runs, and what their buttons do. */
@Controller()
export class SourcePagesController {
  constructor(
    @Inject(ConfigStore) private readonly store: ConfigStore,
    @Inject(SourceDesk) private readonly sources: SourceDesk,
    @Inject(SourceRunDesk) private readonly runs: SourceRunDesk,
    @Inject(CONSOLE_CONFIG) private readonly config: ConsoleConfig,
  ) {}

  @Get('/sources')
  @Header('content-type', HTML)
  async list(@Query() query: unknown): Promise<string> {
    const { after } = parseQuery(sourcesQuery, query);
    return sourcesPage(await listSources({ store: this.store, desk: this.runs }, after));
  }

  @Get('/tenants/:tenantId/sources/:sourceId')
  @Header('content-type', HTML)
  async show(
    @Param() { tenantId, sourceId }: SourceAddress,
    @Query() query: unknown,
  ): Promise<string> {
    const asked = parseQuery(sourceQuery, query);
    const at = { tenantId, sourceId };
    const { domain } = await storedSource(this.store, tenantId, sourceId);
    const [pageNumber, onlyFailed] = [asked.page - 1, asked.filter === 'failed'];
    const [status, { runs, total }] = await Promise.all([
      this.runs.status(at),
      this.runs.list(at, { page: pageNumber, perPage: RUNS_A_PAGE, onlyFailed }),
    ]);
    const { readOnly } = this.config;
    const { done } = asked;
    return sourcePage({
      ...{ ...at, domain, status, runs, total, pageNumber, onlyFailed, readOnly, done },
    });
  }

  @Get('/tenants/:tenantId/sources/:sourceId/runs/:runId')
  @Header('content-type', HTML)
  async run(
    @Param() { tenantId, sourceId, runId }: SourceAddress & { runId: string },
  ): Promise<string> {
    const at = { tenantId, sourceId };
    // Looked at before its lines: what it logs before it ends is there when it has.
    const run = await this.runs.show(at, runId);
    const lines = await this.linesOf(at, runId);
    return runPage({ ...at, run, lines, readOnly: this.config.readOnly });
  }

  @Post('/tenants/:tenantId/sources/:sourceId/pause')
  pause(
    @Param() at: SourceAddress,
    @Req() { caller }: CalledRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.switch(at, { caller, enabled: false }, reply);
  }

  @Post('/tenants/:tenantId/sources/:sourceId/resume')
  resume(
    @Param() at: SourceAddress,
    @Req() { caller }: CalledRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.switch(at, { caller, enabled: true }, reply);
  }

  @Post('/tenants/:tenantId/sources/:sourceId/run')
  async runNow(@Param() at: SourceAddress, @Res() reply: FastifyReply): Promise<void> {
    await this.runs.runNow(at);
    back(reply, at, 'asked');
  }

  @Post('/tenants/:tenantId/sources/:sourceId/checkpoint')
  async setCheckpoint(
    @Param() at: SourceAddress,
    @Body() fields: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.runs.setCheckpoint(at, readCheckpointForm(fields));
    back(reply, at, 'set');
  }

  @Post('/tenants/:tenantId/sources/:sourceId/replay')
  async replay(
    @Param() at: SourceAddress,
    @Body() fields: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.runs.replay(at, readReplayForm(fields));
    back(reply, at, 'asked');
  }

  @Post('/tenants/:tenantId/sources/:sourceId/runs/:runId/cancel')
  async cancel(
    @Param() { runId, ...at }: SourceAddress & { runId: string },
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.runs.cancel(at, runId);
    back(reply, at, 'cancelling');
  }

  private async switch(
    at: SourceAddress,
    { caller, enabled }: CalledRequest & { enabled: boolean },
    reply: FastifyReply,
  ): Promise<void> {
    await this.sources.switch(at.tenantId, at.sourceId, { caller, headers: {}, enabled });
    back(reply, at, enabled ? 'resumed' : 'paused');
  }

  /** All lines: the log is bounded where it is written, but not quite to what is read at once. */
  private async linesOf(at: SourceAddress, runId: string): Promise<LogLineView[]> {
    const first = await this.runs.log(at, runId, undefined);
    const last = first.at(-1);
    return last === undefined ? first : [...first, ...(await this.runs.log(at, runId, last.place))];
  }
}

/** By another request, so that loading the page again does nothing again. */
function back(reply: FastifyReply, at: SourceAddress, done: SourceDone): void {
  reply.redirect(`${addressOfSource(at)}?done=${done}`, 303);
}

import { deadLetterState } from '@logferry/queue';
import { RequestProblem } from '@logferry/runtime';
import { Body, Controller, Get, Header, Inject, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import { DeadLetterDesk } from './dead-letter-desk';
import { listCursor, parseFilter, parseListRequest } from './dead-letter-request';
import { deadLettersPage } from './dead-letters-page';
import { DerivedScopes } from './derived-scopes';

const GROUPS_SHOWN = 100;
const COUNTS = ['redriven', 'queued', 'busy', 'discarded', 'more'];

/** The page of dead letters, and what its buttons do. */
@Controller('/dead-letters')
export class DeadLettersPageController {
  constructor(
    @Inject(DeadLetterDesk) private readonly desk: DeadLetterDesk,
    @Inject(DerivedScopes) private readonly scopes: DerivedScopes,
    @Inject(CONSOLE_CONFIG) private readonly config: ConsoleConfig,
  ) {}

  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  async show(@Query() query: Record<string, unknown>): Promise<string> {
    // Fields of the form that were left empty stand for anything.
    const asked = Object.entries(query).filter(
      ([name, value]) => value !== '' && !COUNTS.includes(name),
    );
    const { filter, order, limit, after } = parseListRequest(Object.fromEntries(asked));
    const { deadLetters } = this.desk;
    const { deadLetterRetentionMs: retentionMs, deadLetterTenantBytesMax, readOnly } = this.config;
    const rules = { retentionMs, tenantBytesMax: deadLetterTenantBytesMax };
    const [{ rows, next }, groups, state, nowMs] = await Promise.all([
      deadLetters.page({ filter, order, limit, after }),
      deadLetters.groups(GROUPS_SHOWN + 1),
      deadLetterState(deadLetters, rules),
      deadLetters.nowMs(),
    ]);
    const nextPage = new URLSearchParams(
      asked.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
    );
    if (next !== undefined) nextPage.set('cursor', listCursor(order, next));
    return deadLettersPage({
      state,
      groups: groups.slice(0, GROUPS_SHOWN),
      hasMoreGroups: groups.length > GROUPS_SHOWN,
      filter,
      rows,
      scopeOf: await this.scopes.of([...rows, ...groups]),
      nextPage: next === undefined ? undefined : `/dead-letters?${nextPage.toString()}`,
      nowMs,
      retentionMs,
      readOnly,
      done: whatWasDone(query),
    });
  }

  @Post('/redrive')
  async redriveAll(@Body() body: unknown, @Res() reply: FastifyReply): Promise<void> {
    const { cursor, ...counts } = await this.desk.redriveAll({
      filter: parseFilter(body),
      from: undefined,
    });
    back(reply, { ...counts, more: cursor === null ? 0 : 1 });
  }

  @Post('/discard')
  async discardAll(@Body() body: unknown, @Res() reply: FastifyReply): Promise<void> {
    const { confirm, ...fields } = (body ?? {}) as Record<string, unknown>;
    const filter = parseFilter(fields);
    const { discarded, cursor } = await this.desk.discardAll({
      filter,
      confirm: Number(confirm),
      from: undefined,
    });
    back(reply, { discarded, more: cursor === null ? 0 : 1 });
  }

  @Post('/:id/redrive')
  async redrive(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const outcome = await this.desk.redrive(id);
    back(reply, outcome === 'redriven' ? { redriven: 1 } : { redriven: 0, queued: 1 });
  }

  @Post('/:id/discard')
  async discard(
    @Param('id') id: string,
    @Body() body: { confirm?: unknown } | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (body?.confirm !== '1')
      throw new RequestProblem(
        409,
        'dead_letter.confirm_needed',
        'confirm is missing: it is for good',
      );
    await this.desk.discard(id);
    back(reply, { discarded: 1 });
  }
}

/** By another request, so that loading the page again does nothing again. */
function back(reply: FastifyReply, counts: Record<string, number>): void {
  const done = new URLSearchParams(
    Object.entries(counts).map(([name, count]) => [name, String(count)]),
  );
  reply.redirect(`/dead-letters?${done.toString()}`, 303);
}

/** Numbers alone are taken from the address, so that nobody can put a text of theirs here. */
function whatWasDone(query: Record<string, unknown>): string {
  const count = (name: string): number => {
    const value = query[name];
    return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : 0;
  };
  const more = count('more') === 0 ? '' : ' Time ran out before the last of them: press it again.';
  if ('discarded' in query) return `${count('discarded')} discarded.${more}`;
  if (!('redriven' in query)) return '';
  const queued = count('queued') === 0 ? '' : ` ${count('queued')} were on their way already.`;
  const busy =
    count('busy') === 0 ? '' : ` ${count('busy')} are in a worker's hands: press it again.`;
  return `${count('redriven')} sent back to the workers.${queued}${busy}${more}`;
}

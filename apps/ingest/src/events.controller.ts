import { parseDefaults } from '@logferry/core';
import { TokenReused, TooMuchPending } from '@logferry/queue';
import { RequestProblem } from '@logferry/runtime';
import type { TenantRecord } from '@logferry/store';
import { Controller, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AcceptLogEvents, UNREADABLE, type Acceptance, type Verdict } from './accept-log-events';
import { INGEST_CONFIG, type IngestConfig } from './config';
import { redisAway, type Admission } from './gate';
import { onceOf } from './idempotency';
import { IngestMetrics } from './ingest-metrics';
import { inflateBody, readBody } from './request-body';
import { Tenants } from './tenants';

/** A request that the gate has let in. */
type AdmittedRequest = FastifyRequest<{ Body: Buffer | undefined }> & { admission: Admission };

@Controller('/v1')
export class EventsController {
  constructor(
    @Inject(AcceptLogEvents) private readonly acceptLogEvents: AcceptLogEvents,
    @Inject(Tenants) private readonly tenants: Tenants,
    @Inject(IngestMetrics) private readonly metrics: IngestMetrics,
    @Inject(INGEST_CONFIG) private readonly config: IngestConfig,
  ) {}

  /** Log events of one tenant. */
  @Post('/tenants/:tenant/events')
  @HttpCode(202)
  async ofTenant(
    @Req() request: AdmittedRequest,
    @Param('tenant') tenantId: string,
    @Query() query: Record<string, unknown>,
  ): Promise<Verdict> {
    const { sender } = request.admission;
    if (sender.kind === 'tenant' && sender.tenantId !== tenantId) {
      throw new RequestProblem(
        403,
        'auth.other_tenant',
        'this key may send for its own tenant only',
      );
    }
    const record = await this.lookUp(tenantId);
    if (record === undefined)
      throw new RequestProblem(404, 'tenant.unknown', 'there is no tenant of this id');
    if (record === 'unreadable') {
      throw new RequestProblem(503, 'tenant.unreadable', `${UNREADABLE}; come back later`, {
        'retry-after': '5',
      });
    }
    if (this.tenants.isFull(tenantId)) {
      throw new RequestProblem(
        429,
        'tenant.backlog_full',
        'too much waits to be delivered to this tenant; come back later',
        { 'retry-after': '5' },
      );
    }
    return this.accept(request, query, record);
  }

  /** Log events of any tenants; each names its own. */
  @Post('/events')
  @HttpCode(202)
  async ofTenants(
    @Req() request: AdmittedRequest,
    @Query() query: Record<string, unknown>,
  ): Promise<Verdict> {
    if (request.admission.sender.kind !== 'platform') {
      throw new RequestProblem(
        403,
        'auth.platform_only',
        'only a platform key may send for several tenants',
      );
    }
    return this.accept(request, query, undefined);
  }

  private async accept(
    request: AdmittedRequest,
    query: Record<string, unknown>,
    record: TenantRecord | undefined,
  ): Promise<Verdict> {
    const startedAt = Date.now();
    const defaults = parseDefaults(query);
    if ('code' in defaults)
      throw new RequestProblem(400, defaults.code, `in the query: ${defaults.message}`);
    const { headers, admission, body = Buffer.alloc(0) } = request;
    const bytes = inflateBody(body, headers['content-encoding'], this.config.bodyBytesMax);
    admission.grow(bytes.length);
    const values = readBody(bytes, headers['content-type']);
    if (values.count > this.config.logEventsMax) {
      throw new RequestProblem(
        413,
        'request.too_many_log_events',
        `the request holds ${values.count} log events; the most is ${this.config.logEventsMax}`,
      );
    }
    const once = onceOf(headers['idempotency-key'], this.config.idempotencyWindowMs, {
      sender: admission.sender,
      tenantId: record?.tenant.id,
      ...defaults,
      contentType: headers['content-type'],
      body: bytes,
    });
    const takeBack = admission.count({ logEvents: values.count, bytes: bytes.length });
    const nowMs = Date.now();
    const acceptance = await this.store(takeBack, () =>
      this.acceptLogEvents.run({
        values,
        record,
        once,
        defaults: { nowMs, ...defaults, tenantInEvent: record === undefined },
      }),
    );
    this.metrics.accepted(acceptance, body.length, Date.now() - startedAt);
    return acceptance.verdict;
  }

  private async lookUp(tenantId: string): Promise<TenantRecord | 'unreadable' | undefined> {
    try {
      return await this.tenants.findTenant(tenantId);
    } catch {
      throw redisAway();
    }
  }

  /** Whatever keeps log events from being stored, the answer is that they are not. */
  private async store(takeBack: () => void, run: () => Promise<Acceptance>): Promise<Acceptance> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof RequestProblem) throw error; // of the body: it will be the same however often it is sent
      if (!(error instanceof TokenReused)) takeBack();
      if (error instanceof TooMuchPending) {
        throw new RequestProblem(
          503,
          'ingest.busy',
          'too much waits for Redis just now; come back in a second',
          { 'retry-after': '1' },
        );
      }
      if (error instanceof TokenReused) {
        throw new RequestProblem(
          422,
          'request.idempotency_key_reused',
          'this Idempotency-Key came with another request before, or other log events of this one were accepted then; nothing is accepted now',
        );
      }
      this.metrics.storeFailed(error);
      throw redisAway();
    }
  }
}

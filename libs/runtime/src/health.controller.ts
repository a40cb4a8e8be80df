import { Controller, Get, Headers, HttpCode, Inject, Ip, Res } from '@nestjs/common';
import { Metrics } from './metrics';
import { Readiness } from './readiness';

interface Reply {
  code(status: number): Reply;
  header(name: string, value: string): Reply;
  send(body: unknown): Reply;
}

/** What every process answers to whoever watches over it. Neither answer tells anything about tenants. */
@Controller()
export class HealthController {
  constructor(
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  /** The process runs and its event loop turns. */
  @Get('/health/live')
  @HttpCode(200)
  live(): { status: string } {
    return { status: 'live' };
  }

  /** The process can do its work now. */
  @Get('/health/ready')
  async ready(@Res() reply: Reply): Promise<void> {
    const waitingFor = await this.readiness.missing();
    reply
      .code(waitingFor.length === 0 ? 200 : 503)
      .send(waitingFor.length === 0 ? { status: 'ready' } : { status: 'not_ready', waitingFor });
  }

  @Get('/metrics')
  async scrape(
    @Ip() ip: string,
    @Headers() headers: Record<string, string | string[] | undefined>,
    @Res() reply: Reply,
  ): Promise<void> {
    if (!this.metrics.mayRead(ip, headers)) {
      reply.code(403).send({
        code: 'metrics.forbidden',
        message: 'metrics need LOGFERRY_METRICS_TOKEN as a bearer token',
      });
      return;
    }
    reply
      .header('content-type', this.metrics.registry.contentType)
      .send(await this.metrics.registry.metrics());
  }
}

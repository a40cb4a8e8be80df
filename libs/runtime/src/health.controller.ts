import { Controller, Get, Headers, HttpCode, Inject, Ip, Res } from '@nestjs/common';
import { Metrics } from './metrics';
import { Readiness } from './readiness';
import { VERSION } from './version';

type RequestHeaders = Record<string, string | string[] | undefined>;

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

  /** The process can do its work now. Which version it is, is told to whoever may read its metrics, and to nobody else. */
  @Get('/health/ready')
  async ready(
    @Ip() ip: string,
    @Headers() headers: RequestHeaders,
    @Res() reply: Reply,
  ): Promise<void> {
    const waitingFor = await this.readiness.missing();
    const isReady = waitingFor.length === 0;
    const what = { version: VERSION, node: process.versions.node };
    reply.code(isReady ? 200 : 503).send({
      ...(isReady ? { status: 'ready' } : { status: 'not_ready', waitingFor }),
      ...(this.metrics.mayRead(ip, headers) ? what : {}),
    });
  }

  @Get('/metrics')
  async scrape(
    @Ip() ip: string,
    @Headers() headers: RequestHeaders,
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

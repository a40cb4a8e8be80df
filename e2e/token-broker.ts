// A second broker, whose tokens are those of an issuer that the platform has already: its endpoint refuses whoever asks, and repeats in
// its answer what it was shown, as a careless one does.
import { startBuiltApp, steadyPort, type BuiltApp } from '@logferry/testing';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { BROKER_SECRET } from './app-environment';
import type { Stack } from './stack';

export class TokenBroker {
  private constructor(
    private readonly endpoint: Server,
    private readonly broker: BuiltApp,
    readonly tcpPort: number,
    /** What the endpoint was shown. */
    readonly shown: string[],
  ) {}

  static async start(
    stack: Stack,
    clientSecret: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<TokenBroker> {
    const shown: string[] = [];
    const endpoint = createServer((request, response) => {
      void text(request).then((body) => {
        const { authorization = '' } = request.headers;
        shown.push(authorization);
        const error_description = `${authorization} ${atob(authorization.slice(6))} ${body}`;
        response.writeHead(401).end(JSON.stringify({ error: 'invalid_client', error_description }));
      });
    });
    await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
    const tcpPort = await steadyPort();
    const broker = startBuiltApp('credential-broker', {
      ...environment,
      REDIS_URL: stack.redis.url,
      AWS_ENDPOINT_URL: stack.aws.url,
      LOGFERRY_BROKER_SECRET: BROKER_SECRET,
      LOGFERRY_BROKER_ISSUER_URL: stack.url('credential-broker'),
      LOGFERRY_BROKER_SIGNING_KEYS_DIR: stack.signingKeysDir,
      LOGFERRY_BROKER_HTTP_PORT: '0',
      LOGFERRY_BROKER_TCP_PORT: String(tcpPort),
      LOGFERRY_BROKER_TOKEN_SOURCE: 'http',
      LOGFERRY_BROKER_TOKEN_URL: `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/token`,
      LOGFERRY_BROKER_TOKEN_CLIENT_ID: 'logferry',
      LOGFERRY_BROKER_TOKEN_CLIENT_SECRET: clientSecret,
    });
    await broker.ready;
    return new TokenBroker(endpoint, broker, tcpPort, shown);
  }

  get output(): string {
    return this.broker.output();
  }

  async stop(): Promise<void> {
    await this.broker.stop();
    this.endpoint.closeAllConnections();
    await new Promise((resolve) => this.endpoint.close(resolve));
  }
}

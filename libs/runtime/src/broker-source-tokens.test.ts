// The client against a broker over real TCP. The broker is hand-written: what it answers is in the hand of each test.
import 'reflect-metadata';
import { Source, SOURCE_TOKEN_PATTERN, sourceKey } from '@logferry/core';
import { freePort } from '@logferry/testing';
import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { BrokerSourceTokens } from './broker-source-tokens';
import { Secret } from './secret';

const asked: { tenantId: string; sourceId: string; refusedTokenHash?: string }[] = [];
let answer: () => unknown;

@Controller()
class FakeBroker {
  @MessagePattern(SOURCE_TOKEN_PATTERN)
  token(request: (typeof asked)[number]): unknown {
    asked.push(request);
    return answer();
  }
}

@Module({ controllers: [FakeBroker] })
class FakeBrokerModule {}

const source = Source.parse({
  id: 'auth0',
  type: 'auth0',
  domain: 'acme.eu.auth0.com',
  clientId: 'a-client',
  sealedSecret: `v1.1.${'A'.repeat(16)}.${'B'.repeat(30)}`,
});

let broker: INestMicroservice;
let port: number;
let tokens: BrokerSourceTokens;

beforeAll(async () => {
  port = await freePort();
  broker = await NestFactory.createMicroservice<MicroserviceOptions>(FakeBrokerModule, {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port },
    logger: false,
  });
  await broker.listen();
});

beforeEach(() => {
  asked.length = 0;
  tokens = new BrokerSourceTokens({
    host: '127.0.0.1',
    port,
    secret: new Secret('broker'),
    tls: undefined,
  });
});

afterEach(() => {
  tokens.close();
});

afterAll(async () => {
  await broker.close();
});

const issued = (accessToken: string, over: object = {}) => ({
  accessToken,
  expiresAt: Date.now() + 3_600_000,
  issuedFor: sourceKey(source),
  ...over,
});

test('a token is asked for once, and anew when Auth0 has refused it', async () => {
  answer = () => issued('one');
  expect(await tokens.token('acme', source)).toBe('one');
  expect(await tokens.token('acme', source)).toBe('one');
  answer = () => issued('two');
  expect(await tokens.token('acme', source, 'one')).toBe('two');
  expect(asked).toHaveLength(2);
  expect(asked[1]?.refusedTokenHash).toMatch(/^[0-9a-f]{64}$/);
});

test.each([
  ['does not know the source yet', () => ({ failure: 'source.missing' })],
  ['knows it as it was before', () => issued('old', { issuedFor: 'another client' })],
])('a broker that %s is asked again in a moment', async (_, says) => {
  answer = says;
  await expect(tokens.token('acme', source)).rejects.toMatchObject({
    code: 'source.changing',
    disposition: 'defer',
  });
  answer = () => issued('one');
  expect(await tokens.token('acme', source)).toBe('one');
});

test('what is wrong with the client is told as the broker tells it', async () => {
  answer = () => ({ failure: 'source.client_refused' });
  await expect(tokens.token('acme', source)).rejects.toMatchObject({
    code: 'source.client_refused',
  });
});

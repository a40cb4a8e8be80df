import { SESSION_PATTERN, SessionRequest, type SessionReply } from '@logferry/core';
import { Controller, Get, Header, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import type { JWK } from 'jose';
import { IssueSession } from './issue-session';
import { Issuer } from './issuer';
import { RequestGate } from './request-gate';

@Controller()
export class BrokerController {
  constructor(
    @Inject(RequestGate) private readonly gate: RequestGate,
    @Inject(IssueSession) private readonly issueSession: IssueSession,
    @Inject(Issuer) private readonly issuer: Issuer,
  ) {}

  @Get('/.well-known/openid-configuration')
  @Header('cache-control', 'public, max-age=300')
  discovery(): Record<string, unknown> {
    return this.issuer.discovery();
  }

  @Get('/.well-known/jwks.json')
  @Header('cache-control', 'public, max-age=300')
  jwks(): { keys: JWK[] } {
    return this.issuer.jwks();
  }

  /** A worker asks for the session of a destination. */
  @MessagePattern(SESSION_PATTERN)
  session(@Payload() payload: unknown): Promise<SessionReply> {
    return this.gate.answer(SessionRequest, payload, (asked) =>
      this.issueSession.run(asked.tenantId, asked.destinationId, asked),
    );
  }
}

import {
  Failure,
  isCredentialFailure,
  SESSION_PATTERN,
  SessionRequest,
  type SessionReply,
} from '@logferry/core';
import type { Logger } from '@logferry/runtime';
import { Controller, Get, Header, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import type { JWK } from 'jose';
import { BROKER_CONFIG, type BrokerConfig } from './config';
import { IssueSession } from './issue-session';
import { Issuer } from './issuer';

export const BROKER_LOG = Symbol('Logger');

@Controller()
export class BrokerController {
  constructor(
    @Inject(BROKER_CONFIG) private readonly config: BrokerConfig,
    @Inject(IssueSession) private readonly issueSession: IssueSession,
    @Inject(Issuer) private readonly issuer: Issuer,
    @Inject(BROKER_LOG) private readonly log: Logger,
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
  async session(@Payload() payload: unknown): Promise<SessionReply> {
    const request = SessionRequest.safeParse(payload);
    if (!request.success || !this.config.secret.equals(request.data.secret)) {
      this.log.warn('a request for a session was refused: it did not show the secret');
      return { failure: 'credential.broker_refused' };
    }
    const { tenantId, destinationId, refusedAccessKeyId } = request.data;
    try {
      return await this.issueSession.run(tenantId, destinationId, refusedAccessKeyId);
    } catch (error) {
      return this.refusal(error, { tenantId, destinationId });
    }
  }

  private refusal(error: unknown, asked: Record<string, string>): SessionReply {
    if (!(error instanceof Failure) || !isCredentialFailure(error.code)) {
      this.log.error({ ...asked, err: error }, 'no session, by a fault of ours');
      return { failure: 'credential.broker_unavailable' };
    }
    const { code, detail, retryAfterMs } = error;
    this.log.warn({ ...asked, code, detail }, 'no session');
    return retryAfterMs === undefined ? { failure: code } : { failure: code, retryAfterMs };
  }
}

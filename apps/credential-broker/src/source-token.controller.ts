import { SOURCE_TOKEN_PATTERN, SourceTokenRequest, type SourceTokenReply } from '@logferry/core';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { RequestGate } from './request-gate';
import { SourceTokens } from './source-tokens';

/** What the poller asks. */
@Controller()
export class SourceTokenController {
  constructor(
    @Inject(RequestGate) private readonly gate: RequestGate,
    @Inject(SourceTokens) private readonly tokens: SourceTokens,
  ) {}

  @MessagePattern(SOURCE_TOKEN_PATTERN)
  sourceToken(@Payload() payload: unknown): Promise<SourceTokenReply> {
    return this.gate.answer(SourceTokenRequest, payload, (asked) =>
      this.tokens.get(asked.tenantId, asked.sourceId, asked.refusedTokenHash),
    );
  }
}

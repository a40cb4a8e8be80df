import {
  CHANNEL_SECRETS_PATTERN,
  ChannelSecretsRequest,
  type ChannelSecretsReply,
} from '@logferry/core';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { OpenChannel } from './open-channel';
import { RequestGate } from './request-gate';

/** What a console asks that has a message for a channel. */
@Controller()
export class ChannelController {
  constructor(
    @Inject(RequestGate) private readonly gate: RequestGate,
    @Inject(OpenChannel) private readonly openChannel: OpenChannel,
  ) {}

  @MessagePattern(CHANNEL_SECRETS_PATTERN)
  secrets(@Payload() payload: unknown): Promise<ChannelSecretsReply> {
    return this.gate.answer(ChannelSecretsRequest, payload, (owner) => this.openChannel.run(owner));
  }
}

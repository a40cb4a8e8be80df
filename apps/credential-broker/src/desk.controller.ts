import {
  DECOY_PATTERN,
  DecoyRequest,
  EXTERNAL_ID_PATTERN,
  ExternalIdRequest,
  RESEAL_PATTERN,
  ResealRequest,
  SEAL_PATTERN,
  SealRequest,
  type DecoyReply,
  type ExternalIdReply,
  type SealReply,
} from '@logferry/core';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { ExternalIds } from './external-ids';
import { RequestGate } from './request-gate';
import { Sealing } from './sealing';
import { TryDecoys } from './try-decoys';

/** What the console asks. */
@Controller()
export class DeskController {
  constructor(
    @Inject(RequestGate) private readonly gate: RequestGate,
    @Inject(Sealing) private readonly sealing: Sealing,
    @Inject(ExternalIds) private readonly externalIds: ExternalIds,
    @Inject(TryDecoys) private readonly tryDecoys: TryDecoys,
  ) {}

  /** To seal a secret of a destination, a source or a channel. */
  @MessagePattern(SEAL_PATTERN)
  seal(@Payload() payload: unknown): Promise<SealReply> {
    return this.gate.answer(SealRequest, payload, ({ plainSecret, ...owner }) => ({
      sealedSecret: this.sealing.seal(owner, plainSecret),
    }));
  }

  /** To seal it once more, with the newest key. */
  @MessagePattern(RESEAL_PATTERN)
  reseal(@Payload() payload: unknown): Promise<SealReply> {
    return this.gate.answer(ResealRequest, payload, ({ sealedSecret, ...owner }) => ({
      sealedSecret: this.sealing.reseal(owner, sealedSecret),
    }));
  }

  @MessagePattern(EXTERNAL_ID_PATTERN)
  externalId(@Payload() payload: unknown): Promise<ExternalIdReply> {
    return this.gate.answer(ExternalIdRequest, payload, (owner) => ({
      externalId: this.externalIds.of(owner),
    }));
  }

  /** To try a role as somebody else would. */
  @MessagePattern(DECOY_PATTERN)
  decoy(@Payload() payload: unknown): Promise<DecoyReply> {
    return this.gate.answer(DecoyRequest, payload, (trial) => this.tryDecoys.run(trial));
  }
}

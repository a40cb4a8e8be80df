import { Failure, isCredentialFailure, type FailureCode } from '@logferry/core';
import { isRedisError } from '@logferry/queue';
import { RepeatedLine, type Logger, type Secret } from '@logferry/runtime';
import type { z } from 'zod';

/** What every request says. */
interface Asked {
  secret: string;
  tenantId: string;
  destinationId?: string;
  sourceId?: string;
  channelId?: string;
}

export interface Refusal {
  failure: FailureCode;
  retryAfterMs?: number;
}

/** In a cold start of 10,000 roles, 17,000 requests are told to come back (measured). */
const RATIONED_LINE_MS = 10_000;

/** What every request over TCP comes through: it must be one, and show the secret; and no failure leaves but as a code that may. */
export class RequestGate {
  private readonly rationed: RepeatedLine<FailureCode>;

  constructor(
    private readonly secret: Secret,
    private readonly log: Logger,
  ) {
    this.rationed = new RepeatedLine((times, code) => {
      this.log.warn({ code, times }, 'requests wait for their turn at STS');
    }, RATIONED_LINE_MS);
  }

  async answer<T extends Asked, R>(
    schema: z.ZodType<T>,
    payload: unknown,
    act: (request: T) => R | Promise<R>,
  ): Promise<R | Refusal> {
    const request = schema.safeParse(payload);
    if (!request.success || !this.secret.equals(request.data.secret)) {
      this.log.warn('a request was refused: it did not show the secret');
      return { failure: 'credential.broker_refused' };
    }
    const { tenantId, destinationId, sourceId, channelId } = request.data;
    try {
      return await act(request.data);
    } catch (error) {
      return this.refusal(error, { tenantId, destinationId, sourceId, channelId });
    }
  }

  private refusal(error: unknown, asked: object): Refusal {
    if (isRedisError(error)) {
      this.log.warn({ ...asked, err: error }, 'no answer: Redis is away');
      return { failure: 'credential.broker_unavailable' };
    }
    if (!(error instanceof Failure) || !isCredentialFailure(error.code)) {
      this.log.error({ ...asked, err: error }, 'no answer, by a fault of ours');
      return { failure: 'credential.broker_unavailable' };
    }
    const { code, detail, retryAfterMs } = error;
    // Nothing is wrong with whoever it was, and nothing is to be done.
    if (code === 'credential.rationed') this.rationed.add(code);
    else this.log.warn({ ...asked, code, detail }, 'refused');
    return retryAfterMs === undefined ? { failure: code } : { failure: code, retryAfterMs };
  }
}

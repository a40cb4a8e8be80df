import {
  Failure,
  isFresh,
  SOURCE_TOKEN_PATTERN,
  sourceKey,
  SourceTokenReply,
  type Source,
} from '@logferry/core';
import { hash } from 'node:crypto';
import { BrokerConnection, type BrokerAddress } from './broker-connection';

/** How much of a token's life must be left for it to be used; the broker hands out none with less than half of it. */
const MARGIN_MS = 15_000;
const TOKENS_MAX = 10_000;
/** How long until a change of a source has surely reached every process. */
const CHANGE_MS = 1_000;

interface Issued {
  accessToken: string;
  expiresAt: number;
  issuedFor: string;
}

/** Asks the broker for tokens of sources, and keeps them in memory for as long as they are good and the source is the same. */
export class BrokerSourceTokens {
  private readonly connection: BrokerConnection;
  private readonly tokens = new Map<string, Issued>();

  constructor(address: BrokerAddress) {
    this.connection = new BrokerConnection(address);
  }

  /**
   * @param refused a token that Auth0 has just refused: never answered with again
   * @throws Failure `source.*` or `credential.*`
   */
  async token(tenantId: string, source: Source, refused?: string): Promise<string> {
    const place = `${tenantId}/${source.id}`;
    const neededFor = sourceKey(source);
    const known = this.tokens.get(place);
    if (
      known?.issuedFor === neededFor &&
      known.accessToken !== refused &&
      isFresh(known, Date.now(), MARGIN_MS)
    )
      return known.accessToken;
    const issued = await this.ask(tenantId, source.id, refused);
    // Broker and poller read the source for themselves, and one of them is a moment behind.
    if (issued.issuedFor !== neededFor)
      throw new Failure('source.changing', { retryAfterMs: CHANGE_MS });
    if (this.tokens.size >= TOKENS_MAX) this.tokens.clear();
    this.tokens.set(place, issued);
    return issued.accessToken;
  }

  close(): void {
    this.connection.close();
  }

  private async ask(
    tenantId: string,
    sourceId: string,
    refused: string | undefined,
  ): Promise<Issued> {
    const refusedTokenHash = refused === undefined ? undefined : hash('sha256', refused, 'hex');
    const asked = { tenantId, sourceId, ...(refused === undefined ? {} : { refusedTokenHash }) };
    const answer = await this.connection
      .ask(SOURCE_TOKEN_PATTERN, asked)
      .catch((cause: unknown) => {
        throw new Failure('credential.broker_unavailable', { cause });
      });
    const reply = SourceTokenReply.safeParse(answer);
    if (!reply.success)
      throw new Failure('credential.broker_unavailable', {
        detail: 'an answer of another version',
      });
    if (!('failure' in reply.data)) return reply.data;
    const { failure, retryAfterMs } = reply.data;
    // Whoever asks has just read it: the broker has not heard of it yet.
    if (failure === 'source.missing')
      throw new Failure('source.changing', { retryAfterMs: CHANGE_MS });
    throw new Failure(failure, retryAfterMs === undefined ? {} : { retryAfterMs });
  }
}

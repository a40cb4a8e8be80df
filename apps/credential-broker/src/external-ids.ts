import { Failure, type DestinationPlace } from '@logferry/core';
import type { Secret } from '@logferry/runtime';
import { createHmac } from 'node:crypto';

/**
 * The ExternalId of each destination: what tells a tenant's role that we come for this tenant. It is derived and not drawn, so that the
 * same destination always has the same one, that it can be shown before there is a destination, and that a broker knows one which is
 * another's for what it is.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
 */
export class ExternalIds {
  constructor(private readonly secret: Secret | undefined) {}

  /** @throws Failure `credential.kind_unavailable` without a secret to derive it from */
  of({ tenantId, destinationId }: DestinationPlace): string {
    if (this.secret === undefined) throw new Failure('credential.kind_unavailable');
    const mac = createHmac('sha256', this.secret.reveal())
      .update(JSON.stringify(['logferry.external-id.v1', tenantId, destinationId]))
      .digest('base64url');
    return `logferry-${mac}`;
  }
}

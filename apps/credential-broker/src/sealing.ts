import { Failure, type SecretOwner } from '@logferry/core';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** A key that secrets are sealed with, and the id that a sealed secret names it by. */
export interface SealingKey {
  id: string;
  bytes: Buffer;
}

export const KEY_BYTES = 32;
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals what customers entrust to us, so that only a broker can open it, and only for whom it was sealed: what is copied to another
 * tenant's destination, or from a source to a channel of the same id, does not open. The first key seals, all of them open.
 */
export class Sealing {
  constructor(private readonly keys: readonly SealingKey[]) {}

  /** @throws Failure `credential.kind_unavailable` if there is no key */
  seal(owner: SecretOwner, secret: string): string {
    const [key] = this.keys;
    if (key === undefined) throw new Failure('credential.kind_unavailable');
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(CIPHER, key.bytes, iv).setAAD(boundTo(owner));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    const parts = [iv, Buffer.concat([sealed, cipher.getAuthTag()])];
    return ['v1', key.id, ...parts.map((bytes) => bytes.toString('base64url'))].join('.');
  }

  /** @throws Failure `credential.secret_unreadable` or, if there is no key at all, `credential.kind_unavailable` */
  open(owner: SecretOwner, sealedSecret: string): string {
    if (this.keys.length === 0) throw new Failure('credential.kind_unavailable');
    const [, keyId = '', iv = '', sealed = ''] = sealedSecret.split('.');
    const key = this.keys.find(({ id }) => id === keyId);
    if (key === undefined)
      throw new Failure('credential.secret_unreadable', { detail: 'sealed with a key we lack' });
    const bytes = Buffer.from(sealed, 'base64url');
    try {
      const options = { authTagLength: TAG_BYTES };
      const decipher = createDecipheriv(CIPHER, key.bytes, Buffer.from(iv, 'base64url'), options)
        .setAAD(boundTo(owner))
        .setAuthTag(bytes.subarray(-TAG_BYTES));
      const opened = [decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()];
      return Buffer.concat(opened).toString('utf8');
    } catch {
      throw new Failure('credential.secret_unreadable', {
        detail: 'changed, or sealed for another owner',
      });
    }
  }

  /** The same secret, sealed with the first key; as it is, if that has sealed it. */
  reseal(owner: SecretOwner, sealedSecret: string): string {
    const secret = this.open(owner, sealedSecret);
    return sealedSecret.split('.')[1] === this.keys[0]?.id
      ? sealedSecret
      : this.seal(owner, secret);
  }
}

/** Not secret, but part of what the seal proves. A destination's names no kind: so were secrets sealed before others had any. */
function boundTo(owner: SecretOwner): Buffer {
  const { tenantId } = owner;
  const whose =
    'destinationId' in owner
      ? [owner.destinationId]
      : 'sourceId' in owner
        ? ['source', owner.sourceId]
        : ['channel', owner.channelId];
  return Buffer.from(JSON.stringify(['logferry.secret.v1', tenantId, ...whose]));
}

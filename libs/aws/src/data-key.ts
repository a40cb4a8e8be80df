import { DecryptCommand, KMSClient } from '@aws-sdk/client-kms';
import type { NodeHttpHandler } from '@smithy/node-http-handler';

/** A key that lies wrapped by a key of KMS: only who may use that one can open it. */
export interface WrappedKey {
  /** The key of KMS. Its Region is where it is opened. */
  kmsKeyArn: string;
  ciphertext: Buffer;
}

/** Part of what is wrapped, so that nothing that the same key has encrypted for another purpose is taken for one of ours. */
export const DATA_KEY_CONTEXT = { logferry: 'sealing-key' } as const;

/** A start that waits longer than this says more by ending. */
const ATTEMPTS = 4;

/** Why a key does not open, as a part of a sentence; nothing of what AWS said in its own words. */
export class DataKeyUnopened extends Error {
  override readonly name = 'DataKeyUnopened';
}

/** What is to be done, by the name of AWS's error. https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html#API_Decrypt_Errors */
const REASONS: Readonly<Record<string, string>> = {
  AccessDeniedException: 'AWS does not allow us kms:Decrypt with this key',
  NotFoundException: 'there is no such key of KMS',
  DisabledException: 'the key of KMS is disabled',
  KMSInvalidStateException: 'the key of KMS is not in a state to be used, or is to be deleted',
  KeyUnavailableException: 'the key of KMS cannot be used just now',
  InvalidKeyUsageException: 'the key of KMS is not one for encrypting',
  IncorrectKeyException: 'another key of KMS has wrapped it',
  InvalidCiphertextException: `it was changed, or not wrapped with the encryption context logferry=${DATA_KEY_CONTEXT.logferry}`,
  CredentialsProviderError: 'we have no AWS identity of our own',
  UnrecognizedClientException: 'AWS does not know our identity',
  ExpiredTokenException: 'our AWS identity has expired',
  ThrottlingException: 'KMS throttles us',
};

/**
 * Opens a wrapped key with the platform's own AWS identity, and tries a few times while KMS is away.
 *
 * @throws DataKeyUnopened
 */
export async function openDataKey(
  transport: NodeHttpHandler,
  { kmsKeyArn, ciphertext }: WrappedKey,
): Promise<Buffer> {
  const [, , , region = ''] = kmsKeyArn.split(':');
  const client = new KMSClient({ region, requestHandler: transport, maxAttempts: ATTEMPTS });
  try {
    const { Plaintext } = await client.send(
      new DecryptCommand({
        KeyId: kmsKeyArn,
        CiphertextBlob: ciphertext,
        EncryptionContext: DATA_KEY_CONTEXT,
      }),
    );
    return Buffer.from(Plaintext ?? []);
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    // Its message is not kept: it may tell of accounts and roles.
    throw new DataKeyUnopened(
      Object.hasOwn(REASONS, name) ? REASONS[name] : 'KMS does not answer as it should',
    );
  } finally {
    client.destroy();
  }
}

// As much of KMS as opening a wrapped key takes: it knows the ciphertexts that a test has given it, and is strict about key and context.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface KmsStandIn {
  readonly url: string;
  /** How often it was asked. */
  readonly calls: number;
  /** Remembers what a key has wrapped, and under which context. */
  wrap(wrapped: Wrapped): void;
  /** The next calls are answered with these errors, one each, and those after them as they should be. */
  fail(...errors: string[]): void;
  stop(): Promise<void>;
}

interface Wrapped {
  kmsKeyArn: string;
  ciphertext: string;
  plaintext: Buffer;
  context: Readonly<Record<string, string>>;
}

interface DecryptInput {
  KeyId?: string;
  CiphertextBlob: string;
  EncryptionContext?: Record<string, string>;
}

export async function startKmsStandIn(): Promise<KmsStandIn> {
  const known: Wrapped[] = [];
  const errors: string[] = [];
  let calls = 0;
  const answer = (target: unknown, input: DecryptInput): object | string => {
    if (target !== 'TrentService.Decrypt') return 'UnknownOperationException';
    const error = errors.shift();
    if (error !== undefined) return error;
    const of = known.find(({ ciphertext }) => ciphertext === input.CiphertextBlob);
    if (of === undefined || !isSame(of.context, input.EncryptionContext ?? {}))
      return 'InvalidCiphertextException';
    if (input.KeyId !== of.kmsKeyArn) return 'IncorrectKeyException';
    const Plaintext = of.plaintext.toString('base64');
    return { KeyId: of.kmsKeyArn, Plaintext, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
  };
  const server = createServer((request, response) => {
    calls++;
    void read(request).then((body) => {
      const found = answer(request.headers['x-amz-target'], JSON.parse(body) as DecryptInput);
      const isError = typeof found === 'string';
      response.writeHead(isError ? (found.startsWith('KMSInternal') ? 500 : 400) : 200, {
        'content-type': 'application/x-amz-json-1.1',
      });
      response.end(JSON.stringify(isError ? { __type: found, message: 'of AWS' } : found));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls() {
      return calls;
    },
    wrap: (wrapped) => void known.push(wrapped),
    fail: (...names) => void errors.splice(0, errors.length, ...names),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const sorted = (of: object): string =>
    JSON.stringify(Object.entries(of).sort(([x], [y]) => x.localeCompare(y)));
  return sorted(a) === sorted(b);
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

import { z } from 'zod';

const Discovery = z.object({ issuer: z.string(), jwks_uri: z.string() });
const KeySet = z.object({ keys: z.array(z.object({ kid: z.string() })) });

/** What of an issuer is compared with what the world finds under its address. */
interface CheckedIssuer {
  url: string;
  jwks(): { keys: readonly { kid?: string | undefined }[] };
}

const DOCUMENT_CHARS_MAX = 1024 * 1024;

/**
 * Reads the issuer's documents under its own address, as AWS does: past whatever terminates TLS for it, and without following
 * anybody elsewhere.
 *
 * @returns what AWS would stumble over, as a sentence that begins with the address; undefined if nothing
 */
export async function issuerDocumentsProblem(
  issuer: CheckedIssuer,
  timeoutMs: number,
): Promise<string | undefined> {
  const read = async (url: string): Promise<unknown> => {
    const response = await fetch(url, {
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    }).catch(() => undefined);
    if (response === undefined) throw new Error(`${url} does not answer`);
    if (response.status !== 200) throw new Error(`${url} answers HTTP ${response.status}`);
    const text = (await response.text()).slice(0, DOCUMENT_CHARS_MAX);
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new Error(`${url} answers something other than JSON`);
    }
  };
  try {
    const discoveryUrl = `${issuer.url}/.well-known/openid-configuration`;
    const discovery = Discovery.safeParse(await read(discoveryUrl));
    if (!discovery.success || discovery.data.issuer !== issuer.url)
      return `${discoveryUrl} is the document of another issuer`;
    const keySet = KeySet.safeParse(await read(discovery.data.jwks_uri));
    const published = keySet.success ? keySet.data.keys.map(({ kid }) => kid) : [];
    const missing = issuer.jwks().keys.filter(({ kid = '' }) => !published.includes(kid));
    return missing.length === 0
      ? undefined
      : `${discovery.data.jwks_uri} lacks a key that this broker signs with: brokers need the same signing keys`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

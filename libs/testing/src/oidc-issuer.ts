// A small OIDC issuer for tests: it serves a discovery document and a key set over HTTP, signs whatever claims a test asks for, and
// can be made to fail the way identity providers fail.
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK, JWTPayload } from 'jose';

export type IssuerBehaviour =
  | 'well'
  /** Answers 500 to everything. */
  | 'failing'
  /** Closes every connection without an answer. */
  | 'unreachable'
  /** Serves a key set without keys. */
  | 'without-keys'
  /** Serves a discovery document that is not JSON. */
  | 'garbled'
  /** Names another issuer in its discovery document. */
  | 'misnamed'
  /** Redirects to a place of its own that serves the right documents. */
  | 'redirecting';

export interface OidcIssuerOptions {
  /** 0, a free one, unless said otherwise. */
  readonly port?: number;
  /** An issuer may have a path, e.g. `/tenants`. */
  readonly path?: string;
  readonly algorithm?: string;
}

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export class OidcIssuer {
  behaviour: IssuerBehaviour = 'well';
  /** How often the key set has been asked for. */
  keySetReads = 0;
  private readonly keys: SigningKey[] = [];

  constructor(
    private readonly server: Server,
    readonly url: string,
    private readonly algorithm: string,
  ) {}

  /** A token with these claims and no others, signed with the newest key. */
  async sign(claims: JWTPayload, header: { readonly kid?: string } = {}): Promise<string> {
    const key = this.keys.at(-1);
    if (key === undefined) throw new Error('The issuer has no key.');
    return new SignJWT(claims)
      .setProtectedHeader({ alg: this.algorithm, kid: header.kid ?? key.kid, typ: 'JWT' })
      .sign(key.privateKey);
  }

  /** A token STS takes: this issuer, the usual audience, an hour to live. Each claim may be replaced, or left out by undefined. */
  async token(claims: JWTPayload, nowMs = Date.now()): Promise<string> {
    const nowSeconds = Math.floor(nowMs / 1000);
    return this.sign({
      iss: this.url,
      aud: 'sts.amazonaws.com',
      iat: nowSeconds,
      exp: nowSeconds + 3600,
      ...claims,
    });
  }

  /** Signs with a new key from now on; the older keys stay published until they are withdrawn. */
  async rotateKeys(): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair(this.algorithm, { extractable: true });
    const kid = `key-${String(this.keys.length + 1)}`;
    const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: this.algorithm, use: 'sig' };
    this.keys.push({ kid, privateKey, publicJwk });
  }

  withdrawOldKeys(): void {
    this.keys.splice(0, this.keys.length - 1);
  }

  /** The document for a path under the issuer, or undefined where there is none. */
  document(path: string): object | undefined {
    if (path === '/.well-known/openid-configuration') {
      return {
        issuer: this.behaviour === 'misnamed' ? 'https://issuer.example' : this.url,
        jwks_uri: `${this.url}/jwks`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: [this.algorithm],
      };
    }
    if (path !== '/jwks') return undefined;
    this.keySetReads += 1;
    const keys = this.behaviour === 'without-keys' ? [] : this.keys;
    return { keys: keys.map(({ publicJwk }) => publicJwk) };
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    await new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
      this.server.closeAllConnections();
    });
  }
}

const REDIRECTED = '/redirected';

export async function startOidcIssuer(options: OidcIssuerOptions = {}): Promise<OidcIssuer> {
  const path = options.path ?? '';
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${String(port)}${path}`;
  const issuer = new OidcIssuer(server, url, options.algorithm ?? 'RS256');
  await issuer.rotateKeys();
  server.on('request', (request, response) => {
    if (issuer.behaviour === 'unreachable') {
      request.socket.destroy();
      return;
    }
    const asked = (request.url ?? '/').slice(path.length);
    if (issuer.behaviour === 'redirecting' && !asked.startsWith(REDIRECTED)) {
      response.writeHead(302, { location: `${url}${REDIRECTED}${asked}` }).end();
      return;
    }
    const document = issuer.document(asked.replace(REDIRECTED, ''));
    const httpStatus = issuer.behaviour === 'failing' ? 500 : 200;
    response.writeHead(document === undefined ? 404 : httpStatus, {
      'content-type': 'application/json',
    });
    response.end(issuer.behaviour === 'garbled' ? '<html>' : JSON.stringify(document ?? {}));
  });
  return issuer;
}

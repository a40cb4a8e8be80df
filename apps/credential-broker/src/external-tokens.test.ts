import { Secret } from '@logferry/runtime';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { FileTokens, HttpTokens } from './external-tokens';

const unavailable = { code: 'credential.token_unavailable', disposition: 'defer' };
const SECRET = 'a secret: of the client';
const SUBJECT = 'tenant:{tenant}';

describe('a file', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'logferry-token-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test('is read anew each time, so a token that was replaced is the next one', async () => {
    const tokens = new FileTokens(join(dir, 'token'), SUBJECT);
    await expect(tokens.tokenFor('acme')).rejects.toMatchObject(unavailable);
    writeFileSync(join(dir, 'token'), 'a.b.c\n');
    expect(await tokens.tokenFor('acme')).toBe('a.b.c');
    writeFileSync(join(dir, 'token'), 'd.e.f');
    expect(await tokens.tokenFor('acme')).toBe('d.e.f');
    expect(tokens.isPerTenant).toBe(false);
  });

  test('may be one for each tenant', async () => {
    const tokens = new FileTokens(join(dir, '{tenant}.jwt'), SUBJECT);
    writeFileSync(join(dir, 'acme.jwt'), 'a.b.c');
    expect(await tokens.tokenFor('acme')).toBe('a.b.c');
    await expect(tokens.tokenFor('globex')).rejects.toMatchObject(unavailable);
    expect(tokens.isPerTenant).toBe(true);
  });

  test.each(['', 'no token', 'a.b', 'a.b.c d', `${'a'.repeat(20_001)}.b.c`])(
    'that holds none is not sent to AWS (%#)',
    async (content) => {
      writeFileSync(join(dir, 'token'), content);
      const tokens = new FileTokens(join(dir, 'token'), SUBJECT);
      await expect(tokens.tokenFor('acme')).rejects.toMatchObject(unavailable);
    },
  );
});

describe('an endpoint', () => {
  let server: Server;
  let url: string;
  let asked: { headers: IncomingMessage['headers']; body: string }[];
  let answer: (response: ServerResponse) => void;

  beforeEach(async () => {
    asked = [];
    answer = say({ access_token: 'a.b.c', expires_in: 1_000 });
    server = createServer((request, response) => {
      void text(request).then((body) => {
        asked.push({ headers: request.headers, body });
        answer(response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const say =
    (body: object, status = 200) =>
    (response: ServerResponse): void =>
      void response.writeHead(status).end(JSON.stringify(body));
  const tokensOf = (parameters = 'audience=sts.amazonaws.com', timeoutMs = 10_000) =>
    new HttpTokens({
      url,
      clientId: 'logferry',
      clientSecret: new Secret(SECRET),
      parameters,
      subject: SUBJECT,
      timeoutMs,
    });

  test('is asked by client credentials, and once for as long as its token lives', async () => {
    const tokens = tokensOf();
    const all = await Promise.all([tokens.tokenFor('acme', 0), tokens.tokenFor('globex', 0)]);
    expect(all).toEqual(['a.b.c', 'a.b.c']);
    await tokens.tokenFor('acme', 799_000);
    expect(asked).toHaveLength(1);
    expect(Object.fromEntries(new URLSearchParams(asked[0]?.body))).toEqual({
      grant_type: 'client_credentials',
      audience: 'sts.amazonaws.com',
    });
    const [, basic = ''] = asked[0]?.headers.authorization?.split(' ') ?? [];
    const [id, secret = ''] = Buffer.from(basic, 'base64').toString().split(':');
    expect([id, decodeURIComponent(secret)]).toEqual(['logferry', SECRET]);
    await tokens.tokenFor('acme', 801_000);
    expect(asked).toHaveLength(2);
  });

  test.each(['scope=logs:{tenant}', 'scope=logs%3A%7Btenant%7D'])(
    'may have a token for each tenant, however that is written: %s',
    async (parameters) => {
      const tokens = tokensOf(parameters);
      await Promise.all(['acme', 'globex', 'acme'].map((tenantId) => tokens.tokenFor(tenantId, 0)));
      const scopes = asked.map(({ body }) => new URLSearchParams(body).get('scope'));
      expect(new Set(scopes)).toEqual(new Set(['logs:acme', 'logs:globex']));
      expect(tokens.isPerTenant).toBe(true);
    },
  );

  test('that is away costs nothing while the token at hand is good, and then is a failure of ours', async () => {
    const tokens = tokensOf();
    await tokens.tokenFor('acme', 0);
    answer = say({}, 500);
    expect(await tokens.tokenFor('acme', 900_000)).toBe('a.b.c');
    await expect(tokens.tokenFor('acme', 980_000)).rejects.toMatchObject(unavailable);
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ['refuses', say({ error: 'invalid_client', error_description: SECRET }, 401)],
    ['sends elsewhere', (response) => void response.writeHead(302, { location: '/other' }).end()],
    ['answers no JSON', (response) => void response.end('<html>')],
    ['answers no token', say({ expires_in: 3 })],
    ['answers something that is no signed token', say({ access_token: 'opaque' })],
    ['answers endlessly', (response) => void response.end('x'.repeat(1_000_000))],
    ['hangs', () => undefined],
  ])('that %s is a failure, and nothing of the secret is in it', async (name, how) => {
    answer = how;
    const failure: unknown = await tokensOf(undefined, name === 'hangs' ? 2_000 : undefined)
      .tokenFor('acme', 0)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject(unavailable);
    const { message, detail } = failure as { message: string; detail: string };
    expect(message + detail).not.toContain(SECRET);
    expect(asked).toHaveLength(1);
  });
});

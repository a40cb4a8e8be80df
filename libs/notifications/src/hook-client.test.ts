import { startHookStandIn, type HookStandIn } from '@logferry/testing';
import { createServer, type AddressInfo, type Server } from 'node:net';
import {
  hookAddressProblem,
  HookClient,
  isSignedBy,
  newSigningSecret,
  signatureHeaders,
} from './index';
import { isPublicAddress } from './public-address';

let standIn: HookStandIn;
beforeAll(async () => {
  standIn = await startHookStandIn();
});
beforeEach(() => standIn.reset());
afterAll(() => standIn.stop());

const call = { url: 'https://hooks.slack.com/services/T/B/x', headers: {}, body: '{}' };
const toStandIn = (over: object = {}) => new HookClient({ endpointUrl: standIn.url, ...over });

test.each([
  ['127.0.0.1', false],
  ['10.1.2.3', false],
  ['172.15.255.255', true],
  ['172.16.0.0', false],
  ['172.31.255.255', false],
  ['172.32.0.0', true],
  ['192.168.0.1', false],
  ['100.63.255.255', true],
  ['100.64.0.1', false],
  ['169.254.169.254', false],
  ['0.0.0.0', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['8.8.8.8', true],
  ['::1', false],
  ['::', false],
  ['fe80::1', false],
  ['fc00::1', false],
  ['fd00:ec2::254', false],
  ['::ffff:127.0.0.1', false],
  ['::ffff:8.8.8.8', false],
  ['64:ff9b::7f00:1', false],
  ['2002:7f00:1::', false],
  ['2001::1', false],
  ['2606:4700::1111', true],
  ['nonsense', false],
])('the address %s is public: %s', (address, is) => {
  expect(isPublicAddress(address)).toBe(is);
});

const rules = { slackHosts: ['hooks.slack.com'], webhookHosts: [] };
test.each([
  ['http://hooks.slack.com/services/T/B/x', 'slack'],
  ['https://hooks.slack.com.evil.dev/services/T/B/x', 'slack'],
  ['https://hooks.slack.com@evil.dev/services/T/B/x', 'slack'],
  ['https://hooks.slack.com:8443/services/T/B/x', 'slack'],
  ['https://hooks.slack.com', 'slack'],
  ['https://user:password@acme.dev/hook', 'webhook'],
  ['https://127.0.0.1/hook', 'webhook'],
  ['https://2130706433/hook', 'webhook'],
  ['https://0x7f.1/hook', 'webhook'],
  ['https://[::1]/hook', 'webhook'],
  ['https://localhost/hook', 'webhook'],
  ['https://metadata.google.internal/hook', 'webhook'],
  ['https://printer.local./hook', 'webhook'],
  ['https://redis/hook', 'webhook'],
  ['ftp://acme.dev/hook', 'webhook'],
  ['acme.dev/hook', 'webhook'],
  [`https://acme.dev/${'x'.repeat(800)}`, 'webhook'],
] as const)('%s is refused for %s', (address, kind) => {
  expect(hookAddressProblem(kind, address, rules)).toEqual(expect.any(String));
});

test('good addresses are taken, and of webhooks those that the platform allows', () => {
  expect(hookAddressProblem('slack', call.url, rules)).toBeUndefined();
  expect(hookAddressProblem('webhook', 'https://acme.dev:8443/hook', rules)).toBeUndefined();
  const narrow = { ...rules, webhookHosts: ['acme.dev', '.globex.dev'] };
  expect(hookAddressProblem('webhook', 'https://acme.dev/hook', narrow)).toBeUndefined();
  expect(hookAddressProblem('webhook', 'https://a.globex.dev/hook', narrow)).toBeUndefined();
  for (const other of ['https://evilglobex.dev/hook', 'https://x.acme.dev/hook'])
    expect(hookAddressProblem('webhook', other, narrow)).toEqual(expect.any(String));
});

describe('what listens within our network', () => {
  let server: Server;
  let connections = 0;
  let firstBytes: (number | undefined)[] = [];
  const port = (): number => (server.address() as AddressInfo).port;
  beforeAll(async () => {
    server = createServer((socket) => {
      connections++;
      socket.on('error', () => undefined);
      socket.once('data', ([first]) => {
        firstBytes.push(first);
        socket.destroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  beforeEach(() => {
    connections = 0;
    firstBytes = [];
  });
  afterAll(() => server.close());

  test.each([
    ['a number', () => `https://127.0.0.1:${port()}/hook`, []],
    ['a name that leads there', () => `https://acme.dev:${port()}/hook`, ['127.0.0.1']],
    [
      'a name that leads there too',
      () => `https://acme.dev:${port()}/hook`,
      ['8.8.8.8', '127.0.0.1'],
    ],
    ['plain HTTP', () => `http://acme.dev:${port()}/hook`, ['8.8.8.8']],
  ])('is not connected to by %s', async (_, url, addresses) => {
    const resolve = () => Promise.resolve(addresses.map((address) => ({ address, family: 4 })));
    const answer = await new HookClient({ resolve }).post({ ...call, url: url() });
    expect(answer).toEqual({ kind: 'forbidden' });
    expect(connections).toBe(0);
  });

  test('the look-up that is judged is that of the connection, and TLS is asked for', async () => {
    const resolve = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    const client = new HookClient({ resolve, isAllowed: () => true });
    const answer = await client.post({ ...call, url: `https://acme.dev:${port()}/hook` });
    expect(answer).toEqual({ kind: 'unreachable', why: 'ECONNRESET' });
    expect({ connections, firstBytes }).toEqual({ connections: 1, firstBytes: [0x16] }); // a handshake of TLS
  });
});

test('a message is posted as it is', async () => {
  const body = JSON.stringify({ text: 'ä' });
  expect(await toStandIn().post({ ...call, headers: { 'webhook-id': '1' }, body })).toEqual({
    kind: 'answered',
    status: 200,
    retryAfterMs: undefined,
  });
  expect(standIn.messages).toMatchObject([
    { path: '/services/T/B/x', text: body, headers: { 'webhook-id': '1' } },
  ]);
});

test('a redirect is an answer, and not followed', async () => {
  standIn.replies.push({ status: 307, headers: { location: `${standIn.url}/elsewhere` } });
  expect(await toStandIn().post(call)).toMatchObject({ kind: 'answered', status: 307 });
  expect(standIn.messages).toHaveLength(1);
});

test('of an endless answer only a part is read', async () => {
  standIn.replies.push({ status: 200, body: 'x'.repeat(5_000_000) });
  expect(await toStandIn().post(call)).toMatchObject({ kind: 'answered', status: 200 });
});

test.each([
  ['hang', { timeoutMs: 300 }, { kind: 'silent' }],
  ['cut', {}, { kind: 'unreachable', why: 'ECONNRESET' }],
] as const)('no answer is said to be none: %s', async (fault, options, answer) => {
  standIn.replies.push({ status: 200, fault });
  expect(await toStandIn(options).post(call)).toEqual(answer);
});

test.each(['halting', 'halved'] as const)(
  'what was taken was taken, although the end of the answer does not come: %s',
  async (fault) => {
    standIn.replies.push({ status: 200, fault });
    const answer = await toStandIn({ timeoutMs: 5_000 }).post(call);
    expect(answer).toEqual({ kind: 'answered', status: 200, retryAfterMs: undefined });
  },
);

test.each([
  ['7', 7_000],
  ['999999', 3_600_000],
  ['soon', undefined],
])('how long to wait is read: %s', async (header, retryAfterMs) => {
  standIn.replies.push({ status: 429, headers: { 'retry-after': header } });
  expect(await toStandIn().post(call)).toEqual({ kind: 'answered', status: 429, retryAfterMs });
});

test('a signature is over id, time and body, and by the secret', () => {
  // The example of https://github.com/standard-webhooks/standard-webhooks.
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const signed = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestampSeconds: 1_614_265_330,
    body: '{"test": 2432232314}',
  };
  const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
  expect(signatureHeaders(secret, signed)['webhook-signature']).toBe(signature);
  expect(isSignedBy(secret, signed, `v1,AAAA ${signature}`)).toBe(true);
  expect(isSignedBy(secret, { ...signed, body: '{"test": 2432232315}' }, signature)).toBe(false);
  expect(isSignedBy(secret, { ...signed, timestampSeconds: 1 }, signature)).toBe(false);
  expect(isSignedBy(newSigningSecret(), signed, signature)).toBe(false);
});

// A source of Auth0's with a poller, and the channels that are told of its runs: all with secrets that somebody has entered.
import {
  startAuth0StandIn,
  startBuiltApp,
  startHookStandIn,
  until,
  type Auth0StandIn,
  type BuiltApp,
  type HookStandIn,
} from '@logferry/testing';
import { randomBytes } from 'node:crypto';
import { BROKER_SECRET, PLATFORM_KEY } from './app-environment';
import type { keptAnswers } from './kept-answers';
import type { Secret } from './secret-search';
import { TENANT, type Stack } from './stack';

type Call = ReturnType<typeof keptAnswers>['call'];

const DOMAIN = 'acme.eu.auth0.com';
const word = (): string => randomBytes(24).toString('base64url');
const client = { clientId: 'a-client-of-auth0', clientSecret: word() };
const wrongClientSecret = word();
const slackUrl = `https://hooks.slack.com/services/T00/B00/${word()}`;
const webhookUrl = `https://told.acme.com/${word()}`;
const signingSecret = `whsec_${randomBytes(32).toString('base64')}`;

export const secretsOfSources: readonly Secret[] = [
  { name: "the secret of Auth0's client", text: client.clientSecret },
  { name: "a wrong secret of Auth0's client", text: wrongClientSecret },
  { name: "Slack's hook", text: slackUrl.slice(-32) },
  { name: "a webhook's address", text: webhookUrl.slice(-32) },
  { name: 'what a webhook signs with', text: signingSecret.slice(6) },
];

export class PulledSource {
  private poller: BuiltApp | undefined;

  private constructor(
    readonly auth0: Auth0StandIn,
    readonly hooks: HookStandIn,
  ) {}

  static async start(): Promise<PulledSource> {
    const [auth0, hooks] = await Promise.all([startAuth0StandIn(), startHookStandIn()]);
    auth0.addTenant({ domain: DOMAIN, clients: [client] });
    return new PulledSource(auth0, hooks);
  }

  /** Starts a poller that writes all that it can to its log. */
  async startPoller(stack: Stack, environment: Record<string, string>): Promise<void> {
    this.poller = startBuiltApp('auth0-poller', {
      ...environment,
      REDIS_URL: stack.redis.url,
      LOGFERRY_BROKER_TCP_PORT: String(stack.brokerTcpPort),
      LOGFERRY_BROKER_SECRET: BROKER_SECRET,
      LOGFERRY_AUTH0_ENDPOINT_URL: this.auth0.url,
      LOGFERRY_AUTH0_POLLER_PORT: '0',
      LOGFERRY_AUTH0_POLLER_INGEST_URL: stack.ingestUrl,
      LOGFERRY_AUTH0_POLLER_INGEST_KEY: PLATFORM_KEY,
    });
    await this.poller.ready;
  }

  get output(): string {
    return this.poller?.output() ?? '';
  }

  /** The address of the poller, for what it tells of itself. */
  async url(): Promise<string> {
    return `http://127.0.0.1:${(await this.poller?.ready)?.http}`;
  }

  /** One that works, one whose secret is wrong, and two channels; then runs of both, and messages of both kinds. */
  async run(call: Call): Promise<void> {
    const { auth0, hooks } = this;
    auth0.tenant(DOMAIN).fill(30, { everyMs: 1 });
    hooks.replies.push({ status: 500 }, { status: 429, headers: { 'retry-after': '1' } });
    const events = ['run.failed', 'run.succeeded'];
    const put = (path: string, body: object) =>
      call(`/v1/tenants/${TENANT}/${path}`, { method: 'PUT', body });
    await put('channels/slack', { kind: 'slack', url: slackUrl, events });
    await put('channels/webhook', { kind: 'webhook', url: webhookUrl, signingSecret, events });
    const source = {
      type: 'auth0',
      domain: DOMAIN,
      clientId: client.clientId,
      schedule: '*/2 * * * * *',
    };
    await put('sources/pulled-source', { ...source, clientSecret: client.clientSecret });
    await put('sources/refused-source', { ...source, clientSecret: wrongClientSecret });
    await put('sources/wrong-source', { ...source, secret: wrongClientSecret });
    const isTold = (host: string, what: string): boolean =>
      hooks.messages.some(
        ({ text, headers }) => headers['x-forwarded-host'] === host && text.includes(what),
      );
    await until(
      () =>
        isTold('told.acme.com', 'run.failed') &&
        isTold('told.acme.com', 'run.succeeded') &&
        isTold('hooks.slack.com', 'Logs Export'),
      { timeoutMs: 60_000, what: 'Slack and the webhook are told' },
    );
    // Auth0 takes back what it has given, and the next call shows a token that it refuses.
    auth0.tenant(DOMAIN).revokeTokens();
    auth0.tenant(DOMAIN).fill(3, { everyMs: 1 });
    const { calls } = auth0.tenant(DOMAIN);
    await until(() => calls.filter(({ operation }) => operation === 'token').length >= 2, {
      timeoutMs: 30_000,
    });
  }

  /** Everything that is told of it. */
  async paths(call: Call): Promise<string[]> {
    const channels = ['slack', 'webhook'].map((id) => `/v1/tenants/${TENANT}/channels/${id}`);
    const sources = ['pulled-source', 'refused-source'].map(
      (id) => `/v1/tenants/${TENANT}/sources/${id}`,
    );
    const runs: string[] = [];
    for (const source of sources) {
      const { text } = await call(`${source}/runs`);
      const [{ id = '' } = {}] = (JSON.parse(text) as { runs: { id: string }[] }).runs;
      runs.push(`${source}/runs/${id}`, `${source}/runs/${id}/log`);
    }
    return [
      ...channels.flatMap((path) => [path, `${path}/state`]),
      ...sources.flatMap((path) => [path, `${path}/status`, `${path}/api/report`]),
      ...runs,
      '/sources',
    ];
  }

  async stop(): Promise<void> {
    await this.poller?.stop();
    await Promise.all([this.auth0.stop(), this.hooks.stop()]);
  }
}

// The pages of tenants and destinations as a browser asks for them and sends them back. The broker's part is played by one that counts
// what it seals.
import type { Destination } from '@logferry/core';
import type { RunningApp } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import { startSessionBroker, type SessionBroker } from '@logferry/testing';
import { ConsoleTestbed, type Answer } from './console.testbed';

export const TENANT = '/tenants/acme';
export const NEW = `${TENANT}/new-destination`;
export const PAGE = `${TENANT}/destinations/logs`;
export const CHANGE = `${PAGE}/change`;
export const HOSTILE = '"\'></textarea></pre><script>alert(1)</script><img src=x>';
export const SECRET = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY';
export const EXTERNAL_ID = 'logferry-0123456789abcdef';
export const roleArn = 'arn:aws:iam::123456789012:role/logferry';

/** Starts all that is needed for the tests of a file, and empties Redis before each. */
export function useFormsTestbed(): FormsTestbed {
  const forms = new FormsTestbed();
  beforeAll(() => forms.start());
  beforeEach(() => forms.bed.redis.flushall());
  afterEach(() => forms.bed.stopWorkers());
  afterAll(() => forms.stop());
  return forms;
}

interface Sent {
  to?: RunningApp;
  origin?: string;
}

export class FormsTestbed {
  readonly bed = new ConsoleTestbed();
  app!: RunningApp;
  private broker!: SessionBroker;
  private seals = 0;

  async start(): Promise<void> {
    await this.bed.start();
    this.broker = await startSessionBroker(
      (request) =>
        this.answer(request as object) as ReturnType<Parameters<typeof startSessionBroker>[0]>,
    );
    this.app = await this.bed.startApp({ LOGFERRY_BROKER_TCP_PORT: String(this.broker.port) });
  }

  // A console that ends while Redis is away waits for it.
  async stop(): Promise<void> {
    await this.app.close();
    await this.broker.stop();
    await this.bed.stop();
  }

  readonly send = (
    path: string,
    fields: Record<string, string>,
    { to = this.app, origin = `http://127.0.0.1:${to.ports.http}` }: Sent = {},
  ): Promise<Answer> =>
    this.bed.call(path, {
      method: 'POST',
      type: 'application/x-www-form-urlencoded',
      body: new URLSearchParams(fields).toString(),
      headers: { origin },
      to,
    });

  readonly show = async (path: string, to = this.app): Promise<string> => {
    const { status, text } = await this.bed.call(path, { to });
    expect([path, status]).toEqual([path, 200]);
    return text.replace(/\s+/g, ' ');
  };

  /** The page that a form or a button led to. */
  readonly follow = async ({ status, headers, text }: Answer, to: string): Promise<string> => {
    expect({ status, text }).toEqual({ status: 303, text: '' });
    const location = headers.get('location') ?? '';
    expect(location).toMatch(new RegExp(`^${to}\\?done=\\w+$`));
    return this.show(location);
  };

  readonly stored = async (id = 'logs'): Promise<Destination | undefined> =>
    (await new ConfigStore(this.bed.redis).tenant('acme'))?.destinations.find(
      (one) => one.id === id,
    );

  /** A destination, by its form. */
  readonly made = async (over: Record<string, string> = {}): Promise<void> => {
    await this.bed.call('/v1/tenants/acme', { method: 'PUT', body: {} });
    expect((await this.send(NEW, filledIn(over))).status).toBe(303);
  };

  private answer(asked: { plainSecret?: string; role?: object }): unknown {
    if (asked.role !== undefined) return { outcome: 'unknown' };
    if (asked.plainSecret === undefined) return { externalId: EXTERNAL_ID };
    return { sealedSecret: `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}${++this.seals}` };
  }
}

/** As a browser sends it: every field of the form, also those that were left alone. */
export const filledIn = (over: Record<string, string> = {}): Record<string, string> => ({
  id: 'logs',
  enabled: 'yes',
  type: 'cloudwatch',
  preset: '',
  region: 'eu-central-1',
  kind: 'web_identity',
  roleArn,
  accessKeyId: '',
  secretAccessKey: '',
  account: '',
  types: 'deployment, audit',
  logGroupPrefix: 'prod/',
  logGroup: 'deployments',
  logStream: '{attributes.deploymentId}',
  retentionDays: '30',
  bucket: '',
  path: '',
  key: '',
  compression: 'none',
  ...over,
});

/** What stands in the form of a page, as a browser would send it back. */
export function fieldsIn(text: string): Record<string, string> {
  const fields: Record<string, string> = {};
  const decoded = (value: string): string =>
    value.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
  for (const [input] of text.matchAll(/<input [^>]*>/g)) {
    const name = /name="(\w+)"/.exec(input)?.[1] ?? '';
    const isUnticked = /type="(checkbox|radio)"/.test(input) && !/ checked/.test(input);
    if (!isUnticked) fields[name] = decoded(/value="([^"]*)"/.exec(input)?.[1] ?? '');
  }
  for (const [, name = '', area = ''] of text.matchAll(
    /<textarea name="(\w+)"[^>]*>(.*?)<\/textarea>/gs,
  ))
    fields[name] = decoded(area).replace(/^\s/, '');
  for (const [, name = '', options = ''] of text.matchAll(
    /<select name="(\w+)"[^>]*>(.*?)<\/select>/gs,
  ))
    fields[name] = decoded(/value="([^"]*)" selected/.exec(options)?.[1] ?? '');
  return fields;
}

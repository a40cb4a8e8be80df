// The settings of Auth0's extension "Auth0 Logs to CloudWatch" by their documented names, and how they are read.
import type { z } from 'zod';
import { AUTH0_BLANK } from './auth0-log-filter';
import { schemaProblems } from './schema-problems';

const SHOWN_CHARS_MAX = 64;

interface Setting {
  aliases?: readonly string[];
  /** The field of the record that it sets. */
  of: 'source' | 'destination' | 'channel';
  field: string;
  isRequired?: true;
  isSecret?: true;
}

/** By the names that Auth0's documents and the extension's forms have used, today's first. */
export const auth0ExtensionSettings = {
  AUTH0_DOMAIN: { of: 'source', field: 'domain', isRequired: true },
  AUTH0_CLIENT_ID: { of: 'source', field: 'clientId', isRequired: true },
  AUTH0_CLIENT_SECRET: { of: 'source', field: 'clientSecret', isRequired: true, isSecret: true },
  Schedule: { of: 'source', field: 'schedule' },
  BATCH_SIZE: { of: 'source', field: 'batchSize' },
  START_FROM: { of: 'source', field: 'startFrom' },
  LOG_LEVEL: { of: 'source', field: 'logLevel' },
  LOG_TYPES: { of: 'source', field: 'logTypes' },
  SLACK_INCOMING_WEBHOOK_URL: {
    aliases: ['SLACK_INCOMING_WEBHOOK'],
    of: 'channel',
    field: 'url',
    isSecret: true,
  },
  SLACK_SEND_SUCCESS: { of: 'channel', field: 'events' },
  DAILY_REPORT_TIME: { of: 'channel', field: 'dailyReportHour' },
  CLOUDWATCH_LOG_GROUP_NAME: {
    aliases: ['LOG_GROUP'],
    of: 'destination',
    field: 'cloudwatch.logGroup',
    isRequired: true,
  },
  CLOUDWATCH_LOG_STREAM_NAME: {
    aliases: ['LOG_STREAM'],
    of: 'destination',
    field: 'cloudwatch.logStream',
    isRequired: true,
  },
  AWS_ACCESS_KEY_ID: {
    aliases: ['AWS_ACCESS_KEY'],
    of: 'destination',
    field: 'credentials.accessKeyId',
  },
  AWS_SECRET_KEY: {
    aliases: ['AWS_SECRET_ACCESS_KEY'],
    of: 'destination',
    field: 'credentials.secretAccessKey',
    isSecret: true,
  },
  AWS_REGION: { of: 'destination', field: 'region', isRequired: true },
} as const satisfies Record<string, Setting>;
export type Auth0SettingName = keyof typeof auth0ExtensionSettings;
const names = Object.keys(auth0ExtensionSettings) as Auth0SettingName[];
const settingOf = (name: Auth0SettingName): Setting => auth0ExtensionSettings[name];

/** What the extension kept beside its settings, for itself. */
const OF_EXTENSION =
  /^(WT_URL|PUBLIC_WT_URL|EXTENSION_\w+|AUTH0_(RTA|MANAGE_URL|CALLBACK_URL|SCOPES|ISSUER_DOMAIN)|CRON_\w+)$/;

/** `fault`: with it nothing can be made. `warning`: it is read in another way than it stands there, or than the extension did. */
export interface Auth0SettingProblem {
  kind: 'fault' | 'warning';
  name: string;
  message: string;
}

/** What was entered, by the name that counts, and what is said of it. */
export class Auth0SettingsReading {
  readonly problems: Auth0SettingProblem[] = [];
  private readonly values = new Map<Auth0SettingName, unknown>();
  private readonly faulty = new Set<Setting['of']>();

  constructor(entered: Readonly<Record<string, unknown>>) {
    const given = new Map(
      Object.entries(entered).map(([name, value]) => [plain(name), { name, value }] as const),
    );
    for (const name of names) {
      const candidates = [name, ...(settingOf(name).aliases ?? [])];
      const found = candidates.filter((candidate) => isSet(given.get(plain(candidate))?.value));
      const [first, ...others] = found;
      if (first === undefined) {
        if (settingOf(name).isRequired === true) this.fault(name, 'is missing');
        continue;
      }
      this.values.set(name, given.get(plain(first))?.value);
      if (first !== name) this.warn(first, `is another name of ${name}, and read as that`);
      for (const other of others) this.warn(other, `is another name of ${first}, which wins`);
    }
    const known = new Set(
      names.flatMap((name) => [name, ...(settingOf(name).aliases ?? [])].map(plain)),
    );
    for (const [key, { name }] of given) {
      if (!known.has(key) && !OF_EXTENSION.test(name))
        this.warn(boundedText(name), 'is no setting of the extension that is known, and left out');
    }
  }

  warn(name: string, message: string): void {
    this.problems.push({ kind: 'warning', name, message });
  }

  fault(name: Auth0SettingName, message: string): void {
    this.problems.push({ kind: 'fault', name, message });
    this.faulty.add(settingOf(name).of);
  }

  /** Numbers and switches may stand there as such, or as texts. */
  text(name: Auth0SettingName): string | undefined {
    const value = this.values.get(name);
    if (value === undefined) return undefined;
    if (typeof value === 'object') {
      this.fault(name, 'must be a text');
      return undefined;
    }
    const text = textOf(value).trim();
    return text === AUTH0_BLANK ? undefined : text;
  }

  /** A list, or its members with commas between them. */
  list(name: Auth0SettingName, { withBlank = false } = {}): string[] {
    const value = this.values.get(name);
    if (value === undefined) return [];
    const texts = (Array.isArray(value) ? value : [value]).flatMap((member: unknown) =>
      typeof member === 'object' ? [] : textOf(member).split(','),
    );
    const trimmed = texts.map((text) => text.trim()).filter((text) => text !== '');
    return withBlank ? trimmed : trimmed.filter((text) => text !== AUTH0_BLANK);
  }

  /** What a draft comes to, once everything that is wrong with it has been told by the setting that it came from. */
  parsed<T>(schema: z.ZodType<T>, of: Setting['of'], draft: object): T | undefined {
    const result = schema.safeParse(draft, { reportInput: true });
    if (result.success) return this.faulty.has(of) ? undefined : result.data;
    const told = new Set(this.problems.filter(({ kind }) => kind === 'fault').map((p) => p.name));
    for (const { path, message } of schemaProblems(result.error)) {
      const name = nameOf(of, path.join('.'));
      if (name === undefined)
        this.problems.push({ kind: 'fault', name: `${of}.${path.join('.')}`, message });
      else if (!told.has(name)) this.fault(name, message);
    }
    return undefined;
  }
}

function nameOf(of: Setting['of'], path: string): Auth0SettingName | undefined {
  return names.find((name) => {
    const setting = settingOf(name);
    return setting.of === of && `${path}.`.startsWith(`${setting.field}.`);
  });
}

/** Forms show the names with blanks in them, and people write them in small letters. */
function plain(name: string): string {
  return name
    .trim()
    .replaceAll(/[\s-]+/g, '_')
    .toUpperCase();
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  return Array.isArray(value) ? value.length > 0 : textOf(value).trim() !== '';
}

export function boundedText(text: string): string {
  return text.slice(0, SHOWN_CHARS_MAX);
}

/** Numbers and switches as they would stand in a form. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

// What the settings of Auth0's extension "Auth0 Logs to CloudWatch" are here: a source, a destination and a channel. What the extension
// read in its own way is read as it was meant, and said.
import { AUTH0_BLANK } from './auth0-log-filter';
import { Auth0SettingsReading, boundedText, type Auth0SettingProblem } from './auth0-setting-names';
import { auth0LevelNames, auth0LogTypes } from './auth0-log-types';
import { ChannelInput, DAILY_REPORT_HOUR_STANDARD, eventsStandard } from './channel';
import { DestinationInput } from './destination';
import { CLOUDWATCH } from './limits';
import { AUTH0_PAGE_MAX, SCHEDULE_STANDARD, SourceInput } from './source';

/** Of all settings as JSON: a form has been filled in, and no file written. */
export const AUTH0_SETTINGS_CHARS_MAX = 64 * 1024;
/** What the settings come to. Secrets are in it. */
export interface Auth0Import {
  source?: SourceInput;
  destination?: DestinationInput;
  /** Only if they name an address of Slack. */
  channel?: ChannelInput;
  problems: Auth0SettingProblem[];
}

export interface Auth0ImportOptions {
  /** Of the source; the others are named after it. */
  id: string;
  /** A role by web identity, in the place of the access key. */
  roleArn?: string | undefined;
}

/** What the settings come to, with everything that is to be said of them. A record with a fault is not there. */
export function readAuth0Settings(
  entered: Readonly<Record<string, unknown>>,
  { id, roleArn }: Auth0ImportOptions,
): Auth0Import {
  const reading = new Auth0SettingsReading(entered);
  const source = sourceOf(reading, id);
  const destination = destinationOf(reading, id, roleArn);
  const channel = channelOf(reading, id);
  return {
    ...(source === undefined ? {} : { source }),
    ...(destination === undefined ? {} : { destination }),
    ...(channel === undefined ? {} : { channel }),
    problems: reading.problems,
  };
}

function sourceOf(reading: Auth0SettingsReading, id: string): SourceInput | undefined {
  const draft = {
    id,
    type: 'auth0',
    domain: domainOf(reading),
    clientId: reading.text('AUTH0_CLIENT_ID'),
    clientSecret: reading.text('AUTH0_CLIENT_SECRET'),
    schedule: scheduleOf(reading),
    batchSize: batchSizeOf(reading),
    startFrom: startFromOf(reading),
    logLevel: logLevelOf(reading),
    logTypes: logTypesOf(reading),
  };
  return reading.parsed(SourceInput, 'source', draft);
}

function scheduleOf(reading: Auth0SettingsReading): string {
  const text = reading.text('Schedule') ?? SCHEDULE_STANDARD;
  if (![5, 6].includes(text.split(/\s+/).length))
    reading.fault(
      'Schedule',
      'must be a cron expression of five fields, or six, the seconds first',
    );
  return text;
}

function domainOf(reading: Auth0SettingsReading): string | undefined {
  const text = reading.text('AUTH0_DOMAIN');
  const domain = text
    ?.replace(/^https?:\/\//i, '')
    .replace(/\/+$/, '')
    .toLowerCase();
  if (domain !== text) reading.warn('AUTH0_DOMAIN', `is taken as the domain alone, ${domain}`);
  return domain;
}

function batchSizeOf(reading: Auth0SettingsReading): number {
  const text = reading.text('BATCH_SIZE');
  if (text === undefined) return AUTH0_PAGE_MAX;
  const size = Number.parseInt(text, 10);
  if (size >= 1 && size <= AUTH0_PAGE_MAX && String(size) === text) return size;
  const taken = size >= 1 && size <= AUTH0_PAGE_MAX ? size : AUTH0_PAGE_MAX;
  reading.warn(
    'BATCH_SIZE',
    `is taken as ${taken}: it is 1 to ${AUTH0_PAGE_MAX}, Auth0's own most`,
  );
  return taken;
}

/** The extension put as many log events with one call as it asked for. */
function logEventsOfCall(reading: Auth0SettingsReading): number | undefined {
  const size = Number.parseInt(reading.text('BATCH_SIZE') ?? '', 10);
  return size >= 1 ? Math.min(size, CLOUDWATCH.batchLogEventsMax) : undefined;
}

function startFromOf(reading: Auth0SettingsReading): string | undefined {
  const text = reading.text('START_FROM');
  if (text !== undefined)
    reading.warn(
      'START_FROM',
      'names the log event before the first one that is sent, as in the extension. Set startFromInclusive to send it too',
    );
  return text;
}

/** By its number or its name. Of several, which a form of 2018 allowed and the extension took for none, the lowest. */
function logLevelOf(reading: Auth0SettingsReading): number | undefined {
  const levels = reading.list('LOG_LEVEL').map((text) => {
    const [, number] = /^([0-4])\b/.exec(text) ?? [];
    if (number !== undefined) return Number(number);
    const word = text.toLowerCase();
    return auth0LevelNames.findIndex(
      (name) => word.length >= 4 && name.startsWith(word.replace(/s$/, '')),
    );
  });
  if (levels.length === 0) return undefined;
  if (levels.includes(-1)) {
    reading.fault('LOG_LEVEL', `must be 0 to 4, or one of ${auth0LevelNames.join(', ')}`);
    return undefined;
  }
  const lowest = Math.min(...levels);
  if (levels.length > 1)
    reading.warn(
      'LOG_LEVEL',
      `is taken as ${lowest}, the lowest of several: the extension sent everything then`,
    );
  if (lowest <= 1)
    reading.warn(
      'LOG_LEVEL',
      'lets every type through, also those that the extension does not know and dropped',
    );
  return lowest;
}

function logTypesOf(reading: Auth0SettingsReading): string[] {
  const entered = reading.list('LOG_TYPES', { withBlank: true });
  const codes = [...new Set(entered.filter((code) => code !== AUTH0_BLANK))];
  if (codes.length < entered.length && entered.includes(AUTH0_BLANK))
    reading.warn('LOG_TYPES', 'has the blank of the form in it, which is left out');
  const unknown = codes.filter((code) => !auth0LogTypes.has(code));
  if (unknown.length > 0)
    reading.warn('LOG_TYPES', `has codes that nobody knows: ${boundedText(unknown.join(', '))}`);
  return codes;
}

function destinationOf(
  reading: Auth0SettingsReading,
  id: string,
  roleArn: string | undefined,
): DestinationInput | undefined {
  const names = (['CLOUDWATCH_LOG_GROUP_NAME', 'CLOUDWATCH_LOG_STREAM_NAME'] as const).map(
    (name) => {
      const text = reading.text(name);
      if (/[{}]/.test(text ?? '')) reading.fault(name, 'has braces, which stand for a template');
      return text;
    },
  );
  const draft = {
    id: `${id}-cloudwatch`,
    type: 'cloudwatch',
    preset: 'auth0',
    region: reading.text('AWS_REGION'),
    credentials: credentialsOf(reading, roleArn),
    filter: { types: ['tenant'] },
    cloudwatch: {
      logGroup: names[0],
      logStream: names[1],
      batchLogEventsMax: logEventsOfCall(reading),
    },
  };
  return reading.parsed(DestinationInput, 'destination', draft);
}

function credentialsOf(reading: Auth0SettingsReading, roleArn: string | undefined): object {
  const accessKeyId = reading.text('AWS_ACCESS_KEY_ID');
  const secretAccessKey = reading.text('AWS_SECRET_KEY');
  if (roleArn !== undefined) {
    if (accessKeyId !== undefined)
      reading.warn(
        'AWS_ACCESS_KEY_ID',
        'is left out, since there is a role. Delete the key in IAM',
      );
    return { kind: 'web_identity', roleArn };
  }
  if (accessKeyId === undefined) reading.fault('AWS_ACCESS_KEY_ID', MISSING_KEY);
  if (secretAccessKey === undefined) reading.fault('AWS_SECRET_KEY', MISSING_KEY);
  if (accessKeyId !== undefined && secretAccessKey !== undefined)
    reading.warn('AWS_ACCESS_KEY_ID', 'is a long-lived key: a role needs none, and is safer');
  return { kind: 'access_key', accessKeyId, secretAccessKey };
}

const MISSING_KEY = 'is missing, and there is no role in its place';

function channelOf(reading: Auth0SettingsReading, id: string): ChannelInput | undefined {
  const url = reading.text('SLACK_INCOMING_WEBHOOK_URL');
  const sendsSuccess = sendsSuccessOf(reading);
  const dailyReportHour = reportHourOf(reading);
  if (url === undefined) return undefined;
  const draft = {
    id: `${id}-slack`,
    kind: 'slack',
    url,
    sources: [id],
    destinations: [`${id}-cloudwatch`],
    events: sendsSuccess ? [...eventsStandard, 'run.succeeded'] : eventsStandard,
    dailyReportHour,
  };
  return reading.parsed(ChannelInput, 'channel', draft);
}

function sendsSuccessOf(reading: Auth0SettingsReading): boolean {
  const text = reading.text('SLACK_SEND_SUCCESS')?.toLowerCase();
  if (text !== undefined && text !== 'true' && text !== 'false')
    reading.warn('SLACK_SEND_SUCCESS', 'is taken as false: it is true or false');
  return text === 'true';
}

function reportHourOf(reading: Auth0SettingsReading): number {
  const text = reading.text('DAILY_REPORT_TIME');
  if (text === undefined) return DAILY_REPORT_HOUR_STANDARD;
  if (/^([01]?\d|2[0-3])$/.test(text)) return Number(text);
  reading.warn(
    'DAILY_REPORT_TIME',
    `is taken as ${DAILY_REPORT_HOUR_STANDARD}: it is an hour of the day, 0 to 23`,
  );
  return DAILY_REPORT_HOUR_STANDARD;
}

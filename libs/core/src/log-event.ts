import { inspectJson, jsonTextOf } from './json-text';
import { LOG_EVENT } from './limits';
import { utf8Bytes } from './utf8';

/** One thing that happened, as the platform sent it, checked and ready to be routed. */
export interface LogEvent {
  /** What kind of log it belongs to: `deployment`, `audit`, `task`, … */
  type: string;
  /** When it happened, epoch milliseconds; its arrival if the sender did not say. */
  timeMs: number;
  /** What is delivered: the text that was sent, or the compact JSON of the value that was sent. Never empty. */
  message: string;
  /** Whether `message` is the compact JSON of a value that was not a string. */
  isJson: boolean;
  /** The value that was sent, as JSON: `message` itself if that is JSON, and otherwise `message` in quotes. */
  json: string;
  id: string | undefined;
  level: string | undefined;
  /** Where in the tenant's hierarchy it happened: `project/web/environment/prod`. */
  scope: string | undefined;
  attributes: Readonly<Record<string, string>> | undefined;
}

/** Why a log event was not accepted. Names the field and the reason; holds no more of the content than a field's name. */
export interface Refusal {
  code: RefusalCode;
  message: string;
}

export type RefusalCode =
  | 'event.invalid_json'
  | 'event.not_an_object'
  | 'event.unknown_field'
  | 'event.type_missing'
  | 'event.type_invalid'
  | 'event.time_invalid'
  | 'event.time_out_of_range'
  | 'event.message_missing'
  | 'event.message_empty'
  | 'event.message_too_large'
  | 'event.message_too_deep'
  | 'event.id_invalid'
  | 'event.level_invalid'
  | 'event.scope_invalid'
  | 'event.attributes_invalid'
  | 'event.tenant_missing'
  | 'event.tenant_invalid'
  | 'event.tenant_unknown'
  | 'event.tenant_unreadable'
  | 'event.tenant_backlog_full';

/** What a request says once for all of its log events. */
export interface LogEventDefaults {
  nowMs: number;
  type?: string | undefined;
  scope?: string | undefined;
  /** Whether the log event itself names its tenant (`POST /v1/events`). */
  tenantInEvent?: boolean;
}

/** A parsed log event, a refusal, or the wish to see the value parsed exactly (see `parseJsonExact`). */
export type ParsedLogEvent =
  | { kind: 'event'; event: LogEvent; tenantId: string | undefined }
  | { kind: 'refused'; refusal: Refusal }
  | { kind: 'inexact' };

const slug = /^[a-z0-9][a-z0-9_.-]*$/i;
const isoTime = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;

const controlCharacter = /[\u0000-\u001f\u007f]/;

class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
  }
}

function refuse(code: RefusalCode, message: string): never {
  throw new Refused({ code, message });
}

/**
 * Checks one parsed JSON value and turns it into a log event.
 *
 * A field that is not known is refused rather than ignored: its sender believes that it will be delivered.
 *
 * @param line the text that the value was parsed from, if it has one of its own: saves writing the message as JSON again
 */
export function parseLogEvent(
  value: unknown,
  defaults: LogEventDefaults,
  line?: string,
): ParsedLogEvent {
  try {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      refuse('event.not_an_object', 'a log event is a JSON object with at least a message');
    }
    return readFields(value, defaults, line);
  } catch (error) {
    if (error instanceof Refused) return { kind: 'refused', refusal: error.refusal };
    throw error;
  }
}

function readFields(
  fields: object,
  defaults: LogEventDefaults,
  line: string | undefined,
): ParsedLogEvent {
  const event: LogEvent = {
    type: defaults.type ?? '',
    timeMs: defaults.nowMs,
    message: '',
    isJson: false,
    json: '',
    id: undefined,
    level: undefined,
    scope: defaults.scope,
    attributes: undefined,
  };
  let tenantId: string | undefined;
  let message: unknown;
  // A plain loop: Object.entries would make an array a field, for every log event.
  for (const name in fields) {
    const value = (fields as Record<string, unknown>)[name];
    switch (name) {
      case 'message':
        message = value;
        break;
      case 'type':
        event.type = parseType(value);
        break;
      case 'time':
        event.timeMs = parseTimeMs(value);
        break;
      case 'id':
        event.id = parseText(value, 'id', LOG_EVENT.idCharsMax);
        break;
      case 'level':
        event.level = parseText(value, 'level', LOG_EVENT.levelCharsMax);
        break;
      case 'scope':
        event.scope = parseText(value, 'scope', LOG_EVENT.scopeCharsMax);
        break;
      case 'attributes':
        event.attributes = parseAttributes(value);
        break;
      case 'tenant':
        tenantId = parseTenant(value, defaults);
        break;
      default:
        refuse('event.unknown_field', `${quoteName(name)} is not a field of a log event`);
    }
  }
  if (event.type === '') {
    refuse('event.type_missing', 'type is missing, and the request gives no default for it');
  }
  if (!takeMessage(event, message, line)) return { kind: 'inexact' };
  return { kind: 'event', event, tenantId };
}

/** Sets the message in both of its forms. False if the value has to be parsed exactly first. */
function takeMessage(event: LogEvent, message: unknown, line: string | undefined): boolean {
  if (typeof message === 'string') {
    event.message = message.isWellFormed() ? message : message.toWellFormed();
    event.json = jsonTextOf(event.message, line);
  } else {
    if (message === undefined) refuse('event.message_missing', 'message is missing');
    const inspected = inspectJson(message, LOG_EVENT.messageDepthMax);
    if (inspected === 'inexact') return false;
    if (inspected === 'too_deep') {
      refuse(
        'event.message_too_deep',
        `message is nested deeper than ${LOG_EVENT.messageDepthMax} levels`,
      );
    }
    event.message = event.json = JSON.stringify(message);
    event.isJson = true;
  }
  checkSize(event.message);
  return true;
}

function checkSize(message: string): void {
  if (message === '')
    refuse('event.message_empty', 'message is empty; CloudWatch Logs takes no empty log event');
  // Three bytes are the most a UTF-16 unit can take, so most messages need no counting.
  if (message.length * 3 <= LOG_EVENT.messageBytesMax) return;
  const bytes = utf8Bytes(message);
  if (bytes > LOG_EVENT.messageBytesMax) {
    refuse(
      'event.message_too_large',
      `message has ${bytes} bytes; the most is ${LOG_EVENT.messageBytesMax}`,
    );
  }
}

/** Checks a request's own `type` and `scope`, which hold for every log event that gives none. */
export function parseDefaults(query: {
  type?: unknown;
  scope?: unknown;
}): { type: string | undefined; scope: string | undefined } | Refusal {
  try {
    return {
      type: query.type === undefined ? undefined : parseType(query.type),
      scope:
        query.scope === undefined
          ? undefined
          : parseText(query.scope, 'scope', LOG_EVENT.scopeCharsMax),
    };
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
}

/** A type is a slug: it becomes part of names and keys. */
function parseType(value: unknown): string {
  if (typeof value !== 'string' || value.length > LOG_EVENT.typeCharsMax || !slug.test(value)) {
    refuse(
      'event.type_invalid',
      `type must be a slug of up to ${LOG_EVENT.typeCharsMax} letters, digits, dots, dashes and underscores`,
    );
  }
  return value;
}

function parseTimeMs(value: unknown): number {
  const timeMs =
    typeof value === 'number' ? value : typeof value === 'string' ? parseIsoMs(value) : NaN;
  if (!Number.isInteger(timeMs)) {
    refuse(
      'event.time_invalid',
      'time must be ISO 8601 with a time zone, or whole epoch milliseconds',
    );
  }
  if (timeMs < LOG_EVENT.timeMsMin || timeMs > LOG_EVENT.timeMsMax) {
    refuse(
      'event.time_out_of_range',
      timeMs > 0 && timeMs < LOG_EVENT.timeMsMin
        ? 'time looks like epoch seconds; send epoch milliseconds'
        : 'time lies outside the years 1973 to 9999',
    );
  }
  return timeMs;
}

function parseIsoMs(text: string): number {
  const match = isoTime.exec(text);
  if (match === null) return NaN;
  const [, year, month, day] = match;
  // Date.parse takes 31 February for 3 March; a day that does not exist is a mistake worth naming.
  if (Number(day) > 28 && Number(day) > daysInMonth(Number(year), Number(month))) return NaN;
  return Date.parse(text.replace(',', '.').replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
}

function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function parseText(value: unknown, field: 'id' | 'level' | 'scope', charsMax: number): string {
  if (
    typeof value !== 'string' ||
    value === '' ||
    value.length > charsMax ||
    controlCharacter.test(value)
  ) {
    refuse(
      `event.${field}_invalid`,
      `${field} must be a string of 1 to ${charsMax} characters without control characters`,
    );
  }
  return value;
}

function parseAttributes(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse('event.attributes_invalid', 'attributes must be an object of strings');
  }
  let count = 0;
  for (const [name, text] of Object.entries(value) as [string, unknown][]) {
    count++;
    if (
      name === '' ||
      name.length > LOG_EVENT.attributeNameCharsMax ||
      controlCharacter.test(name)
    ) {
      refuse(
        'event.attributes_invalid',
        `an attribute's name must have 1 to ${LOG_EVENT.attributeNameCharsMax} characters without control characters`,
      );
    }
    if (typeof text !== 'string' || text.length > LOG_EVENT.attributeValueCharsMax) {
      refuse(
        'event.attributes_invalid',
        `attributes.${quoteName(name)} must be a string of up to ${LOG_EVENT.attributeValueCharsMax} characters`,
      );
    }
  }
  if (count > LOG_EVENT.attributesMax) {
    refuse(
      'event.attributes_invalid',
      `attributes has ${count} members; the most is ${LOG_EVENT.attributesMax}`,
    );
  }
  return value as Record<string, string>;
}

function parseTenant(value: unknown, defaults: LogEventDefaults): string {
  if (defaults.tenantInEvent !== true) {
    refuse(
      'event.unknown_field',
      'tenant is given by the address of this request; send mixed tenants to /v1/events',
    );
  }
  if (typeof value !== 'string' || value === '') {
    refuse('event.tenant_invalid', 'tenant must be a tenant id');
  }
  return value;
}

/** A field's name as the sender wrote it, cut so that an answer cannot be blown up by it. */
function quoteName(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}

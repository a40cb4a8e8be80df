// When a line of a log file says that it happened. Logs without a zone are taken for UTC: there is nothing better to go by, and it is
// the same everywhere.

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

interface Form {
  pattern: RegExp;
  read: (match: RegExpExecArray) => number;
}

const forms: readonly Form[] = [
  {
    // 2015-10-18 18:01:47,978 · 2017-05-16 00:00:00.008 · 2026-11-21T10:48:00.123Z · 2026-11-21T10:48:00+01:00
    pattern:
      /\b(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?/,
    read: ([, year, month, day, hour, minute, second, fraction, zone]) =>
      Date.UTC(
        Number(year),
        Number(month) - 1,
        Number(day),
        Number(hour),
        Number(minute),
        Number(second),
      ) +
      fractionMs(fraction) -
      zoneMs(zone),
  },
  {
    // [Sun Dec 04 04:47:44 2005]
    pattern:
      /\b[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))? (\d{4})\b/,
    read: ([, month, day, hour, minute, second, fraction, year]) =>
      Date.UTC(
        Number(year),
        monthIndex(month),
        Number(day),
        Number(hour),
        Number(minute),
        Number(second),
      ) + fractionMs(fraction),
  },
  {
    // [10/Oct/2000:13:55:36 -0700]
    pattern: /\b(\d{1,2})\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d)(?: ([+-]\d{4}))?/,
    read: ([, day, month, year, hour, minute, second, zone]) =>
      Date.UTC(
        Number(year),
        monthIndex(month),
        Number(day),
        Number(hour),
        Number(minute),
        Number(second),
      ) - zoneMs(zone),
  },
];

/** Further into a line, a date is part of what is told and not when it was told. */
const HEAD_CHARS = 80;

/** The time of a line in epoch milliseconds, if it says one in a form that we know. */
export function lineTimeMs(line: string): number | undefined {
  const head = line.slice(0, HEAD_CHARS);
  let best: { at: number; timeMs: number } | undefined;
  for (const { pattern, read } of forms) {
    const match = pattern.exec(head);
    if (match === null) continue;
    const timeMs = read(match);
    if (Number.isFinite(timeMs) && (best === undefined || match.index < best.at))
      best = { at: match.index, timeMs };
  }
  return best?.timeMs;
}

function fractionMs(digits: string | undefined): number {
  return digits === undefined ? 0 : Math.floor(Number(`0.${digits}`) * 1_000 + 1e-6);
}

function zoneMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0;
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

function monthIndex(name: string | undefined): number {
  const index = MONTHS.indexOf((name ?? '').toLowerCase());
  return index === -1 ? NaN : index;
}

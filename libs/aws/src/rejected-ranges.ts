import type { FailureCode } from '@logferry/core';

/**
 * PutLogEvents' own account of what it did not take, by place in the call.
 * https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_RejectedLogEventsInfo.html
 */
export interface RejectedLogEventsInfo {
  /** Everything before this place is too old: exclusive. */
  tooOldLogEventEndIndex?: number | undefined;
  /** Everything before this place is older than the group's retention: exclusive. */
  expiredLogEventEndIndex?: number | undefined;
  /** Everything from this place on is too new: inclusive. */
  tooNewLogEventStartIndex?: number | undefined;
}

export interface RejectedRange {
  code: FailureCode;
  from: number;
  to: number;
}

/**
 * The log events that were not taken, each once and with one reason, in order. Whatever AWS says is brought within the call first: a
 * wrong index must not invent log events.
 */
export function rejectedRanges(
  info: RejectedLogEventsInfo | undefined,
  count: number,
): RejectedRange[] {
  if (info === undefined) return [];
  const within = (index: number | undefined, otherwise: number): number =>
    Math.min(Math.max(index ?? otherwise, 0), count);
  const tooOldTo = within(info.tooOldLogEventEndIndex, 0);
  const expiredTo = Math.max(within(info.expiredLogEventEndIndex, 0), tooOldTo);
  const tooNewFrom = Math.max(within(info.tooNewLogEventStartIndex, count), expiredTo);
  const ranges: RejectedRange[] = [
    { code: 'cloudwatch.log_event_too_old', from: 0, to: tooOldTo },
    { code: 'cloudwatch.log_event_expired', from: tooOldTo, to: expiredTo },
    { code: 'cloudwatch.log_event_too_new', from: tooNewFrom, to: count },
  ];
  return ranges.filter(({ from, to }) => to > from);
}

// What AWS documents of CloudWatch Logs, as probes.
import { outcomeOf } from './probe';
import type { Place, Probe } from './probe';
import { logs, logsClient, refusalOf } from './sdk-clients';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

type Events = readonly (readonly [offsetMs: number, message: string])[];

function put(place: Place, events: Events, more: Partial<logs.PutLogEventsCommandInput> = {}) {
  const nowMs = Date.now();
  const logEvents = events.map(([offsetMs, message]) => ({ timestamp: nowMs + offsetMs, message }));
  return place.logs.send(
    new logs.PutLogEventsCommand({
      logGroupName: place.group,
      logStreamName: 's',
      logEvents,
      ...more,
    }),
  );
}

const rejected = async (place: Place, events: Events): Promise<unknown> =>
  (await put(place, events)).rejectedLogEventsInfo;
const createGroup = (place: Place, logGroupName: string) =>
  outcomeOf(place.logs.send(new logs.CreateLogGroupCommand({ logGroupName })));
const createStream = (place: Place, logStreamName: string) =>
  outcomeOf(
    place.logs.send(new logs.CreateLogStreamCommand({ logGroupName: place.group, logStreamName })),
  );
const retain = (place: Place, retentionInDays: number) =>
  outcomeOf(
    place.logs.send(
      new logs.PutRetentionPolicyCommand({ logGroupName: place.group, retentionInDays }),
    ),
  );
export const LOGS_PROBES: readonly Probe[] = [
  {
    name: 'a put without its group',
    aws: 'ResourceNotFoundException',
    ask: (at) => outcomeOf(put(at, [[0, 'x']], { logGroupName: 'absent' })),
  },
  {
    name: 'a put without its stream',
    aws: 'ResourceNotFoundException',
    ask: (at) => outcomeOf(put(at, [[0, 'x']], { logStreamName: 'absent' })),
  },
  {
    name: 'a group created twice',
    aws: 'ResourceAlreadyExistsException',
    ask: (at) => createGroup(at, at.group),
  },
  {
    name: 'a stream created twice',
    aws: 'ResourceAlreadyExistsException',
    ask: (at) => createStream(at, 's'),
  },
  {
    name: 'a batch in order',
    aws: 'ok',
    ask: (at) =>
      outcomeOf(
        put(at, [
          [-1, 'a'],
          [0, 'b'],
        ]),
      ),
  },
  {
    name: 'an unordered batch',
    aws: 'InvalidParameterException',
    ask: (at) =>
      outcomeOf(
        put(at, [
          [0, 'a'],
          [-1000, 'b'],
        ]),
      ),
  },
  {
    name: 'a sequence token from nowhere',
    aws: 'ok',
    ask: (at) => outcomeOf(put(at, [[0, 'x']], { sequenceToken: 'bogus' })),
  },
  {
    name: 'a group name of 512 characters',
    aws: 'ok',
    ask: (at) => createGroup(at, 'x'.repeat(512)),
  },
  {
    name: 'a group name of 513 characters',
    aws: 'InvalidParameterException',
    ask: (at) => createGroup(at, 'x'.repeat(513)),
  },
  {
    name: 'the group name a:b*',
    aws: 'InvalidParameterException',
    motoDeviates: 'accepts it',
    ask: (at) => createGroup(at, 'a:b*'),
  },
  {
    name: 'the group name aws/x',
    aws: 'InvalidParameterException',
    motoDeviates: 'accepts it',
    ask: (at) => createGroup(at, 'aws/x'),
  },
  {
    name: 'the stream name a:b',
    aws: 'InvalidParameterException',
    motoDeviates: 'accepts it',
    ask: (at) => createStream(at, 'a:b'),
  },
  { name: 'a retention of 14 days', aws: 'ok', ask: (at) => retain(at, 14) },
  {
    name: 'a retention of 4 days',
    aws: 'InvalidParameterException',
    motoDeviates: 'accepts it',
    ask: (at) => retain(at, 4),
  },
  {
    name: 'an empty batch',
    aws: 'InvalidParameterException',
    motoDeviates: 'accepts it',
    ask: (at) => outcomeOf(put(at, [])),
  },
  {
    name: 'an empty message',
    aws: 'InvalidParameterException',
    motoDeviates: 'accepts it',
    ask: (at) => outcomeOf(put(at, [[0, '']])),
  },
  {
    name: '10,001 events',
    aws: 'InvalidParameterException',
    motoDeviates: 'accepts them',
    ask: (at) => outcomeOf(put(at, Array<readonly [number, string]>(10_001).fill([0, 'x']))),
  },
  {
    name: '1,048,577 bytes',
    aws: 'InvalidParameterException',
    motoDeviates: 'accepts them',
    ask: (at) =>
      outcomeOf(
        put(at, [
          [0, 'x'.repeat(500_000)],
          [0, 'x'.repeat(548_525)],
        ]),
      ),
  },
  {
    name: '1,048,578 bytes of three-byte characters',
    aws: 'InvalidParameterException',
    motoDeviates: 'accepts them',
    ask: (at) =>
      outcomeOf(
        put(at, [
          [0, '€'.repeat(349_500)],
          [0, 'xxx'.repeat(9)],
        ]),
      ),
  },
  {
    name: 'a span of 25 hours',
    aws: 'InvalidParameterException',
    motoDeviates: 'accepts it',
    ask: (at) =>
      outcomeOf(
        put(at, [
          [-25 * HOUR_MS, 'a'],
          [0, 'b'],
        ]),
      ),
  },
  {
    name: 'one event of 13 days',
    aws: undefined,
    ask: (at) => rejected(at, [[-13 * DAY_MS, 'a']]),
  },
  {
    name: 'two too old and one good',
    aws: { tooOldLogEventEndIndex: 2 },
    motoDeviates: 'answers 1',
    ask: (at) =>
      rejected(at, [
        [-16 * DAY_MS, 'a'],
        [-15 * DAY_MS, 'b'],
        [0, 'c'],
      ]),
  },
  {
    name: 'one good and two too new',
    aws: { tooNewLogEventStartIndex: 1 },
    motoDeviates: 'answers 2',
    ask: (at) =>
      rejected(at, [
        [0, 'a'],
        [3 * HOUR_MS, 'b'],
        [4 * HOUR_MS, 'c'],
      ]),
  },
  {
    name: 'two days old under a retention of one',
    aws: { expiredLogEventEndIndex: 1 },
    motoDeviates: 'stores it',
    ask: async (at) => {
      await retain(at, 1);
      return rejected(at, [[-2 * DAY_MS, 'a']]);
    },
  },
  {
    name: 'an entity of a type that is none',
    aws: { errorType: 'InvalidTypeValue' },
    motoDeviates: 'ignores it',
    ask: async (at) =>
      (await put(at, [[0, 'x']], { entity: { keyAttributes: { Type: 'Nonsense', Name: 'a' } } }))
        .rejectedEntityInfo,
  },
  {
    name: 'reading back by time',
    aws: ['a', 'b', 'c'],
    ask: async (at) => {
      await put(at, [
        [-1000, 'b'],
        [0, 'c'],
      ]);
      await put(at, [[-2_000, 'a']]);
      const answer = await at.logs.send(
        new logs.GetLogEventsCommand({
          logGroupName: at.group,
          logStreamName: 's',
          startFromHead: true,
        }),
      );
      return answer.events?.map(({ message }) => message);
    },
  },
  {
    name: 'a stream that is deleted',
    aws: 'ResourceNotFoundException',
    ask: async (at) => {
      await at.logs.send(
        new logs.DeleteLogStreamCommand({ logGroupName: at.group, logStreamName: 's' }),
      );
      return outcomeOf(put(at, [[0, 'x']]));
    },
  },
  {
    name: 'the ARN of a group',
    aws: true,
    ask: async (at) => {
      const answer = await at.logs.send(
        new logs.DescribeLogGroupsCommand({ logGroupNamePrefix: at.group }),
      );
      return answer.logGroups?.[0]?.arn?.endsWith(`:log-group:${at.group}:*`);
    },
  },
  {
    name: 'a stranger’s keys',
    aws: 'UnrecognizedClientException',
    motoDeviates: 'checks no keys',
    ask: async (at) => {
      const stranger = logsClient({
        endpoint: at.endpoint,
        credentials: { accessKeyId: 'AKIASTRANGER00000000', secretAccessKey: 'x' },
      });
      return (await refusalOf(stranger.send(new logs.DescribeLogGroupsCommand({})))).code;
    },
  },
];

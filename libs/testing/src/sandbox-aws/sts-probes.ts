// What AWS documents of STS, as probes.
import { ACCOUNT } from './fixtures';
import { outcomeOf } from './probe';
import type { Place, Probe } from './probe';
import { sts } from './sdk-clients';

const assume = (place: Place, more: Partial<sts.AssumeRoleWithWebIdentityCommandInput>) =>
  outcomeOf(
    place.sts.send(
      new sts.AssumeRoleWithWebIdentityCommand({
        RoleArn: `arn:aws:iam::${ACCOUNT}:role/absent`,
        RoleSessionName: 'tests',
        WebIdentityToken: 'not.a.token',
        ...more,
      }),
    ),
  );

export const STS_PROBES: readonly Probe[] = [
  {
    name: 'who am I',
    aws: 'ok',
    ask: (at) => outcomeOf(at.sts.send(new sts.GetCallerIdentityCommand({}))),
  },
  {
    name: 'a token that is none',
    aws: 'InvalidIdentityTokenException',
    motoDeviates: 'accepts it',
    ask: (at) => assume(at, {}),
  },
  {
    name: 'a session of 899 seconds',
    aws: 'ValidationError',
    motoDeviates: 'accepts it',
    ask: (at) => assume(at, { DurationSeconds: 899 }),
  },
  {
    name: 'a session of 43,201 seconds',
    aws: 'ValidationError',
    motoDeviates: 'accepts it',
    ask: (at) => assume(at, { DurationSeconds: 43_201 }),
  },
  {
    name: 'a session name with a space',
    aws: 'ValidationError',
    motoDeviates: 'accepts it',
    ask: (at) => assume(at, { RoleSessionName: 'a b' }),
  },
  {
    name: 'a session policy of 2,049 characters',
    aws: 'ValidationError',
    motoDeviates: 'accepts it',
    ask: (at) => assume(at, { Policy: '{}'.padEnd(2_049) }),
  },
];

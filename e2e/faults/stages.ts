// All scenarios, by the world that they need. The longest come first, so that the lanes end together.
import { startRedis } from '@logferry/testing';
import { World } from './world';
import { stage, type Stage } from './stage';
import {
  deletedStreams,
  expiredSessions,
  halfAccepted,
  lostAnswers,
  throttleStorm,
} from './scenarios/aws-trouble';
import { brokerDown } from './scenarios/broker-down';
import { clusterFailover, lackedByCluster, startClusterWorld } from './scenarios/cluster-failover';
import { diskFull, lackedByDiskFull, startDiskWorld } from './scenarios/disk-full';
import { kills } from './scenarios/kills';
import { pulledSource, startPulledWorld } from './scenarios/pulled-source';
import { pausedWorkers } from './scenarios/paused-workers';
import {
  lackedByPowerCuts,
  powerCutAlways,
  powerCutEverysec,
  startPoweredWorld,
} from './scenarios/power-cuts';
import { redisOutages } from './scenarios/redis-outages';
import { rollingRestarts } from './scenarios/rolling-restarts';
import { twoKills } from './scenarios/two-kills';
import { wrongClocks } from './scenarios/wrong-clocks';

const plain = (processes: number) => async () =>
  World.start({ processes, redis: await startRedis() });

export const stages: readonly Stage[] = [
  stage(plain(2), [rollingRestarts, redisOutages, kills, pausedWorkers]),
  stage(plain(1), [
    lostAnswers,
    throttleStorm,
    halfAccepted,
    deletedStreams,
    expiredSessions,
    brokerDown,
    wrongClocks,
    twoKills,
  ]),
  stage(startPulledWorld, [pulledSource]),
  stage(() => startPoweredWorld('everysec'), [powerCutEverysec], lackedByPowerCuts()),
  stage(() => startPoweredWorld('always'), [powerCutAlways], lackedByPowerCuts()),
  stage(startClusterWorld, [clusterFailover], lackedByCluster()),
  stage(startDiskWorld, [diskFull], lackedByDiskFull()),
];

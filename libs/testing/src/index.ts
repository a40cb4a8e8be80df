// What tests and tools hold in their hands: a Redis that may be killed, and an AWS that refuses what AWS refuses. Never production code.
export * from './processes';
export * from './redis';
export * from './redis-cluster';
export * from './builders';

// What is true without a computer: log events, destinations, lanes, names, limits, failures. No I/O, no clock, no chance, no framework.
export * from './assert';
export * from './backoff';
export * from './credential';
export * from './destination';
export * from './failure';
export * from './filter';
export * from './json-text';
export * from './lane';
export * from './ledger';
export * from './limits';
export * from './log-event';
export * from './naming';
export * from './object-key';
export * from './preset';
export * from './template';
export * from './tenant';
export * from './utf8';

// What the workers have in common: they differ only in how a batch is written, and that stays in their apps. Introduces the queue, the
// store and the broker to each other; knows neither AWS nor HTTP.
export * from './deliverable';
export * from './worker-process';

// Node's own modules make their errors outside of Jest's sandbox, where `error instanceof Error` is false inside it: the AWS SDK then
// wraps a broken connection and loses its code, which it does nowhere else. Sharing Error makes tests see what a process sees.
const { TestEnvironment } = require('jest-environment-node');

module.exports = class SharedErrorEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    this.global.Error = Error;
  }
};

// Node's own modules make their errors outside of Jest's sandbox, where `error instanceof Error` is false inside it: the AWS SDK then
// wraps a broken connection and loses its code, which it does nowhere else. And Fastify derives its "body too large" from RangeError.
// Here an error is an instance of its class whichever side made it, so that tests see what a process sees.
const { TestEnvironment } = require('jest-environment-node');

const kinds = { Error, TypeError, RangeError, SyntaxError };

module.exports = class SharedErrorEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    const isInstance = this.global.Function.prototype[Symbol.hasInstance];
    for (const [name, outer] of Object.entries(kinds)) {
      const inner = this.global[name];
      Object.defineProperty(inner, Symbol.hasInstance, {
        // Inherited by every class that extends it, for which the question stays the usual one.
        value(value) {
          return isInstance.call(this, value) || (this === inner && value instanceof outer);
        },
      });
    }
  }
};

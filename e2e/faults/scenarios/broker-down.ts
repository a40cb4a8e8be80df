import { pause } from '../pause';
import type { Scenario } from '../scenario';

/** No session can be had: AWS takes no old one either, since the workers that start anew have none. */
export const brokerDown: Scenario = {
  name: 'broker-down',
  promise:
    'while there is no credential broker everything is accepted and waits, and it goes on afterwards',
  async run({ world, load, sent, form, check, remark }) {
    const [broker] = world.of('credential-broker');
    if (broker === undefined) throw new Error('there is a broker');
    await world.kill(broker);
    world.aws.forgetSessions();
    const before = sent.acknowledged();
    await pause(form.brokerDownMs);
    await load.more(form.between);
    check((await world.waiting()) > 0, 'nothing waited for the broker');
    const ledgers = await world.ledgers();
    check(
      ledgers.every(({ ledger }) => ledger.deadLettered === 0),
      'something became a dead letter for want of a broker',
    );
    await broker.start();
    remark(
      `${sent.acknowledged() - before} acknowledged in ${form.brokerDownMs / 1_000} s without it`,
    );
  },
};

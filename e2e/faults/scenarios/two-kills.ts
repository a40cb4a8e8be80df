import type { Sink } from '@logferry/core';
import { until } from '@logferry/testing';
import type { Scene, Scenario } from '../scenario';
import { tenants } from '../tenants';

/** With BullMQ's own bound, a batch is condemned when its worker dies for the second time, healthy as it is. */
const KILLS = 2;

/** The calls of one customer hang, and the workers die in the middle of them: of the same batch each time. */
export const twoKills: Scenario = {
  name: 'two-kills',
  promise: 'a batch whose worker died twice in the middle of it is delivered by the third',
  async run(scene) {
    const { world, load, chance, form } = scene;
    const tenant = chance.pick(tenants);
    // Of more batches than a destination has slots, others would take the place of the one whose worker died.
    load.hush(tenant.id);
    await until(() => isQuiet(scene, tenant.id), {
      timeoutMs: form.settleMs,
      what: `everything of ${tenant.id} is delivered`,
    });
    const { account, bucket } = tenant;
    for (const match of [
      { operation: 'PutLogEvents', account },
      { operation: 'PutObject', bucket },
    ] as const)
      world.aws.addFault({ match, action: { kind: 'hang' } });
    load.unhush(tenant.id);
    await until(async () => !(await isQuiet(scene, tenant.id)), { what: 'something is sent' });
    load.hush(tenant.id);
    for (let kill = 1; kill <= KILLS; kill++) {
      await Promise.all(
        (['cloudwatch', 's3'] as const).map(async (sink) => {
          await until(async () => (await mostBegun(scene, sink, tenant.id)) >= kill, {
            timeoutMs: 90_000,
            intervalMs: 100,
            what: `a batch of ${sink} is under way for the time ${kill}`,
          });
          const workers = world.of(sink === 'cloudwatch' ? 'cloudwatch-worker' : 's3-worker');
          await Promise.all(workers.map((worker) => world.kill(worker)));
          await Promise.all(workers.map((worker) => worker.start()));
        }),
      );
    }
    load.unhush(tenant.id);
    scene.remark(`of ${tenant.id}, whose calls hung`);
  },
};

/** Whether nothing waits of what was accepted for a tenant. */
async function isQuiet({ world }: Scene, tenantId: string): Promise<boolean> {
  const ledgers = (await world.ledgers()).filter(({ tenant }) => tenant === tenantId);
  return ledgers.every(({ ledger }) => ledger.waiting === 0);
}

/** How often the delivery of a tenant's batch was begun at most. */
async function mostBegun({ world }: Scene, sink: Sink, tenantId: string): Promise<number> {
  const ids = await world.client.zrange(`{lf-0}:live:${sink}`, '0', '-1');
  const batches = await Promise.all(ids.map((id) => world.store.batch(id)));
  return Math.max(0, ...batches.map((batch) => (batch?.tenantId === tenantId ? batch.begun : 0)));
}

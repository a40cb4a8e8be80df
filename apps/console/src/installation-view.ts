import { redisVersions, type RedisClient } from '@logferry/queue';
import { VERSION } from '@logferry/runtime';
import { z } from 'zod';

export const InstallationView = z.strictObject({
  version: z.string().describe('of this console'),
  node: z.string().describe('the version of Node that it runs on'),
  redis: z
    .array(z.string())
    .describe("the version of Redis; of a cluster's masters, each that there is"),
});
export type InstallationView = z.infer<typeof InstallationView>;

/** What an installation consists of, as far as the console can see. */
export async function installationView(redis: RedisClient): Promise<InstallationView> {
  return {
    version: VERSION,
    node: process.versions.node,
    redis: await redisVersions(redis),
  };
}
